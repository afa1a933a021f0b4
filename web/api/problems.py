"""What goes wrong, as problem details (RFC 9457) with the codes of every other channel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, request

from core import errors
from core.messages import Message
from core.text import TextMissing
from locales import catalogue

MEDIA_TYPE: Final = "application/problem+json"
LANGUAGE_OTHERWISE: Final = "en"
WAIT_SECONDS: Final = 60

# The first one that fits; a refusal that is not named here is a conflict with what is on record.
_STATUS: Final[tuple[tuple[type[errors.IxrsError], int], ...]] = (
    (errors.InvalidInput, 422),
    (errors.RequestReused, 422),
    (errors.NotAuthenticated, 401),
    (errors.LockedOut, 403),
    (errors.MustWait, 429),
    (errors.NotFound, 404),
    (errors.NotAllowed, 403),
    (errors.SignatureMissing, 403),
    (errors.Refused, 409),
    (errors.Unavailable, 503),
)


class RequestProblem(Exception):
    """A request that is none of the document's, before anything of it reaches the core."""

    def __init__(
        self,
        status: int,
        code: str,
        message: Message,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message
        self.field, self.headers = field, dict(headers or {})


def malformed(message: Message, field: str | None = None) -> RequestProblem:
    """A request whose form is wrong."""
    return RequestProblem(400, "invalid_request", message, field=field)


def language_for(otherwise: str | None = None) -> str:
    """The reader's language: Accept-Language, or else that of the token's owner."""
    known = catalogue().languages
    for tag, quality in request.accept_languages:  # the best one first
        spoken = tag.partition("-")[0].lower()
        if quality > 0 and spoken in known:
            return spoken
    return otherwise if otherwise in known else LANGUAGE_OTHERWISE


def tell(message: Message, language: str) -> str:
    """The message in words; its id where there are none, rather than no answer at all."""
    try:
        return catalogue().render(message, language, spoken=False)
    except TextMissing:
        return f"({message.id})"


def status_of(error: errors.IxrsError) -> int:
    """The HTTP status of an error of the core."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def of_core(error: errors.IxrsError, language: str) -> Response:
    """An error of the core as a response."""
    headers = {}
    status = status_of(error)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ixrs"'
    if status in (429, 503):
        headers["Retry-After"] = str(WAIT_SECONDS if status == 429 else 1)
    told_of = (errors.InvalidInput, errors.ListRefused)
    field = error.field if isinstance(error, told_of) else None
    found = error.message.params.get("problems", ())
    each = found if isinstance(found, tuple) else ()
    listed = [one for one in each if isinstance(one, Message)] or [error.message]
    body = _body(status, error.code, error.message, language)
    if field is not None:
        body["field"] = field
        body["errors"] = [{"field": field, "detail": tell(one, language)} for one in listed]
    return _response(body, headers)


def of_request(problem: RequestProblem, language: str) -> Response:
    """A malformed request as a response."""
    body = _body(problem.status, problem.code, problem.message, language)
    if problem.field is not None:
        body["field"] = problem.field
        body["errors"] = [{"field": problem.field, "detail": body["detail"]}]
    return _response(body, problem.headers)


def _body(status: int, code: str, message: Message, language: str) -> dict[str, Any]:
    return {
        "type": f"urn:ixrs:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": tell(message, language),
    }


def _response(body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    return Response(text + "\n", body["status"], dict(headers), content_type=MEDIA_TYPE)
