"""What is on a shelf: by group for the blinded, by lot for those who may read types.

A group holds kits that look alike. Of its dates only the first is told, and only where every expiry
date of the study's lots is that of each type in the group: a date that one type alone has would
tell which kits are of it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from core.access.roles import Permission
from core.db.models import kit, lot, shipment, site
from core.db.stock import lot_release, shipment_kit
from core.errors import NotFound
from core.facts import is_keyed, zone_of
from core.sight import Sight
from core.study.schema import StudyConfig
from core.study.versions import latest_config
from core.supply.days import last_day, limits
from core.supply.kits import lot_type
from core.supply.lifecycle import state_of
from core.supply.unblinded import are_types_seen, check_types, type_depots
from core.treatment import OPEN

USABLE: Final = "usable"
PAST: Final = "past"
NOT_RELEASED: Final = "not_released"
SHELF_STATES: Final = (
    *(USABLE, "reserved", "in_transit", "pre_quarantined", "quarantined", "unavailable"),
    *(PAST, NOT_RELEASED, "new", "rejected"),
)
"""How a kit on a shelf, or on its way to it, stands: usable, past its last day, of a lot that is
not released there, or its state."""


_TO_GIVE: Final = (USABLE, "pre_quarantined")


@dataclass(frozen=True, slots=True)
class GroupStock:
    """The kits of a group at a site: how many stand how (`counts` by SHELF_STATES). `first_day` is
    the first of the last days, inclusive, on which what is usable, or will be if its temperature
    was in order, may be given; `soon` for how many that is within the days that warnings look
    ahead. Both None where the dates are not told."""

    group: str
    counts: Mapping[str, int]
    first_day: dt.date | None
    soon: int | None


@dataclass(frozen=True, slots=True)
class LotStock:
    """The kits of a lot at a site or depot; `last_day` (inclusive) is that to give them at the
    site, or as a rule to send them from the depot."""

    lot: str
    kit_type: str
    group: str
    expiry: dt.date
    last_day: dt.date
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TypedKit:
    """A kit of a shipment as those know it who may read types."""

    number: str
    kit_type: str
    lot: str
    expiry: dt.date


@dataclass(frozen=True, slots=True)
class _Counted:
    """So many kits of a lot that stand alike."""

    lot: str
    kit_type: str
    expiry: dt.date
    state: str
    kits: int


class StockListing(Sight):
    """Shelves of one study, as one person may see them. Raises NotFound for what may not be seen,
    kit types included."""

    @cached_property
    def config(self) -> StudyConfig:
        """The newest study file."""
        return latest_config(self.db, self.core, self.study)

    def groups_at(self, number: str) -> tuple[GroupStock, ...]:
        """The kits at a site or on their way to it, by group, as the blinded may see them."""
        self.sites(Permission.SEE_STOCK, number)
        here = self._site(number)
        today = self.core.now().astimezone(zone_of(here.timezone)).date()
        days = limits(self.config, here.country).dnd
        ahead = (today, today + dt.timedelta(days=self.config.resupply.warn_days))
        by_group: defaultdict[str, list[_Counted]] = defaultdict(list)
        for one in self._counted(kit.c.site == number, here.country, today, days):
            by_group[self.config.kit_type(one.kit_type).group].append(one)
        names = dict.fromkeys(one.group for one in self.config.kit_types)
        told = self._dated()
        return tuple(
            _group(name, by_group[name], days, ahead, is_dated=name in told)
            for name in names
            if by_group[name]
        )

    def lots_at_site(self, number: str) -> tuple[LotStock, ...]:
        """The same by lot, for those who may read types there."""
        check_types(self.actor, self.study, number, Permission.SEE_STOCK)
        here = self._site(number)
        today = self.core.now().astimezone(zone_of(here.timezone)).date()
        days = limits(self.config, here.country).dnd
        return self._by_lot(self._counted(kit.c.site == number, here.country, today, days), days)

    def lots_at_depot(self, code: str) -> tuple[LotStock, ...]:
        """What a depot holds, by lot, for those who may read types and see that depot."""
        seen = type_depots(self.actor, self.study)
        known = {one.code for one in self.config.depots}
        if code not in known or (seen is not None and code not in seen):
            raise NotFound
        today = self.core.now().date()
        days = limits(self.config, None, code).dns
        here = (kit.c.depot == code) & kit.c.site.is_(None)
        return self._by_lot(self._counted(here, None, today, days), days)

    def kits_in(self, number: str) -> tuple[TypedKit, ...]:
        """The kits that a shipment was made with, by type and number, for those who may read types
        where it comes from or goes to."""
        query = select(shipment).where(shipment.c.study == self.study, shipment.c.number == number)
        found = self.db.execute(query).one_or_none() if is_keyed(number) else None
        if found is None or not are_types_seen(self.actor, self.study, found):
            raise NotFound
        rows = self.db.execute(
            select(kit.c.number, kit.c.lot_id)
            .join(shipment_kit, shipment_kit.c.kit_id == kit.c.id)
            .where(shipment_kit.c.shipment_id == found.id)
        )
        made = (
            TypedKit(row.number, self._types[row.lot_id], lot_.number, lot_.expiry)
            for row in rows
            for lot_ in (self._lots[row.lot_id],)
        )
        return tuple(sorted(made, key=lambda one: (one.kit_type, one.number)))

    def _site(self, number: str) -> Any:
        query = select(site).where(site.c.study == self.study, site.c.number == number)
        found = self.db.execute(query).one_or_none() if is_keyed(number) else None
        if found is None:
            raise NotFound
        return found

    def _counted(
        self, where: ColumnElement[bool], country: str | None, today: dt.date, days: int
    ) -> list[_Counted]:
        """The kits there, counted by lot and by what they come to."""
        facts = (kit.c.disposition, kit.c.custody, kit.c.quality, kit.c.labelled_until)
        released = (lot_release.c.lot_id == kit.c.lot_id) & (lot_release.c.country == country)
        query = (
            select(kit.c.lot_id, *facts, lot_release.c.lot_id.label("release"), func.count())
            .outerjoin(lot_release, released)
            .where(kit.c.study == self.study, where)
            .group_by(kit.c.lot_id, *facts, lot_release.c.lot_id)
        )
        lots, found = self._lots, []
        for *row, kits in self.db.execute(query):
            lot_id, disposition, custody, quality, labelled_until, release = row
            one = lots[lot_id]
            standing = _Standing(disposition, custody, quality, labelled_until, one.expiry)
            state = state_of(standing, today)
            if state == "available":
                is_out = one.status != "released" or (country is not None and release is None)
                state = NOT_RELEASED if is_out else _by_date(one.expiry, today, days)
            elif state == "expired":
                state = PAST
            if state in SHELF_STATES:
                kind = self._types[lot_id]
                found.append(_Counted(one.number, kind, one.expiry, state, kits))
        return found

    @cached_property
    def _lots(self) -> Mapping[int, Any]:
        rows = self.db.execute(select(lot).where(lot.c.study == self.study)).all()
        return {row.id: row for row in rows}

    @cached_property
    def _types(self) -> Mapping[int, str]:
        keys = self.core.keys
        return {
            row.id: lot_type(keys, self.study, row.number, row.kit_type)
            for row in self._lots.values()
        }

    def _dated(self) -> frozenset[str]:
        """The groups whose dates tell nothing of a type."""
        names = dict.fromkeys(one.group for one in self.config.kit_types)
        if self.config.study.blinding == OPEN:
            return frozenset(names)
        expiries: defaultdict[str, set[dt.date]] = defaultdict(set)
        for lot_id, row in self._lots.items():
            expiries[self._types[lot_id]].add(row.expiry)
        told = set()
        for name in names:
            each = [expiries[one.code] for one in self.config.kit_types if one.group == name]
            if all(dates == each[0] for dates in each):
                told.add(name)
        return frozenset(told)

    def _by_lot(self, counted: Iterable[_Counted], days: int) -> tuple[LotStock, ...]:
        found: defaultdict[_Counted, dict[str, int]] = defaultdict(dict)
        for one in counted:
            lot_ = _Counted(one.lot, one.kit_type, one.expiry, "", 0)
            found[lot_][one.state] = found[lot_].get(one.state, 0) + one.kits
        made = (
            LotStock(
                one.lot,
                one.kit_type,
                self.config.kit_type(one.kit_type).group,
                one.expiry,
                last_day(one.expiry, days),
                counts,
            )
            for one, counts in found.items()
        )
        return tuple(sorted(made, key=lambda one: (one.kit_type, one.expiry, one.lot)))


@dataclass(frozen=True, slots=True)
class _Standing:
    """The facts of a kit that its state comes of."""

    disposition: str
    custody: str
    quality: str
    labelled_until: dt.date | None
    expiry: dt.date


def _by_date(expiry: dt.date, today: dt.date, days: int) -> str:
    return USABLE if today <= last_day(expiry, days) else PAST


def _group(
    name: str,
    counted: Iterable[_Counted],
    days: int,
    ahead: tuple[dt.date, dt.date],
    *,
    is_dated: bool,
) -> GroupStock:
    today, soon = ahead
    counts: dict[str, int] = {}
    dates: dict[dt.date, int] = {}
    for one in counted:
        counts[one.state] = counts.get(one.state, 0) + one.kits
        until = last_day(one.expiry, days)
        if one.state in _TO_GIVE and until >= today:
            dates[until] = dates.get(until, 0) + one.kits
    if not is_dated:
        return GroupStock(name, counts, None, None)
    ending = sum(kits for until, kits in dates.items() if until <= soon)
    return GroupStock(name, counts, min(dates, default=None), ending)
