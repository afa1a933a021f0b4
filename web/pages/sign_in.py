"""Sign-in with user ID and PIN or password, sign-out, and the first sign-in with a code."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from core.access.activation import activate
from core.access.roles import Actor
from core.access.signin import SecretAged, is_pin, sign_in
from core.errors import InvalidInput, LockedOut, MustWait, NotAuthenticated
from core.messages import Message
from core.transaction import Channel
from locales import catalogue
from web.db import close, the_core
from web.errors import status_of
from web.pages.forms import Problem
from web.pages.second import go_on
from web.session import (
    drop_cookie,
    end_session,
    find_current,
    is_https,
    open_to_all,
    safe_next,
    source,
)
from web.words import LANGUAGE_COOKIE, say, t

_YEAR_SECONDS = 365 * 24 * 3600

pages = Blueprint("sign_in", __name__)


@pages.get("/sign-in")
@open_to_all
def form() -> Response | str:
    wanted = request.args.get("next")
    if find_current() is not None:
        return redirect(safe_next(wanted), 303)
    notes = [t("web.sign_in_again")] if wanted else []
    if request.args.get("stale"):
        notes = [t("web.error_stale_form")]
    if request.args.get("over"):
        notes = [t("web.second.over")]
    return _sign_in_page(wanted, notes=notes)


@pages.post("/sign-in")
@open_to_all
def enter() -> Response:
    wanted, secret, renews = request.form.get("next"), request.form.get("secret", ""), ""
    close()
    try:
        actor = sign_in(
            the_core(),
            request.form.get("user_id", "").strip(),
            secret,
            source=source(),
            channel=Channel.WEB,
        )
    except SecretAged as aged:
        actor, renews = aged.actor, "pin" if is_pin(secret) else "password"
    except (NotAuthenticated, LockedOut, MustWait) as refused:
        problem = Problem("user_id", say(refused.message))
        return make_response(_sign_in_page(wanted, [problem]), status_of(refused))
    return go_on(actor, wanted, renews)


@pages.post("/sign-out")
@open_to_all
def leave() -> Response:
    found = find_current()
    close()
    if found is not None:
        end_session(the_core(), found.session)
    response = redirect(url_for("home.home"), 303)
    drop_cookie(the_core(), response)
    return response


@pages.get("/activate")
@open_to_all
def code() -> str:
    return render_template("activate.html", problems=[])


@pages.post("/activate")
@open_to_all
def use_code() -> Response:
    close()
    try:
        actor = _activate()
    except (InvalidInput, NotAuthenticated, MustWait) as wrong:
        field = wrong.field if isinstance(wrong, InvalidInput) else "code"
        unknown = isinstance(wrong, NotAuthenticated)
        problem = Problem(field, t("web.error_code") if unknown else say(wrong.message))
        page = render_template("activate.html", problems=[problem])
        return make_response(page, status_of(wrong))
    return go_on(actor, None)


@pages.get("/language/<code>")
@open_to_all
def language(code: str) -> Response:
    response = redirect(safe_next(request.args.get("next")), 303)
    if code in catalogue().languages:
        response.set_cookie(
            LANGUAGE_COOKIE,
            code,
            max_age=_YEAR_SECONDS,
            httponly=True,
            secure=is_https(the_core()),
            samesite="Strict",
        )
    return response


def _sign_in_page(
    wanted: str | None, problems: list[Problem] | None = None, notes: list[str] | None = None
) -> str:
    return render_template(
        "sign_in.html",
        next=wanted,
        problems=problems or [],
        notes=notes or [],
        user_id=request.form.get("user_id", "")[:11],
    )


def _activate() -> Actor:
    """Raises as `activate` does, and InvalidInput where the two entries of a secret differ."""
    taken = request.form.get
    for name in ("pin", "password"):
        if taken(name, "") != taken(f"{name}_again", ""):
            raise InvalidInput(f"{name}_again", Message("web.error_unlike"))
    code = "".join(taken("code", "").split())
    password = taken("password", "")
    return activate(
        the_core(), code, taken("pin", ""), password=password, source=source(), channel=Channel.WEB
    )
