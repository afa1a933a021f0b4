"""The composition root: one Flask application on one core, telephone and pages mounted on it."""

from __future__ import annotations

import threading
from typing import Final

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from core.errors import Unavailable
from core.runtime import Core
from ivr import sms_status, voice
from web import health, home
from web.background import run

REQUEST_BYTES_MAX: Final = 256 * 1024
HSTS: Final = "max-age=31536000; includeSubDomains"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_log = structlog.get_logger("web")


def create_app(core: Core) -> Flask:
    """The application that `ixrs serve` runs: telephone, message status, health, the home page."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = REQUEST_BYTES_MAX
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for pages in (
        voice.create_voice(core),
        sms_status.blueprint(core),
        health.blueprint(core),
        home.blueprint(core),
    ):
        app.register_blueprint(pages)
    headers = dict(HEADERS)
    if core.settings.public_url.startswith("https:"):
        headers["Strict-Transport-Security"] = HSTS

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    _tell_errors_shortly(app)
    return app


def start_background(core: Core) -> threading.Event:
    """Start the background work in a thread; set the event to end it."""
    stop = threading.Event()
    threading.Thread(target=run, args=(core, stop), name="background", daemon=True).start()
    return stop


def _tell_errors_shortly(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = Response(f"{error.code} {error.name}\n", error.code, mimetype="text/plain")
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(Unavailable)
    def unavailable(error: Unavailable) -> Response:
        return Response("503 The database cannot be reached just now; try again.\n", 503,
                        mimetype="text/plain")  # fmt: skip

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _log.error("request_failed", exc_info=error)
        return Response("500 Something went wrong on our side.\n", 500, mimetype="text/plain")
