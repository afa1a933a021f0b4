"""Visits to come for which a site lacks a kit: what is needed against what may be given by then.

Pure, but for the loader. A site where one type runs short tells which subjects are on it, so what
comes out is for those who may know kit types, though it names none.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, and_, bindparam, func, null, select, union_all

from core.db.models import kit, lot, shipment, site
from core.db.stock import lot_release
from core.facts import Record, zone_of
from core.study.schema import StudyConfig
from core.supply.days import days_to_last, last_day
from core.supply.kits import IS_USABLE
from core.supply.needs import Need, Treated, load_treated, upcoming
from core.supply.resupply.positions import ON_THE_WAY, Lot, open_lots

if TYPE_CHECKING:
    from core.runtime import Core

_TREATING: Final = ("active", "paused")


@dataclass(slots=True)
class Supply:
    """Some kits of one type and expiry that are at the site from a day on."""

    kit_type: str
    expiry: dt.date
    there: dt.date
    kits: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """A site that lacks kits for some visits: how many, and the first day of the first one."""

    site: str
    visits: int
    first: dt.date


def list_shortages(
    core: Core, db: Connection, study: str, config: StudyConfig, number: str | None = None
) -> list[Shortage]:
    """The sites (or that one) that lack a kit for a visit of the coming `warn_days`, by number."""
    places = _places(core, db, study, number)
    lots, stock = open_lots(core.keys, db, study), _load(db, study, number)
    needs: defaultdict[str, list[tuple[Treated, Need]]] = defaultdict(list)
    for one in load_treated(core, db, study, number):
        if one.site in places:
            today = places[one.site][1]
            until = today + dt.timedelta(days=config.resupply.warn_days)
            coming = upcoming(one.config, one.found, one.visits, one.arm, today, until)
            needs[one.site] += [(one, need) for need in coming]
    out = []
    for name in sorted(needs):
        here, today = places[name]
        supplies = _supplies(stock[name], lots, today)
        lacking = lacking_days(here.country, needs[name], supplies, today)
        if lacking:
            out.append(Shortage(name, len(lacking), min(lacking)))
    return out


def lacking_days(
    country: str,
    needs: Iterable[tuple[Treated, Need]],
    supplies: Iterable[Supply],
    today: dt.date,
) -> list[dt.date]:
    """The first days of the visits that cannot be met in the order in which they open; takes from
    `supplies` what the others need, earliest expiry first."""
    by_type: defaultdict[str, list[Supply]] = defaultdict(list)
    for one in sorted(supplies, key=lambda each: each.expiry):
        by_type[one.kit_type].append(one)
    lacking = []
    for treated, need in sorted(needs, key=lambda pair: pair[1].opens):
        day = max(need.opens, today)
        # As long as at the visit itself: to the next one, not DND alone.
        days = days_to_last(treated.config, country, need.visit, treated.arm, treated.found.dose)
        met = True
        for code in need.kits:
            for one in by_type[code]:
                if one.kits and one.there <= max(need.closes, day) <= last_day(one.expiry, days):
                    one.kits -= 1
                    break
            else:
                met = False
        if not met:
            lacking.append(day)
    return lacking


_shelved = (
    select(
        kit.c.site.label("site"),
        kit.c.lot_id,
        null().label("due_on"),
        func.count().label("kits"),
    )
    .join(site, and_(site.c.study == kit.c.study, site.c.number == kit.c.site))
    .join(lot, lot.c.id == kit.c.lot_id)
    .join(
        lot_release,
        and_(lot_release.c.lot_id == lot.c.id, lot_release.c.country == site.c.country),
    )
    .where(
        kit.c.study == bindparam("s"),
        kit.c.site.is_not(None),
        *IS_USABLE,
        lot.c.status == "released",
    )
    .group_by(kit.c.site, kit.c.lot_id)
)
_coming = (
    select(shipment.c.site.label("site"), kit.c.lot_id, shipment.c.due_on, func.count())
    .join(kit, kit.c.shipment_id == shipment.c.id)
    .where(
        shipment.c.study == bindparam("s"),
        shipment.c.site.is_not(None),
        shipment.c.status.in_(ON_THE_WAY),
        kit.c.disposition == "reserved",
        kit.c.quality == "none",
    )
    .group_by(shipment.c.site, kit.c.lot_id, shipment.c.due_on)
)
_all = union_all(_shelved, _coming)
_one = union_all(
    _shelved.where(kit.c.site == bindparam("n")), _coming.where(shipment.c.site == bindparam("n"))
)


def _load(
    db: Connection, study: str, number: str | None
) -> Mapping[str, list[tuple[int, dt.date | None, int]]]:
    query, values = (_all, {"s": study}) if number is None else (_one, {"s": study, "n": number})
    found: defaultdict[str, list[tuple[int, dt.date | None, int]]] = defaultdict(list)
    for where, lot_id, due_on, count in db.execute(query, values):
        due = dt.date.fromisoformat(due_on) if isinstance(due_on, str) else due_on
        found[where].append((lot_id, due, count))
    return found


def _supplies(
    stock: Iterable[tuple[int, dt.date | None, int]], lots: Mapping[int, Lot], today: dt.date
) -> list[Supply]:
    """What is on its way is there on the day that it is due, or today if it is overdue."""
    return [
        Supply(lots[lot_id].kit_type, lots[lot_id].expiry, max(due or today, today), count)
        for lot_id, due, count in stock
    ]


def _places(
    core: Core, db: Connection, study: str, number: str | None
) -> dict[str, tuple[Record, dt.date]]:
    """The sites that treat somebody, with today's date there."""
    query = select(site).where(site.c.study == study, site.c.status.in_(_TREATING))
    if number is not None:
        query = query.where(site.c.number == number)
    return {
        row.number: (row, core.now().astimezone(zone_of(row.timezone)).date())
        for row in db.execute(query)
    }
