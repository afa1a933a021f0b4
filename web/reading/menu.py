"""The way from anywhere to the pages to read: only those that are there for this person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import url_for

from core.access.roles import Actor, Permission
from core.supply.unblinded import type_depots, type_sites
from web.session import find_current
from web.words import t


@dataclass(frozen=True, slots=True)
class Entry:
    """A link to a page, in words."""

    text: str
    url: str


_OPENING: Final = (
    *(Permission.CODE_BREAK, Permission.CODE_VIEW, Permission.OPERATE, Permission.UNBLIND),
)
Shown = Callable[[Actor, str], bool]


def _sees(permission: Permission) -> Shown:
    return lambda actor, study: actor.sites_where(permission, study) != frozenset()


def _everybody(actor: Actor, study: str) -> bool:
    return True


def _opens_treatments(actor: Actor, study: str) -> bool:
    """Those to whom a treatment may be opened by a deed of theirs, or by the plan."""
    return any(actor.sites_where(one, study) != frozenset() for one in _OPENING)


def _sees_lots(actor: Actor, study: str) -> bool:
    return type_sites(actor, study, Permission.SEE_STOCK) is None


def _sees_depots(actor: Actor, study: str) -> bool:
    """Those of the supply side: others come there by a shipment."""
    return type_depots(actor, study) != frozenset()


def _sees_shipments(actor: Actor, study: str) -> bool:
    see = Permission.SEE_SHIPMENTS
    return bool(actor.sites_where(see, study) != frozenset() or actor.depots_where(see, study))


_PAGES: Final[tuple[tuple[str, str, Shown], ...]] = (
    ("web.menu.subjects", "reading.subjects", _sees(Permission.SEE_SUBJECTS)),
    ("web.menu.stock", "reading.stock", _sees(Permission.SEE_STOCK)),
    ("web.menu.shipments", "reading.shipments", _sees_shipments),
    ("web.menu.lots", "reading.lots", _sees_lots),
    ("web.menu.resupply", "reading.resupply", _sees_lots),
    ("web.menu.depots", "reading.depots", _sees_depots),
    ("web.drug.title", "reading.account_of_drug", _sees(Permission.SEE_STOCK)),
    ("web.menu.sites", "reading.sites", _everybody),
    ("web.menu.holds", "reading.holds", _sees(Permission.HOLDS)),
    ("web.emergency.title", "reading.emergency", _sees(Permission.OPERATE)),
    ("web.menu.treatments", "reading.treatments", _opens_treatments),
    ("web.menu.breaks", "reading.breaks", _sees(Permission.SEE_BREAKS)),
    ("web.menu.ledger", "reading.ledger", _sees(Permission.SEE_LEDGER)),
    ("web.copy.title", "reading.copies", _everybody),
    ("web.menu.people", "reading.people", _sees(Permission.SEE_PEOPLE)),
    ("web.menu.versions", "reading.versions", _sees(Permission.SEE_VERSIONS)),
    ("web.menu.lists", "reading.lists", _sees(Permission.SEE_VERSIONS)),
)


def entries() -> tuple[Entry, ...]:
    """The pages of the study that the person works in; none before one is chosen."""
    me = find_current()
    if me is None or me.place is None or not me.study.number:
        return ()
    return tuple(
        Entry(t(text), url_for(page))
        for text, page, is_shown in _PAGES
        if is_shown(me.actor, me.study.code)
    )
