"""One's own account: roles, PIN and password, tokens for the API."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from core.access import tokens
from core.errors import InvalidInput, NotFound
from core.facts import is_keyed
from core.transaction import Channel
from web import once
from web.db import close, connection, the_core
from web.reading.common import show
from web.reading.people import role_words
from web.session import current, signed_in
from web.words import say, t

_KEPT = "new-token"


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    guard = signed_in(place=False)
    pages.add_url_rule("/account", "account", guard(account))
    pages.add_url_rule("/account/tokens", "make_token", guard(make_token), methods=["POST"])
    pages.add_url_rule(
        "/account/tokens/<number>/revoke", "revoke_token", guard(revoke_token), methods=["POST"]
    )


def account() -> str:
    """The person's own data."""
    return _page()


def _page(problem: tuple[str, str] | None = None) -> str:
    me = current()
    return show(
        "account",
        t("web.account.title"),
        roles=[(role_words(one.role), one.study, one.site) for one in me.actor.grants],
        tokens=tokens.tokens_of(connection(), me.actor.user_id),
        now=me.now,
        shown=once.shown(_KEPT),
        problem=problem,
        given=request.form,
        days_max=tokens.DAYS_MAX,
    )


def make_token() -> AnyResponse | tuple[str, int]:
    """Make a token; its text is shown on the next page, and never again."""
    me, core = current(), the_core()
    days = request.form.get("days", "").strip()
    close()
    try:
        _, text = tokens.make(
            core,
            me.actor,
            request.form.get("name", ""),
            int(days) if is_keyed(days) and len(days) < 6 else 0,
            channel=Channel.WEB,
        )
    except InvalidInput as wrong:
        return _page((wrong.field, say(wrong.message))), 422
    once.keep(_KEPT, text)
    return redirect(url_for("reading.account"), 303)


def revoke_token(number: str) -> AnyResponse:
    """End a token at once."""
    me = current()
    if not is_keyed(number) or len(number) > 9:
        raise NotFound
    close()
    tokens.revoke(the_core(), me.actor, int(number), channel=Channel.WEB)
    return redirect(url_for("reading.account"), 303)
