"""The API under /api/v1: a face like the others, for programs that act as a person."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import structlog
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from core.access import views
from core.access.roles import Actor
from core.access.tokens import authenticate
from core.errors import IxrsError, NotAuthenticated, NotFound
from core.messages import Message
from core.runtime import Core
from core.transaction import Channel
from web.api import (
    accountability,
    copies,
    deeds,
    lots,
    orders,
    own,
    problems,
    records,
    resupply,
    treatments,
)
from web.api.document import KEY, document
from web.api.limits import Limits, Taken
from web.api.operations import Answer, Call, Operation
from web.api.problems import RequestProblem, malformed
from web.api.schema import Schema, is_valid, loads
from web.session import open_to_all, source
from web.viewed import seen_in

PREFIX: Final = "/api/v1"
_PARTS: Final = (own, records, copies, accountability, lots, orders, resupply, treatments, deeds)
OPERATIONS: Final = tuple(one for part in _PARTS for one in part.OPERATIONS)
_NO_RECORD: Final = frozenset({"list_transactions"})
"""What one may do is no part of a study's record."""
_log = structlog.get_logger("api")


def blueprint(core: Core, limits: Limits | None = None) -> Blueprint:
    """GET /api/v1/openapi.json, and all that it describes."""
    api = Blueprint("api", __name__, url_prefix=PREFIX)
    bounds = limits or Limits.of()
    for operation in OPERATIONS:
        api.add_url_rule(
            re.sub(r"{(\w+)}", r"<\1>", operation.path),
            operation.name,
            _view(core, bounds, operation),
            methods=[operation.method.upper()],
            provide_automatic_options=False,
        )
    text = json.dumps(document(OPERATIONS, PREFIX))

    @open_to_all
    def openapi() -> Response:
        return _guarded(lambda: _open(bounds, text))

    api.add_url_rule("/openapi.json", "openapi", openapi, provide_automatic_options=False)
    api.before_app_request(_unknown_address)
    return api


def _open(limits: Limits, text: str) -> Response:
    taken = _take(limits, f"address|{source()}")
    return Response(text, content_type="application/json", headers=taken.headers())


def _view(core: Core, limits: Limits, operation: Operation) -> Callable[..., Response]:
    @open_to_all  # to the token that it asks for itself
    def view(**path: str) -> Response:
        def answer() -> Response:
            actor, number, taken = _who(core, limits)
            g.language = problems.language_for(actor.language)
            g.limits = taken.headers()
            call = _read(core, actor, operation, path)
            found = operation.handler(call)
            _record(call, operation, number)
            return _written(found)

        return _guarded(answer)

    return view


def _record(call: Call, operation: Operation, token: int) -> None:
    """What was read of a study is on record before it is sent. What a token reads is sealed when
    nothing was read with it for as long as a browser may stand idle."""
    if operation.method == "get" and "study" in call.path and operation.name not in _NO_RECORD:
        seen = seen_in(operation.name, {**call.query, **call.path})
        session, who = f"token {token}", call.actor.user_id
        views.note(call.core, session, who, Channel.API.value, call.path["study"], seen)


def _guarded(answer: Callable[[], Response]) -> Response:
    """The answer, or what went wrong as a problem."""
    try:
        response = answer()
    except RequestProblem as problem:
        response = problems.of_request(problem, _language())
    except IxrsError as error:
        if problems.status_of(error) >= 500:
            _log.error("request_failed", code=error.code)
        response = problems.of_core(error, _language())
    except HTTPException as error:
        response = problems.of_request(_of_http(error), _language())
    except Exception as error:
        _log.error("request_failed", exc_info=error)
        wrong = RequestProblem(500, "internal_error", Message("api.internal_error"))
        response = problems.of_request(wrong, _language())
    for name, value in g.get("limits", {}).items():
        response.headers.setdefault(name, value)
    response.headers["Content-Language"] = _language()
    return response


def _language() -> str:
    found: str = g.get("language") or problems.language_for()
    return found


def _who(core: Core, limits: Limits) -> tuple[Actor, int, Taken]:
    """Whose token it is, and which, if there is still room for a request of that token.

    Raises NotAuthenticated, RequestProblem. Others at the same address who guess are told to wait;
    a token that is right is never made to wait for them.
    """
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer":
            raise NotAuthenticated(Message("api.no_token"))
        actor, number = authenticate(core, text.strip())
    except NotAuthenticated:
        _check_room(limits.failures.take(f"address|{source()}"))
        raise
    return actor, number, _take(limits, f"token|{number}")


def _take(limits: Limits, key: str) -> Taken:
    taken = limits.requests.take(key)
    _check_room(taken)
    return taken


def _check_room(taken: Taken) -> None:
    if not taken.allowed:
        told = Message("api.rate_limited", {"seconds": taken.wait})
        raise RequestProblem(429, "rate_limited", told, headers=taken.headers())


def _read(core: Core, actor: Actor, operation: Operation, path: Mapping[str, str]) -> Call:
    """The request as a value. Raises RequestProblem if the document does not have it like that."""
    key = _key() if operation.keyed else ""
    query = _query(operation.query)
    body = _body(operation)
    return Call(core, actor, _language(), source(), path, query, body, key)


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not is_valid(KEY, key):
        raise malformed(Message("api.key"), "Idempotency-Key")
    return key


def _query(known: Mapping[str, Schema]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in request.args.lists():
        schema = known.get(name)
        if schema is None:
            raise malformed(Message("api.unknown", {"name": name[:40]}), name[:80])
        value: Any = values[0]
        if schema["type"] == "integer" and re.fullmatch(r"[0-9]{1,9}", value):
            value = int(value)
        if len(values) > 1 or not is_valid(schema, value):
            raise malformed(Message("api.value", {"name": name}), name)
        found[name] = value
    return found


def _body(operation: Operation) -> Mapping[str, Any]:
    if operation.body is None:
        return {}
    if request.mimetype != "application/json":
        raise RequestProblem(415, "unsupported_media_type", Message("api.media_type"))
    try:
        value = loads(request.get_data(cache=False))
    except ValueError:
        raise malformed(Message("api.no_json")) from None
    operation.body.check(value)
    found: Mapping[str, Any] = value
    return found


def _written(answer: Answer) -> Response:
    if answer.content is not None:
        headers = dict(answer.headers)
        return Response(answer.content, answer.status, headers, content_type=answer.media)
    if answer.value is None:
        return Response(status=answer.status, headers=dict(answer.headers))
    text = json.dumps(answer.value, ensure_ascii=False, default=_plain)
    return Response(
        text + "\n", answer.status, dict(answer.headers), content_type="application/json"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


def _unknown_address() -> Response | None:
    """Under /api/v1 an unknown address or method is a problem too, never a page."""
    missed = request.routing_exception
    if missed is None or not request.path.startswith((f"{PREFIX}/", PREFIX)):
        return None

    def answer() -> Response:
        if missed.code == 405:
            raise missed
        raise NotFound

    return _guarded(answer)


def _of_http(error: HTTPException) -> RequestProblem:
    if error.code == 405:
        allowed = {name: value for name, value in error.get_headers() if name == "Allow"}
        return RequestProblem(405, "method_not_allowed", Message("api.method"), headers=allowed)
    if error.code == 413:
        return RequestProblem(413, "too_large", Message("api.too_large"))
    return malformed(Message("api.malformed"))
