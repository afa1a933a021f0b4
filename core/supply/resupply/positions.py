"""What each active site has, expects and needs: the inputs of the resupply rule, from the record.

A handful of statements whatever the number of sites; a kit is never opened, only its lot. What
comes out names kit types, so it is never for a blinded reader.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, and_, bindparam, case, func, literal, select, union_all

from core.db.models import kit, lot, shipment, site, site_version, subject
from core.facts import Record, zone_of
from core.sealed import Keys
from core.study.schema import StudyConfig
from core.study.supply import ResupplyRule
from core.study.versions import latest_config
from core.subjects.status import SCREENED
from core.supply.days import last_day, limits
from core.supply.kits import lot_type
from core.supply.needs import Treated, load_treated, needs_of
from core.supply.resupply.buffers import Buffer, buffers
from core.supply.resupply.rule import Rule, TypeState
from core.supply.resupply.strategy import rule_for, rule_of

if TYPE_CHECKING:
    from core.runtime import Core

ON_THE_WAY: Final = (
    *("draft", "requested", "confirmed", "packed"),
    *("in_transit", "partially_received"),
)
"""Shipments that are still to arrive: their kits count where they go."""
_COUNTED: Final = ("none", "pre_quarantined")


@dataclass(frozen=True, slots=True)
class Position:
    """A site, the rule that holds there, and where each kit type stands. `is_first`: nothing was
    ever sent there."""

    site: Record
    today: dt.date
    strategy: ResupplyRule
    rule: Rule
    types: tuple[TypeState, ...]
    is_first: bool


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot, its type opened; `expiry` is what everybody goes by."""

    number: str
    kit_type: str
    expiry: dt.date


@dataclass(frozen=True, slots=True)
class Ruled:
    """An active site, today's date there, the rule that holds and the buffer of each kit type."""

    site: Record
    today: dt.date
    strategy: ResupplyRule
    buffers: Mapping[str, Buffer]


def load_positions(
    core: Core, db: Connection, study: str, number: str | None = None
) -> list[Position]:
    """Where each active site stands (or that one, if it is active), by the newest version of the
    study file, in the order of their numbers. Raises NotFound for an unknown study."""
    config = latest_config(db, core, study)
    lots = open_lots(core.keys, db, study)
    stock = load_stock(db, study, number)
    sent = _list_sent(db, study, number)
    treated: defaultdict[str, list[Treated]] = defaultdict(list)
    for one in load_treated(core, db, study, number):
        treated[one.site].append(one)
    out = []
    for ruled in load_rules(core, db, study, config, number):
        here = ruled.site.number
        types = _types(config, ruled, stock.get(here, {}), lots, treated[here])
        rule, first = rule_of(ruled.strategy), here not in sent
        out.append(Position(ruled.site, ruled.today, ruled.strategy, rule, types, first))
    return out


def _list_sent(db: Connection, study: str, number: str | None) -> set[str]:
    """The sites to which something was ever sent."""
    query = _sent if number is None else _sent.where(shipment.c.site == number)
    return set(db.scalars(query, {"s": study}))


def load_rules(
    core: Core, db: Connection, study: str, config: StudyConfig, number: str | None = None
) -> Iterator[Ruled]:
    """Which rule holds at each active site (or that one), and what it comes to today."""
    people, of_study = _load_people(db, study, config, number)
    for here in _sites(db, study, number):
        today = core.now().astimezone(zone_of(here.timezone)).date()
        enrolled, screened = people.get(here.number, (0, 0))
        places = _places(config, here, enrolled, of_study)
        strategy = _strategy(config, here, closed=_is_closed(config, places))
        amounts = buffers(
            config,
            strategy,
            enrolment_open=not _is_closed(config, places),
            enrolled=enrolled,
            open_days=max((today - here.opened_on).days, 0) if here.opened_on else 0,
            screened=screened,
            places=places,
        )
        yield Ruled(here, today, strategy, amounts)


def _sites(db: Connection, study: str, number: str | None) -> list[Record]:
    query = select(site, _opened_on).where(site.c.study == study, site.c.status == "active")
    if number is not None:
        query = query.where(site.c.number == number)
    return list(db.execute(query.order_by(site.c.number)).all())


# The first version that it adopted: a pause doesn't make a site a new one.
_opened_on = (
    select(func.min(site_version.c.effective_on))
    .where(site_version.c.study == site.c.study, site_version.c.site == site.c.number)
    .scalar_subquery()
    .label("opened_on")
)
_sent = (
    select(shipment.c.site)
    .where(
        shipment.c.study == bindparam("s"),
        shipment.c.site.is_not(None),
        shipment.c.status != "cancelled",
    )
    .distinct()
)
_waiting = and_(subject.c.status == SCREENED, subject.c.randomized_at.is_(None))
_people = (
    select(
        subject.c.site,
        func.count(subject.c.randomized_at).label("randomized"),
        func.sum(case((_waiting, 1), else_=0)).label("screened"),
    )
    .where(subject.c.study == bindparam("s"))
    .group_by(subject.c.site)
)
_people_here = _people.where(subject.c.site == bindparam("n"))
_shelved = (
    select(kit.c.site.label("site"), kit.c.lot_id, literal(0).label("coming"), func.count())
    .where(
        kit.c.study == bindparam("s"),
        kit.c.site.is_not(None),
        kit.c.disposition == "available",
        kit.c.quality.in_(_COUNTED),
    )
    .group_by(kit.c.site, kit.c.lot_id)
)
_coming = (
    select(shipment.c.site.label("site"), kit.c.lot_id, literal(1).label("coming"), func.count())
    .join(kit, kit.c.shipment_id == shipment.c.id)
    .where(
        shipment.c.study == bindparam("s"),
        shipment.c.site.is_not(None),
        shipment.c.status.in_(ON_THE_WAY),
        kit.c.disposition == "reserved",
        kit.c.quality.in_(_COUNTED),
    )
    .group_by(shipment.c.site, kit.c.lot_id)
)
# One statement: between two of them a kit could arrive, and be counted twice or not at all.
_all = union_all(_shelved, _coming)
_one = union_all(
    _shelved.where(kit.c.site == bindparam("n")), _coming.where(shipment.c.site == bindparam("n"))
)
Stock = Mapping[str, Mapping[tuple[int, bool], int]]
"""Site to (lot id, whether on the way) to kits."""


def load_stock(db: Connection, study: str, number: str | None = None) -> Stock:
    """The kits that count at each site, by lot: at rest there, held until quality has looked, or to
    be relabelled; and those ordered for it that are not there yet."""
    query, values = (_all, {"s": study}) if number is None else (_one, {"s": study, "n": number})
    found: defaultdict[str, dict[tuple[int, bool], int]] = defaultdict(dict)
    for where, lot_id, coming, count in db.execute(query, values):
        found[where][lot_id, bool(coming)] = count
    return found


def open_lots(keys: Keys, db: Connection, study: str) -> Mapping[int, Lot]:
    """The lots of a study by id."""
    columns = (lot.c.id, lot.c.number, lot.c.kit_type, lot.c.expiry)
    rows = db.execute(select(*columns).where(lot.c.study == study)).all()
    return {
        row.id: Lot(row.number, lot_type(keys, study, row.number, row.kit_type), row.expiry)
        for row in rows
    }


def _load_people(
    db: Connection, study: str, config: StudyConfig, number: str | None
) -> tuple[Mapping[str, tuple[int, int]], int | None]:
    """By site how many are randomized and how many in screening; and how many more the study's cap
    lets in, None where it has none."""
    everywhere = number is None or config.caps.study is not None
    query, values = (_people, {"s": study})
    if not everywhere:
        query, values = _people_here, {"s": study, "n": str(number)}
    rows = db.execute(query, values).all()
    found = {row.site: (row.randomized, row.screened) for row in rows}
    if config.caps.study is None:
        return found, None
    return found, max(config.caps.study - sum(row.randomized for row in rows), 0)


def _places(config: StudyConfig, here: Record, enrolled: int, of_study: int | None) -> int | None:
    """How many more may be randomized at a site; None for any number."""
    cap = config.caps.of_site(here.number)
    here_left = None if cap is None else max(cap - enrolled, 0)
    known = [left for left in (of_study, here_left) if left is not None]
    return min(known, default=None)


def _strategy(config: StudyConfig, here: Record, *, closed: bool) -> ResupplyRule:
    return rule_for(
        config.resupply,
        site=here.number,
        country=here.country,
        depot=here.depot,
        enrolment="closed" if closed else "open",
    )


def _is_closed(config: StudyConfig, places: int | None) -> bool:
    return config.resupply.enrolment == "closed" or places == 0


def _types(
    config: StudyConfig,
    ruled: Ruled,
    stock: Mapping[tuple[int, bool], int],
    lots: Mapping[int, Lot],
    treated: Iterable[Treated],
) -> tuple[TypeState, ...]:
    on_hand, coming, expiring = _counted(config, ruled.site, ruled.today, stock, lots)
    short, long = _needs(ruled.strategy, ruled.today, treated)
    return tuple(
        TypeState(
            each.code,
            each.group,
            on_hand[each.code],
            coming[each.code],
            expiring[each.code],
            short[each.code],
            long[each.code],
            *ruled.buffers[each.code],
        )
        for each in config.kit_types
    )


def _counted(
    config: StudyConfig,
    here: Record,
    today: dt.date,
    stock: Mapping[tuple[int, bool], int],
    lots: Mapping[int, Lot],
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """On hand, on the way, and of both those past the last day on which they count."""
    dnc = limits(config, here.country, here.depot).dnc
    on_hand: Counter[str] = Counter()
    coming: Counter[str] = Counter()
    expiring: Counter[str] = Counter()
    for (lot_id, is_coming), count in stock.items():
        found = lots[lot_id]
        (coming if is_coming else on_hand)[found.kit_type] += count
        if last_day(found.expiry, dnc) < today:
            expiring[found.kit_type] += count
    return on_hand, coming, expiring


def _needs(
    strategy: ResupplyRule, today: dt.date, treated: Iterable[Treated]
) -> tuple[Counter[str], Counter[str]]:
    """Kits by type for the visits that open in the short and in the long window."""
    short: Counter[str] = Counter()
    long: Counter[str] = Counter()
    if strategy.strategy != "predictive":
        return short, long
    windows = [today + dt.timedelta(n) for n in (strategy.short_days, strategy.long_days)]
    for one in treated:
        soon, later = needs_of(one.config, one.found, one.visits, one.arm, today, *windows)
        short += soon
        long += later
    return short, long
