"""From what went wrong to an answer: a page for people, a short text for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog
from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from core.errors import (
    InvalidInput,
    IxrsError,
    LockedOut,
    MustWait,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Refused,
    StudyFileRefused,
    Unavailable,
)
from core.messages import Message
from web.words import say

_log = structlog.get_logger("web")
STATUS: Final[Mapping[type[IxrsError], int]] = {
    NotFound: 404,
    NotAllowed: 403,
    NotAuthenticated: 403,
    InvalidInput: 422,
    LockedOut: 429,
    MustWait: 429,
    Refused: 409,
    Unavailable: 503,
}
"""The status of an error on a page, by its class or the nearest class above it."""
_PROGRAMS: Final = ("/ivr/", "/api/", "/healthz", "/readyz", "/metrics")
_UNAVAILABLE: Final = "The database cannot be reached just now; try again."


def status_of(error: IxrsError) -> int:
    """The HTTP status that tells this error."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def wants_page() -> bool:
    """Whether it is a person with a browser that asks."""
    return (
        not request.path.startswith(_PROGRAMS)
        and request.accept_mimetypes.best_match(("text/plain", "text/html")) == "text/html"
    )


def init_app(app: Flask) -> None:
    """Answer every error."""

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        code = error.code or 500
        response = _answer(code, f"{code} {error.name}", Message(_page_text(code)))
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> AnyResponse:
        # Most often a page that was left open over night: its session is gone, and its form too.
        _log.warning("form_refused", endpoint=request.endpoint)
        if wants_page() and request.endpoint == "sign_in.enter":
            return redirect(url_for("sign_in.form", stale=1), 303)
        return _answer(400, "400 Bad Request", Message("web.error_stale_form"))

    @app.errorhandler(IxrsError)
    def known(error: IxrsError) -> Response:
        if isinstance(error, Unavailable):
            return unavailable(error)
        status = status_of(error)
        if status == 500 or isinstance(error, StudyFileRefused):
            return unexpected(error)  # a study file that was published, and can't be read
        if isinstance(error, NotFound):
            return _answer(404, "404 Not Found", Message("web.error_not_found"))
        return _answer(status, f"{status} {error.code}", error.message)

    @app.errorhandler(OperationalError)
    @app.errorhandler(Unavailable)
    def unavailable(error: Exception) -> Response:
        # No page: a page would ask the database who is reading it.
        return Response(f"503 {_UNAVAILABLE}\n", 503, mimetype="text/plain")

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _log.error("request_failed", exc_info=error)
        return Response("500 Something went wrong on our side.\n", 500, mimetype="text/plain")


def _page_text(code: int) -> str:
    known = {404: "web.error_not_found", 405: "web.error_not_found", 413: "web.error_too_large"}
    return known.get(code, "web.error_other")


def _answer(status: int, short: str, message: Message) -> Response:
    if not wants_page():
        return Response(f"{short}\n", status, mimetype="text/plain")
    return make_response(render_template("cannot.html", message=say(message)), status)
