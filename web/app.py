"""The composition root: one Flask application on one core, telephone and pages mounted on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

from flask import Blueprint, Flask, Response
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]
from jinja2 import StrictUndefined

from core.runtime import Core
from ivr import sms_in, sms_status, voice
from web import api, assets, compress, csp, db, errors, health, reading, session, words
from web.background import run
from web.pages import deed, home, place, receipt, second, sign_in

REQUEST_BYTES_MAX: Final = 256 * 1024
HSTS: Final = "max-age=31536000; includeSubDomains"
HEADERS: Final = {
    csp.HEADER: csp.POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(core: Core) -> Flask:
    """The application that `ixrs serve` runs: telephone, message status, health, pages."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = REQUEST_BYTES_MAX
    app.config["PROPAGATE_EXCEPTIONS"] = False
    db.init_app(app, core)
    _set_up_templates(app)
    forms = _guard_forms(app, core)
    for each in _for_programs(core):
        forms.exempt(each)
        app.register_blueprint(each)
    for each in _for_people(core):
        app.register_blueprint(each)
    headers = dict(HEADERS)
    if session.is_https(core):
        headers["Strict-Transport-Security"] = HSTS

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return compress.squeeze(response)

    errors.init_app(app)
    return app


def start_background(core: Core) -> threading.Event:
    """Start the background work in a thread; set the event to end it."""
    stop = threading.Event()
    threading.Thread(target=run, args=(core, stop), name="background", daemon=True).start()
    return stop


def _for_programs(core: Core) -> Iterator[Blueprint]:
    """What other programs ask for: each of these proves in its own way who asks."""
    yield voice.create_voice(core)
    yield sms_in.blueprint(core)
    yield sms_status.blueprint(core)
    yield health.blueprint(core)
    yield api.blueprint(core)


def _for_people(core: Core) -> Iterator[Blueprint]:
    yield assets.files
    yield home.pages
    yield sign_in.pages
    yield second.pages
    yield place.pages
    yield deed.pages
    yield receipt.pages
    yield reading.blueprint(core)


def _set_up_templates(app: Flask) -> None:
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    names = (words.t, words.say, words.day, words.days, words.moment, words.number)
    helpers = (*names, words.upper_first, assets.asset)
    app.jinja_env.globals.update({name.__name__: name for name in helpers})
    app.context_processor(
        lambda: {"me": session.find_current(), "lang": words.language(), "languages": words.NAMES}
    )


def _guard_forms(app: Flask, core: Core) -> CSRFProtect:
    """Every form carries a token that its browser's own cookie vouches for."""
    https = session.is_https(core)
    app.config.update(
        SECRET_KEY=core.keys.derive("web forms"),
        SESSION_COOKIE_NAME="__Host-ixrs-form" if https else "ixrs-form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: nobody loses a form to the clock
        WTF_CSRF_SSL_STRICT=False,  # our pages send no referrer
    )
    app.before_request(deed.allow_files)
    return CSRFProtect(app)
