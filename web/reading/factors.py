"""One's own second factor: an app that makes codes, passkeys. Each change takes PIN or password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from core.access import factors, halfway, passkeys
from core.access.signin import sign
from core.errors import InvalidInput, IxrsError, LockedOut, MustWait, NotAuthenticated, NotFound
from core.transaction import Channel
from web.csp import with_script
from web.db import close, connection, the_core
from web.errors import status_of
from web.pages.forms import Problem, on_a_page
from web.qr import path_of
from web.reading.common import Link, show
from web.session import (
    current,
    drop_cookie,
    end_session,
    hand_cookie,
    host_only,
    signed_in,
    source,
    take_back,
)
from web.words import say, t

COOKIE: Final = "ixrs-half"
_MEANING: Final = "second_factor"


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    guard = signed_in(place=False)

    def add(path: str, name: str, view: Callable[..., AnyResponse], method: str) -> None:
        pages.add_url_rule(f"/account/factors{path}", name, guard(view), methods=[method])

    add("", "factors", overview, "GET")
    add("/app", "begin_app", begin_app, "POST")
    add("/app/key", "app_key", app_key, "GET")
    add("/app/key", "confirm_app", confirm_app, "POST")
    add("/app/remove", "remove_app", remove_app, "POST")
    add("/passkey", "begin_passkey", begin_passkey, "POST")
    add("/passkey/make", "new_passkey", new_passkey, "GET")
    add("/passkey/make", "add_passkey", add_passkey, "POST")
    add("/passkey/remove", "remove_passkey", remove_passkey, "POST")


def overview() -> AnyResponse:
    """What is in use, and what can be set up."""
    return _overview()


def begin_app() -> AnyResponse:
    """The key for the app, after PIN or password."""
    return _after_secret(lambda: _begun(halfway.ADD_APP, "reading.app_key"))


def app_key() -> AnyResponse:
    """The key to scan or to type. Raises NotFound where an app is in use, and some minutes after
    PIN or password."""
    return _app_page()


def confirm_app() -> AnyResponse:
    """A code of the app shows that it has the key."""
    me, typed = current(), "".join(request.form.get("code", "").split())
    half = _half(halfway.ADD_APP)
    close()
    try:
        factors.confirm_app(the_core(), me.actor, typed)
    except InvalidInput as wrong:
        return _app_page([Problem("code", say(wrong.message))], 422)
    return _ended(half)


def remove_app() -> AnyResponse:
    """Take the app out of use, after PIN or password."""
    me = current()

    def remove() -> AnyResponse:
        factors.remove_app(the_core(), me.actor)
        return _done()

    return _after_secret(remove)


def begin_passkey() -> AnyResponse:
    """A challenge for the browser, after PIN or password."""
    if not passkeys.is_possible(the_core().settings):
        raise NotFound
    return _after_secret(lambda: _begun(halfway.ADD_PASSKEY, "reading.new_passkey"))


def new_passkey() -> AnyResponse:
    """The browser is asked for a passkey. Raises NotFound once the challenge has run out."""
    return _passkey_page()


def add_passkey() -> AnyResponse:
    """Keep the passkey that the browser made."""
    me, core = current(), the_core()
    half = _half(halfway.ADD_PASSKEY)
    close()
    taken = request.form.get
    try:
        passkeys.add(core, me.actor, taken("name", ""), half.challenge, taken("passkey", ""))
    except InvalidInput as wrong:
        return _passkey_page([Problem(wrong.field, say(wrong.message))], 422)
    return _ended(half)


def remove_passkey() -> AnyResponse:
    """Take a passkey out of use, after PIN or password."""
    me, credential = current(), request.form.get("credential", "")

    def remove() -> AnyResponse:
        factors.remove_passkey(the_core(), me.actor, credential)
        return _done()

    return _after_secret(remove)


def _after_secret(deed: Callable[[], AnyResponse]) -> AnyResponse:
    """Do it if the PIN or password in the form is right: a browser left alone is not enough."""
    me, core = current(), the_core()
    close()
    secret, meaning = request.form.get("secret", ""), _MEANING
    try:
        sign(core, me.actor, secret, meaning=meaning, source=source(), channel=Channel.WEB)
    except LockedOut as locked:
        end_session(core, me.session)
        page = render_template("cannot.html", message=say(locked.message))
        response = make_response(page, status_of(locked))
        drop_cookie(core, response)
        return response
    except (NotAuthenticated, MustWait) as wrong:
        return _refused(wrong)
    return deed()


def _begun(purpose: str, page: str) -> AnyResponse:
    """On to the page where it is set up, which opens with what this hands to the browser."""
    core = the_core()
    token = halfway.start(core, current().actor, purpose=purpose)
    response = redirect(url_for(page), 303)
    hand_cookie(core, response, host_only(core, COOKIE), token, halfway.LIFETIME)
    return response


def _ended(half: halfway.Halfway) -> AnyResponse:
    """It is set up, and what was begun for it is over."""
    halfway.forget(the_core(), half)
    response = _done()
    take_back(the_core(), response, COOKIE)
    return response


def _refused(wrong: IxrsError) -> Response:
    problem = Problem(request.form.get("at", "secret"), say(on_a_page(wrong.message)))
    return _overview([problem], status_of(wrong))


def _done() -> AnyResponse:
    return redirect(url_for("reading.factors"), 303)


def _overview(problems: list[Problem] | None = None, status: int = 200) -> Response:
    core = the_core()
    page = show(
        "factors",
        t("web.factors.title"),
        _way(),
        factors=factors.factors_of(connection(), current().actor.user_id),
        is_possible=passkeys.is_possible(core.settings),
        problems=problems or [],
    )
    return make_response(page, status)


def _app_page(problems: list[Problem] | None = None, status: int = 200) -> Response:
    me = current()
    _half(halfway.ADD_APP)
    close()
    key = factors.begin_app(the_core(), me.actor)
    size, path = path_of(key.address)
    page = show(
        "app",
        t("web.factors.app_add"),
        _way(),
        Link(t("web.factors.link"), url_for("reading.factors")),
        key=" ".join(key.text[at : at + 4] for at in range(0, len(key.text), 4)),
        size=size,
        path=path,
        problems=problems or [],
    )
    return make_response(page, status)


def _passkey_page(problems: list[Problem] | None = None, status: int = 200) -> Response:
    me, half = current(), _half(halfway.ADD_PASSKEY)
    page = show(
        "passkey",
        t("web.factors.passkey_add"),
        _way(),
        Link(t("web.factors.link"), url_for("reading.factors")),
        options=passkeys.options_to_add(the_core(), me.actor, half.challenge),
        name=request.form.get("name", ""),
        problems=problems or [],
    )
    return with_script(make_response(page, status))


def _half(purpose: str) -> halfway.Halfway:
    """What this browser was handed, if it is this person's. Raises NotFound once it has run out."""
    core = the_core()
    token = request.cookies.get(host_only(core, COOKIE), "")
    half = halfway.find(connection(), core, token, purpose=purpose)
    if half.user_id != current().actor.user_id:
        raise NotFound
    return half


def _way() -> Link:
    return Link(t("web.account.title"), url_for("reading.account"))
