"""The lots of a study, for those of the supply side who may read kit types and lots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import func, select

from core.access.roles import Permission
from core.db.models import kit, lot
from core.db.stock import lot_release
from core.errors import NotFound
from core.sight import PAGE, Page, Sight, after_number, page_of, size_of
from core.study.schema import StudyConfig
from core.study.versions import latest_config
from core.supply.days import last_day, limits
from core.supply.kits import lot_type
from core.supply.lifecycle import state_of
from core.supply.unblinded import check_types

NUMBER_CHARACTERS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Release:
    """A lot released for a country, with the number of the certificate."""

    country: str
    certificate: str
    released_at: dt.datetime


@dataclass(frozen=True, slots=True)
class LotRow:
    """A lot. `expiry` is what everyone goes by, `stable_until` the lot's own; `waiting` are the
    countries that it is labelled and not yet released for."""

    number: str
    kit_type: str
    description: str
    group: str
    label_lot: str
    expiry: dt.date
    stable_until: dt.date
    status: str
    releases: tuple[Release, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LotDays:
    """The last days, inclusive, on which a lot may be sent to a country, counted there as stock,
    and given there, as a rule: a visit or a depot may have days of its own."""

    country: str
    send: dt.date
    count: dt.date
    give: dt.date


@dataclass(frozen=True, slots=True)
class LotPlace:
    """How many kits of a lot stand how at a depot or a site (one of them is None)."""

    depot: str | None
    site: str | None
    counts: Mapping[str, int]


class LotsListing(Sight):
    """The lots of one study. All methods raise NotFound for whoever may not read types in the whole
    study with the sight of its stock."""

    def list_lots(self, after: str | None = None, limit: int = PAGE) -> Page[LotRow]:
        """The lots, the newest first."""
        check_types(self.actor, self.study, None, Permission.SEE_STOCK)
        size = size_of(limit)
        query = select(lot).where(lot.c.study == self.study)
        if after is not None:
            query = query.where(lot.c.id < after_number(after))
        rows = self.db.execute(query.order_by(lot.c.id.desc()).limit(size + 1)).all()
        releases = self._releases(row.id for row in rows)
        return page_of(
            rows, size, lambda row: self._seen(row, releases.get(row.id, ())), lambda r: str(r.id)
        )

    def get_lot(self, number: str) -> LotRow:
        """A lot by its number."""
        row = self._lot(number)
        return self._seen(row, self._releases([row.id]).get(row.id, ()))

    def list_days(self, number: str) -> tuple[LotDays, ...]:
        """The lot's last days in each country that it is labelled for."""
        row = self._lot(number)
        made = []
        for country in row.countries.split():
            days = limits(self._config, country)
            last = (last_day(row.expiry, n) for n in (days.dns, days.dnc, days.dnd))
            made.append(LotDays(country, *last))
        return tuple(made)

    def list_places(self, number: str) -> tuple[LotPlace, ...]:
        """Where the lot's kits are: depots first, then sites, by number."""
        row, today = self._lot(number), self.core.now().date()
        facts = (kit.c.disposition, kit.c.custody, kit.c.quality, kit.c.labelled_until)
        query = (
            select(kit.c.depot, kit.c.site, *facts, lot.c.expiry, func.count().label("kits"))
            .join(lot, lot.c.id == kit.c.lot_id)
            .where(kit.c.lot_id == row.id)
            .group_by(kit.c.depot, kit.c.site, *facts, lot.c.expiry)
        )
        places: dict[tuple[str | None, str | None], dict[str, int]] = {}
        for one in self.db.execute(query):
            counts = places.setdefault((None if one.site else one.depot, one.site), {})
            state = state_of(one, today)
            counts[state] = counts.get(state, 0) + one.kits
        ordered = sorted(
            places, key=lambda place: (place[1] is not None, place[0] or place[1] or "")
        )
        return tuple(LotPlace(*place, places[place]) for place in ordered)

    @cached_property
    def _config(self) -> StudyConfig:
        return latest_config(self.db, self.core, self.study)

    def _lot(self, number: str) -> Any:
        check_types(self.actor, self.study, None, Permission.SEE_STOCK)
        query = select(lot).where(lot.c.study == self.study, lot.c.number == number)
        is_one = len(number) <= NUMBER_CHARACTERS_MAX
        found = self.db.execute(query).one_or_none() if is_one else None
        if found is None:
            raise NotFound
        return found

    def _releases(self, ids: Iterable[int]) -> dict[int, tuple[Release, ...]]:
        query = (
            select(lot_release)
            .where(lot_release.c.lot_id.in_(list(ids)))
            .order_by(lot_release.c.released_at, lot_release.c.country)
        )
        found: dict[int, tuple[Release, ...]] = {}
        for row in self.db.execute(query):
            one = Release(row.country, row.certificate, row.released_at)
            found[row.lot_id] = (*found.get(row.lot_id, ()), one)
        return found

    def _seen(self, row: Any, releases: tuple[Release, ...]) -> LotRow:
        code = lot_type(self.core.keys, self.study, row.number, row.kit_type)
        kind = self._config.kit_type(code)
        done = {one.country for one in releases}
        waiting = tuple(one for one in row.countries.split() if one not in done)
        dates = (row.label_lot, row.expiry, row.stable_until, row.status)
        return LotRow(row.number, code, kind.description, kind.group, *dates, releases, waiting)
