"""What waits of drug: shipments under way, kits that somebody has to judge, relabel or count.

The same for every reader of a place; nothing in it tells a type.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Connection, func, or_, select

from core.access.roles import Actor, Permission
from core.db.models import kit, shipment, site
from core.facts import zone_of
from core.study.versions import latest_config
from core.supply.shipment_sight import is_shipment_seen

if TYPE_CHECKING:
    from core.runtime import Core

AT_REST: Final = ("draft", "requested", "confirmed", "packed")
MOVING: Final = ("in_transit", "partially_received")


@dataclass(frozen=True, slots=True)
class Coming:
    """A shipment that has not arrived; `status` is one of AT_REST and MOVING. `is_late`: by the
    day at its depot it should have left, or by that where it goes have come."""

    number: str
    kind: str
    site: str | None
    depot: str | None
    from_site: str | None
    to_depot: str | None
    status: str
    leaves_on: dt.date | None
    due_on: dt.date | None
    dispatched_on: dt.date | None
    kits: int
    is_late: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Kits that wait for somebody: `what` is judge (temperature), decide (quarantine), relabel,
    verify, authorise (their destruction) or destroy; at a site or a depot. `shipment`: what they
    came with, where that is judged."""

    what: str
    site: str | None
    depot: str | None
    shipment: str | None
    kits: int


def coming(
    core: Core, db: Connection, actor: Actor, study: str, place: str | None
) -> tuple[Coming, ...]:
    """The shipments under way that the person sees, those that are late first; of one site, to and
    from it. Drafts are for those who approve them."""
    mine = (kit.c.custody == "in_transit") | (kit.c.disposition == "reserved")
    columns = [shipment.c[name] for name in Coming.__slots__[:-2]]
    query = (
        select(*columns, func.count(kit.c.id).label("kits"), site.c.timezone)
        .outerjoin(kit, (kit.c.shipment_id == shipment.c.id) & mine)
        .outerjoin(site, (site.c.study == shipment.c.study) & (site.c.number == shipment.c.site))
        .where(shipment.c.study == study, shipment.c.status.in_((*AT_REST, *MOVING)))
        .group_by(shipment.c.id, site.c.timezone)
        .order_by(shipment.c.id)
    )
    if place is not None:
        query = query.where(or_(shipment.c.site == place, shipment.c.from_site == place))
    may_approve = actor.may(Permission.SUPPLY, study, None)
    rows, found = db.execute(query).all(), []
    # A study that was never published has no shipment.
    depots = latest_config(db, core, study).depots if rows else ()
    zones = {one.code: one.timezone for one in depots}
    for row in rows:
        if not is_shipment_seen(actor, study, row) or (row.status == "draft" and not may_approve):
            continue
        moving = row.status in MOVING
        planned = row.due_on if moving else row.leaves_on
        zone = row.timezone if moving and row.site else zones.get(_acting(row, moving), "UTC")
        today = core.now().astimezone(zone_of(zone)).date()
        late = row.status != "draft" and planned is not None and planned < today
        told = {name: getattr(row, name) for name in Coming.__slots__ if name != "is_late"}
        found.append(Coming(**told, is_late=late))
    return tuple(sorted(found, key=lambda one: not one.is_late))


def _acting(row: Any, moving: bool) -> str:
    """The depot that is to receive or to send the shipment; none is the empty text."""
    return str((row.to_depot if moving else row.depot) or "")


def held(db: Connection, actor: Actor, study: str, place: str | None) -> tuple[Held, ...]:
    """The kits that wait for this person, by place: at that site, or wherever it is this person's
    to act."""
    at_site = () if place is None else (kit.c.site == place,)
    found: list[Held] = []
    if actor.may(Permission.QUALITY, study, None):
        found += _held(db, study, "judge", kit.c.quality == "pre_quarantined", *at_site)
        found += _held(db, study, "decide", kit.c.quality == "quarantined", *at_site)
    if place is not None and actor.may(Permission.STOCK, study, place):
        is_shelved = kit.c.disposition == "available"
        found += _held(
            db, study, "relabel", kit.c.labelled_until.is_not(None), is_shelved, *at_site
        )
        found += _held(db, study, "destroy", kit.c.disposition == "to_destroy", *at_site)
    elif place is None:
        found += _at_depots(db, actor, study)
    if actor.may(Permission.VERIFY, study, place):
        sites = actor.sites_where(Permission.VERIFY, study)
        mine = () if sites is None else (kit.c.site.in_(sorted(sites)),)
        back = kit.c.disposition.in_(("returned", "damaged"))
        found += _held(db, study, "verify", back, kit.c.site.is_not(None), *mine, *at_site)
    if place is None and actor.may(Permission.SUPPLY, study, None):
        found += _held(db, study, "authorise", kit.c.disposition == "verified")
    return tuple(found)


def _at_depots(db: Connection, actor: Actor, study: str) -> Iterator[Held]:
    """What has to be relabelled or destroyed at the depots where this person works."""
    depots = actor.depots_where(Permission.DISPATCH, study)
    if depots != frozenset():
        mine = () if depots is None else (kit.c.depot.in_(sorted(depots)),)
        old = (kit.c.labelled_until.is_not(None), kit.c.disposition == "available")
        there = (kit.c.site.is_(None), *mine)
        yield from _held(db, study, "relabel", *old, *there)
        yield from _held(db, study, "destroy", kit.c.disposition == "to_destroy", *there)


def _held(
    db: Connection, study: str, what: str, *conditions: ColumnElement[bool]
) -> Iterator[Held]:
    """The kits at rest that meet the conditions, counted by place, and by shipment where that is
    judged as one."""
    by: list[Any] = [kit.c.site, kit.c.depot]
    if what == "judge":
        by.append(shipment.c.number)
    query = (
        select(*by, func.count(kit.c.id))
        .outerjoin(shipment, shipment.c.id == kit.c.shipment_id)
        .where(kit.c.study == study, kit.c.custody == "at_rest", *conditions)
        .group_by(*by)
        .order_by(*by)
    )
    for number, depot, *rest in db.execute(query):
        came_with = rest[0] if what == "judge" else None
        yield Held(what, number, None if number else depot, came_with, rest[-1])
