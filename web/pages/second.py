"""The steps between a right PIN or password and the session: second factor, new secret."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from core.access import halfway
from core.access.factors import factors_of
from core.access.halfway import Halfway
from core.access.passkeys import is_possible, options_to_prove
from core.access.roles import Actor
from core.errors import InvalidInput, IxrsError, LockedOut, NotAuthenticated, NotFound
from core.messages import Message
from web.csp import with_script
from web.db import close, connection, the_core
from web.errors import status_of
from web.pages.forms import Problem
from web.session import (
    drop_cookie,
    hand_cookie,
    host_only,
    open_session,
    open_to_all,
    safe_next,
    take_back,
)
from web.words import say, t

COOKIE: Final = "ixrs-half"
pages = Blueprint("second", __name__)


def go_on(actor: Actor, wanted: str | None, renews: str = "") -> AnyResponse:
    """To the session, for someone whose first factor was right; by the steps that are left, if any
    are. `renews` is the secret that has to be a new one (pin, password)."""
    core = the_core()
    if not renews and not halfway.is_needed(core, actor):
        return open_session(core, actor, redirect(safe_next(wanted), 303))
    token = halfway.start(core, actor, renews=renews)
    response = redirect(url_for("second.step", next=wanted), 303)
    hand_cookie(core, response, host_only(core, COOKIE), token, halfway.LIFETIME)
    return response


@pages.errorhandler(NotFound)
def over(error: NotFound) -> AnyResponse:
    """It took too long, or was tried too often: from the beginning."""
    close()
    response = redirect(url_for("sign_in.form", over=1, next=request.args.get("next")), 303)
    drop_cookie(the_core(), response, COOKIE)
    return response


@pages.get("/sign-in/step")
@open_to_all
def step() -> Response:
    return _page(_half())


@pages.post("/sign-in/code")
@open_to_all
def code() -> AnyResponse:
    half = _half()
    close()
    typed = "".join(request.form.get("code", "").split())
    try:
        halfway.prove_app(the_core(), half, typed)
    except (NotAuthenticated, LockedOut) as wrong:
        return _wrong(half, "code", wrong)
    return _next(half)


@pages.post("/sign-in/passkey")
@open_to_all
def passkey() -> AnyResponse:
    half = _half()
    close()
    try:
        halfway.prove_passkey(the_core(), half, request.form.get("passkey", ""))
    except (NotAuthenticated, LockedOut) as wrong:
        return _wrong(half, "passkey", wrong)
    return _next(half)


@pages.post("/sign-in/renew")
@open_to_all
def renew() -> AnyResponse:
    half = _half()
    close()
    chosen = request.form.get("new_secret", "")
    try:
        if chosen != request.form.get("again", ""):
            raise InvalidInput("again", Message("web.error_unlike"))
        if (half.renews == "pin") != (len(chosen) == 6):
            words = "error.pin_form" if half.renews == "pin" else "error.password_short"
            raise InvalidInput("new_secret", Message(words, {"least": 12}))
        halfway.choose_anew(the_core(), half, chosen)
    except InvalidInput as unfit:
        return _page(half, [Problem(unfit.field, say(unfit.message))], status_of(unfit))
    return _next(half)


def _half() -> Halfway:
    token = request.cookies.get(host_only(the_core(), COOKIE), "")
    return halfway.find(connection(), the_core(), token)


def _next(half: Halfway) -> AnyResponse:
    """In, or on to the step that is left."""
    core, wanted = the_core(), request.form.get("next")
    try:
        actor = halfway.complete(core, half)
    except NotFound:
        return redirect(url_for("second.step", next=wanted), 303)
    response = open_session(core, actor, redirect(safe_next(wanted), 303))
    take_back(core, response, COOKIE)
    return response


def _wrong(half: Halfway, field: str, wrong: IxrsError) -> AnyResponse:
    if isinstance(wrong, LockedOut):
        page = render_template("cannot.html", message=say(wrong.message))
        response = make_response(page, status_of(wrong))
        drop_cookie(the_core(), response, COOKIE)
        return response
    words = "web.second.wrong" if field == "code" else "web.second.passkey_failed"
    return _page(half, [Problem(field, t(words))], status_of(wrong))


def _page(half: Halfway, problems: list[Problem] | None = None, status: int = 200) -> Response:
    """The step that comes next."""
    shown = {"problems": problems or [], "next": request.values.get("next")}
    if half.proven:
        page = render_template("renew.html", renews=half.renews, **shown)
        return make_response(page, status)
    core = the_core()
    factors = factors_of(connection(), half.user_id)
    options = None
    if factors.passkeys and is_possible(core.settings):
        options = options_to_prove(core, half.user_id, half.challenge)
    page = render_template("second.html", app=factors.app_since, options=options, **shown)
    response = make_response(page, status)
    return with_script(response) if options else response
