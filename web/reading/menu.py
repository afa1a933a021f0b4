"""The way from anywhere to the pages to read: only those that are there for this person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import url_for

from core.access.roles import Permission
from web.session import find_current
from web.words import t


@dataclass(frozen=True, slots=True)
class Entry:
    """A link to a page, in words."""

    text: str
    url: str


_PAGES: Final[tuple[tuple[str, str, Permission | None], ...]] = (
    ("web.menu.subjects", "reading.subjects", Permission.SEE_SUBJECTS),
    ("web.menu.stock", "reading.stock", Permission.SEE_STOCK),
    ("web.menu.shipments", "reading.shipments", Permission.SEE_SHIPMENTS),
    ("web.menu.sites", "reading.sites", None),
    ("web.menu.holds", "reading.holds", Permission.HOLDS),
    ("web.menu.ledger", "reading.ledger", Permission.SEE_LEDGER),
    ("web.menu.people", "reading.people", Permission.SEE_PEOPLE),
    ("web.menu.versions", "reading.versions", Permission.SEE_VERSIONS),
    ("web.menu.lists", "reading.lists", Permission.SEE_VERSIONS),
)


def entries() -> tuple[Entry, ...]:
    """The pages of the study that the person works in; none before one is chosen."""
    me = find_current()
    if me is None or me.place is None or not me.study.number:
        return ()
    return tuple(
        Entry(t(text), url_for(page))
        for text, page, permission in _PAGES
        if permission is None or me.actor.sites_where(permission, me.study.code) != frozenset()
    )
