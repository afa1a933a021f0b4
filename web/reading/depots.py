"""Depots: when they work, what they have to acknowledge, pack and send, and what comes to them."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from flask import Blueprint, url_for

from core.access.openings import offered
from core.access.roles import Permission
from core.errors import NotFound
from core.listing import Listing, ShipmentRow
from core.sight import PAGE_MAX
from core.study.supply import Depot
from core.study.versions import latest_config
from core.supply.unblinded import type_depots
from core.transaction import Channel
from web.db import connection, the_core
from web.reading.common import NEXT_WORDS, Link, look, show
from web.reading.shipments import KINDS, is_late
from web.session import current, signed_in
from web.words import language, t

STEPS: Final = (
    # state of the order, heading, what is done next
    ("requested", "web.depot.to_acknowledge", "acknowledge_shipment"),
    ("confirmed", "web.depot.to_pack", "pack_shipment"),
    ("packed", "web.depot.to_send", "dispatch_shipment"),
)
EVERY_DAY: Final = 7


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/depots", "depots", signed_in(all_depots))
    pages.add_url_rule("/depots/<code>", "depot", signed_in(one_depot))


def _seen() -> tuple[Depot, ...]:
    """The depots that the person sees. Raises NotFound where there are none."""
    me = current()
    held = me.actor.depots_where(Permission.SEE_SHIPMENTS, me.study.code)
    config = latest_config(connection(), the_core(), me.study.code)
    found = tuple(one for one in config.depots if held is None or one.code in held)
    if not found:
        raise NotFound
    return found


def all_depots() -> str:
    """The depots that the person sees."""
    return show("depots", t("web.menu.depots"), depots=_seen())


def one_depot(code: str) -> str:
    """A depot and its work."""
    me, core, db = current(), the_core(), connection()
    found = next((one for one in _seen() if one.code == code), None)
    if found is None:
        raise NotFound
    lists = look(Listing)
    names = {one.name for one in offered(core, db, me.actor, me.study.code, None, Channel.WEB)}
    work: list[tuple[str, list[ShipmentRow], str | None]] = []
    for status, heading, deed in STEPS:
        if rows := _rows(lists, code, status):
            work.append((t(heading), rows, deed if deed in names else None))
    coming = [
        one
        for status in ("in_transit", "partially_received")
        for one in lists.list_shipments(depot=code, status=status, limit=PAGE_MAX).rows
        if one.to_depot == code
    ]
    if coming:
        can = "receive_at_depot" in names
        work.append((t("web.depot.coming"), coming, "receive_at_depot" if can else None))
    return show(
        "depot",
        t("web.depot.named", number=code, name=found.name),
        Link(t("web.menu.depots"), url_for("reading.depots")),
        depot=found,
        workdays=_workdays(found),
        work=work,
        kinds=KINDS,
        next_words=NEXT_WORDS,
        late=lambda row: is_late(row, found.timezone),
        now=me.now,
        today=me.now.astimezone(ZoneInfo(found.timezone)).date(),
        links=_links(code),
    )


def _rows(lists: Listing, code: str, status: str) -> list[ShipmentRow]:
    """The depot's orders in that state, the one that leaves first on top."""
    rows = lists.list_shipments(depot=code, status=status, limit=PAGE_MAX).rows
    mine = [one for one in rows if one.depot == code]
    return sorted(mine, key=lambda one: (str(one.leaves_on or "9"), one.created_at))


def _workdays(found: Depot) -> str:
    """The days of the week on which it works."""
    if len(set(found.workdays)) == EVERY_DAY:
        return t("web.depot.every_day")
    names = get_day_names("wide", locale=language())
    return ", ".join(names[day - 1] for day in sorted(set(found.workdays)))


def _links(code: str) -> tuple[Link, ...]:
    links = [Link(t("web.menu.shipments"), url_for("reading.shipments", depot=code))]
    me = current()
    seen = type_depots(me.actor, me.study.code)
    if seen is None or code in seen:
        links.append(Link(t("web.stock.to_lots"), url_for("reading.stock_lots", depot=code)))
    return tuple(links)
