"""Warnings before trouble: kits lacking for visits, kits about to expire, shipments overdue,
orders nobody acknowledged, rules that cannot work.

No warning names a kit type or a lot, and those that depend on one type alone (a visit that lacks a
kit) are told only to people who may know types.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, or_, select

from core.access.roles import Actor, Permission
from core.db.models import kit, lot, shipment, site, study_version
from core.errors import NotFound
from core.facts import zone_of
from core.messages import Digits, Message, Param
from core.study.check_stock import APART_LEAST
from core.study.problems import Problem, Severity
from core.study.read import review
from core.study.schema import StudyConfig
from core.study.supply import Depot
from core.study.versions import latest_config, latest_version
from core.supply.days import last_day, limits
from core.supply.resupply.positions import load_rules
from core.supply.shipment_sight import is_shipment_seen
from core.supply.shortages import list_shortages
from core.supply.unblinded import type_sites
from core.transaction import Notice

if TYPE_CHECKING:
    from core.runtime import Core

KINDS: Final = ("shortage", "overdue", "late", "unacknowledged", "draft", "expiring", "rule")
"""In order of urgency: a visit lacks a kit; a shipment has not arrived, has not left, nobody has
acknowledged an order, a draft waits; kits expire soon; the study file's rules contradict."""
_OF_SUPPLY: Final = ("resupply", "dispensing", "depots", "countries")
_DESK: Final = ("draft", "rule")
_DEPOT: Final = ("late", "unacknowledged")
_SITE_ROLES: Final = ("coordinator", "pharmacist", "unblinded_pharmacist")


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning: what it is about, where, and until when (the first day of trouble)."""

    kind: str
    message: Message
    day: dt.date | None = None
    site: str | None = None
    depot: str | None = None
    shipment: str | None = None


def warnings_for(
    core: Core,
    db: Connection,
    actor: Actor,
    study: str,
    number: str | None = None,
    *,
    shortages: bool = True,
) -> tuple[Warned, ...]:
    """What this person is warned of in the study, or at that site, most urgent first.

    Without `shortages`, all but the visits that lack a kit: those take a reading of every subject.
    Raises NotFound for a study or site that the person does not see.
    """
    if not actor.sees_study(study) or (number and not actor.sees_site(study, number)):
        raise NotFound
    config = latest_config(db, core, study)
    found = [*_shipments(core, db, study, config, number), *_expiring(core, db, config, number)]
    if shortages and _learns_types(actor, study, config, number):
        found += _lacking(core, db, study, config, number)
        found += _too_close(core, db, study, config, number)
    if number is None:
        found += _of_depots(core, db, config)
        found += _of_the_file(db, study)
    mine = [one for one in found if _concerns(actor, study, config, one)]
    return tuple(sorted(mine, key=_urgency))


def notices(core: Core, db: Connection, study: str) -> tuple[Notice, ...]:
    """One message a day to whoever something threatens: to supply managers about everything, to a
    depot and a site about what is theirs. They tell a count and no more."""
    config = latest_config(db, core, study)
    of_sites = [*_shipments(core, db, study, config, None), *_expiring(core, db, config, None)]
    of_office = [*_lacking(core, db, study, config, None), *_of_depots(core, db, config)]
    of_office += [*_of_the_file(db, study), *_too_close(core, db, study, config, None)]
    out = []
    if count := len(of_sites) + len(of_office):
        told = Message("sms.supply_warnings", {"study": study, "count": count})
        out.append(Notice(told, roles=("supply_manager",)))
    depots = Counter(one.depot for one in of_sites if one.kind in _DEPOT and one.depot)
    for code, count in sorted(depots.items()):
        told = Message("sms.depot_warnings", {"depot": Digits(code), "count": count})
        out.append(Notice(told, roles=("depot",), depot=code))
    here = Counter(one.site for one in of_sites if one.kind in ("overdue", "expiring") and one.site)
    for code, count in sorted(here.items()):
        told = Message("sms.site_warnings", {"site": Digits(code), "count": count})
        out.append(Notice(told, roles=_SITE_ROLES, site=code))
    return tuple(out)


def _urgency(one: Warned) -> tuple[int, dt.date, str, str]:
    return (
        KINDS.index(one.kind),
        one.day or dt.date.max,
        one.site or one.depot or "",
        one.shipment or "",
    )


def _learns_types(actor: Actor, study: str, config: StudyConfig, number: str | None) -> bool:
    """Whether the person may know which type a site lacks, at any site (or at that one)."""
    seen = type_sites(actor, study)
    if seen is None or (number in seen if number is not None else bool(seen)):
        return True
    return not config.is_blinded and actor.sites_where(Permission.SEE_STOCK, study) != frozenset()


def _concerns(actor: Actor, study: str, config: StudyConfig, one: Warned) -> bool:
    """Whether the warning is this person's to see."""
    if one.kind in _DESK:
        return actor.may(Permission.SUPPLY, study, None)
    if one.kind in _DEPOT or one.site is None:
        held = actor.depots_where(Permission.DISPATCH, study)
        return held is None or one.depot in held
    if one.kind == "overdue":
        place = _Ends(one.site, None, None, one.depot)
        return is_shipment_seen(actor, study, place)
    seen = type_sites(actor, study) if one.kind == "shortage" and config.is_blinded else None
    stock = actor.sites_where(Permission.SEE_STOCK, study)
    return all(held is None or one.site in held for held in (seen, stock))


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a shipment goes and comes from, as sight of it is asked for."""

    site: str | None
    from_site: str | None
    to_depot: str | None
    depot: str | None


def _lacking(
    core: Core, db: Connection, study: str, config: StudyConfig, number: str | None
) -> Iterator[Warned]:
    for one in list_shortages(core, db, study, config, number):
        params: dict[str, Param] = {
            "site": Digits(one.site),
            "count": one.visits,
            "days": config.resupply.warn_days,
            "date": one.first,
        }
        yield Warned("shortage", Message("warn.shortage", params), one.first, one.site)


_WAITING: Final = ("draft", "requested", "confirmed", "packed")
_MOVING: Final = ("in_transit", "partially_received")


def _shipments(
    core: Core, db: Connection, study: str, config: StudyConfig, number: str | None
) -> Iterator[Warned]:
    """Shipments that have not left, not arrived, that nobody acknowledged or approved."""
    query = (
        select(shipment, site.c.timezone)
        .outerjoin(site, (site.c.study == shipment.c.study) & (site.c.number == shipment.c.site))
        .where(shipment.c.study == study, shipment.c.status.in_((*_WAITING, *_MOVING)))
        .order_by(shipment.c.id)
    )
    if number is not None:
        query = query.where(shipment.c.site == number)
    depots = {depot.code: depot for depot in config.depots}
    for row in db.execute(query):
        found = _about_shipment(core, row, depots)
        if found is not None:
            yield found


def _about_shipment(core: Core, row: Any, depots: dict[str, Depot]) -> Warned | None:
    """What is wrong with one shipment, if anything: the most urgent thing."""
    now, depot = core.now(), depots.get(row.depot)
    params: dict[str, Param] = {"shipment": Digits(row.number)}
    depot_told = row.to_depot if row.status in _MOVING and row.to_depot else row.depot
    place = {"site": row.site, "depot": depot_told, "shipment": row.number}
    if row.status in _MOVING:
        today = now.astimezone(zone_of(row.timezone or _zone(depots, row.to_depot))).date()
        if row.due_on is not None and row.due_on < today:
            message = Message("warn.shipment_overdue", {**params, "date": row.due_on})
            return Warned("overdue", message, row.due_on, **place)
        return None
    if row.status == "draft":
        return Warned("draft", Message("warn.shipment_draft", params), **place)
    if depot is None:
        return None
    today = now.astimezone(zone_of(depot.timezone)).date()
    if row.leaves_on is not None and row.leaves_on < today:
        message = Message("warn.shipment_late", {**params, "date": row.leaves_on})
        return Warned("late", message, row.leaves_on, **place)
    until = row.created_at + dt.timedelta(hours=depot.acknowledge_hours)
    if row.status == "requested" and row.confirmed_at is None and until < now:
        message = Message("warn.unacknowledged", {**params, "hours": depot.acknowledge_hours})
        return Warned("unacknowledged", message, until.date(), **place)
    return None


def _zone(depots: dict[str, Depot], code: str | None) -> str:
    found = depots.get(code or "")
    return found.timezone if found is not None else "UTC"


def _expiring(
    core: Core, db: Connection, config: StudyConfig, number: str | None
) -> Iterator[Warned]:
    """Sites with kits on the shelf that can soon not be given any more: only the first day, for
    how many of them there are is how many there are of some types."""
    query = (
        select(site.c.number, site.c.country, site.c.timezone, lot.c.expiry)
        .join(kit, (kit.c.study == site.c.study) & (kit.c.site == site.c.number))
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(
            kit.c.study == config.code,
            kit.c.disposition == "available",
            kit.c.custody == "at_rest",
            or_(kit.c.quality == "none", kit.c.quality == "pre_quarantined"),
        )
        .distinct()
    )
    if number is not None:
        query = query.where(site.c.number == number)
    first: dict[str, dt.date] = {}
    for row in db.execute(query):
        today = core.now().astimezone(zone_of(row.timezone)).date()
        day = last_day(row.expiry, limits(config, row.country).dnd)
        if today <= day <= today + dt.timedelta(days=config.resupply.warn_days):
            first[row.number] = min(first.get(row.number, day), day)
    for code, day in sorted(first.items()):
        message = Message("warn.expiring", {"site": Digits(code), "date": day})
        yield Warned("expiring", message, day, code)


def _of_depots(core: Core, db: Connection, config: StudyConfig) -> Iterator[Warned]:
    """Depots with kits that can soon not be sent any more."""
    query = (
        select(kit.c.depot, lot.c.id, lot.c.expiry, func.count().label("kits"))
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(
            kit.c.study == config.code,
            kit.c.disposition == "available",
            kit.c.depot.is_not(None),
            lot.c.status == "released",
        )
        .group_by(kit.c.depot, lot.c.id, lot.c.expiry)
    )
    depots = {depot.code: depot for depot in config.depots}
    for row in db.execute(query):
        today = core.now().astimezone(zone_of(_zone(depots, row.depot))).date()
        day = last_day(row.expiry, limits(config, None, row.depot).dns)
        if today <= day <= today + dt.timedelta(days=config.resupply.warn_days):
            params: dict[str, Param] = {"depot": Digits(row.depot), "count": row.kits, "date": day}
            yield Warned("expiring", Message("warn.depot_expiring", params), day, depot=row.depot)


def _of_the_file(db: Connection, study: str) -> Iterator[Warned]:
    """What the checks of the study file still find in the newest version: days that contradict the
    lead time, trigger and target too near each other."""
    version = latest_version(db, study)
    query = select(study_version.c.source).where(
        study_version.c.study == study, study_version.c.version == version
    )
    for problem in _problems(db.execute(query).scalar_one()):
        yield Warned("rule", problem.told)


@lru_cache(32)
def _problems(source: str) -> tuple[Problem, ...]:
    found = review(source).of(Severity.WARNING, Severity.ERROR)
    return tuple(
        one for one in found if one.key.startswith(_OF_SUPPLY) or one.key.endswith(".dnd_days")
    )


def _too_close(
    core: Core, db: Connection, study: str, config: StudyConfig, number: str | None
) -> Iterator[Warned]:
    """Sites where what a risk comes to leaves trigger and target less than two kits apart: in a
    blinded study, as single kits give nothing away in another."""
    if not config.is_blinded:
        return
    near = [
        one.site.number
        for one in load_rules(core, db, study, config, number)
        if one.strategy.risk is not None
        and any(0 < each.maximum < each.minimum + APART_LEAST for each in one.buffers.values())
    ]
    if near:
        params: dict[str, Param] = {"count": len(near), "site": Digits(near[0])}
        yield Warned("rule", Message("warn.too_close", params), site=near[0])
