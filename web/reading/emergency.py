"""The operator's pages: calls taken and not closed, where to call back, and what comes next."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.errors import NotFound
from core.facts import Facts
from core.messages import Message
from core.unblinding.callers import SITE_PHONE, caller_of, card_of, numbers_on_record, open_calls
from web.db import connection, the_core
from web.reading.common import Link, show
from web.session import current, signed_in
from web.viewed import about
from web.words import say, t


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/emergency", "emergency", signed_in(calls))
    pages.add_url_rule("/emergency/<number>", "emergency_call", signed_in(one_call))


def _facts() -> Facts:
    """Of the study as a whole. Raises NotFound for whoever is no operator there."""
    me = current()
    if not me.actor.may(Permission.OPERATE, me.study.code, None):
        raise NotFound
    return Facts(
        connection(), the_core(), actor=me.actor, study=me.study.code, site=None, now=me.now
    )


def position_words(row: Any) -> str:
    """As what somebody is calling."""
    return say(Message(f"choice.position_{row.position}"))


def calls() -> str:
    """The calls that this operator has taken and not closed, and how one is taken."""
    return show(
        "emergency",
        t("web.emergency.title"),
        calls=open_calls(_facts()),
        position=position_words,
    )


def one_call(number: str) -> str:
    """A call: who it is, the numbers on record, and the two ways in which it may end."""
    facts = _facts()
    row = next((one for one in open_calls(facts) if one.number == number), None)
    if row is None:
        raise NotFound
    about(subject=row.subject, of=number)
    found = numbers_on_record(facts.db, facts.core.keys, facts.study, row.site, facts.now)
    return show(
        "emergency_call",
        t("web.emergency.call", number=number),
        Link(t("web.emergency.title"), url_for("reading.emergency")),
        call=row,
        caller=caller_of(facts.core.keys, row),
        card=card_of(facts.core.keys, row),
        position=position_words(row),
        numbers=found,
        site_phone=SITE_PHONE,
    )
