"""The holds of the study: what, since when and by whom, and the way to lift one."""

from __future__ import annotations

from flask import Blueprint

from core.ledger.signed import of_holds
from core.messages import Message
from core.subjects.hold_list import HoldRow, HoldsListing
from core.subjects.holds import stop_words
from web.reading.common import after, chosen, first, look, show
from web.reading.signed import signed_words
from web.session import signed_in
from web.words import say, t


def add_to(pages: Blueprint) -> None:
    """Put the page at its address."""
    pages.add_url_rule("/holds", "holds", signed_in(all_holds))


def all_holds() -> str:
    """The holds, the newest first."""
    lists = look(HoldsListing)
    page = lists.list_holds(chosen("after"))
    numbers = [row.number for row in page.rows]
    return show(
        "holds",
        t("web.menu.holds"),
        page=page,
        after=after(page),
        first=first(),
        scope=_scope,
        stops=_stops,
        signatures=signed_words(of_holds(lists.db, lists.study, numbers)),
    )


def _scope(row: HoldRow) -> str:
    words = say(Message(f"choice.hold_{row.scope}"))
    return f"{words}: {row.of}" if row.of else words


def _stops(row: HoldRow) -> str:
    return ", ".join(say(stop_words(what)) for what in row.stops)
