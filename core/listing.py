"""Sites, subjects, visits, kits, stock and shipments, as far as a person may see them.

Nothing in a row tells a treatment: no kit type, lot, expiry or arm.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Select, func, select, tuple_

from core.access.roles import Permission
from core.db.models import kit, lot, shipment, site, subject, visit
from core.db.models import site as place
from core.errors import NotFound
from core.facts import Facts, Record, is_keyed, zone_of
from core.messages import Labels
from core.sight import PAGE, Page, Sight, after_number, after_pair, page_of, size_of
from core.subjects.schedule import planned
from core.subjects.status import DISCONTINUED, RANDOMIZED, SCREENED
from core.supply.lifecycle import state_of
from core.supply.shipment_sight import shipments_seen

FOLLOWED: Final = frozenset({SCREENED, RANDOMIZED, DISCONTINUED})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site of the study."""

    number: str
    name: str
    country: str
    timezone: str
    status: str
    status_on: dt.date | None


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """A subject; `randomized_on` is the day at the site."""

    number: str
    site: str
    status: str
    treatment: str
    consent_on: dt.date | None
    randomization_number: str | None
    randomized_on: dt.date | None
    ended_on: dt.date | None
    in_error_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class VisitRow:
    """A visit done (`on` given) or planned (`status` "planned", its window given, inclusive)."""

    visit: str
    name: Labels
    status: str
    on: dt.date | None
    opens: dt.date | None = None
    due: dt.date | None = None
    closes: dt.date | None = None
    deviation_days: int = 0


@dataclass(frozen=True, slots=True)
class KitRow:
    """A kit at a site; `state` is what its facts come to today (core/supply/lifecycle.py)."""

    number: str
    site: str
    disposition: str
    quality: str
    custody: str
    subject: str | None
    dispensed_at: dt.datetime | None
    confirmed_at: dt.datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class ShipmentRow:
    """A shipment from a depot or a site (`from_site`) to a site or a depot (`to_depot`);
    `leaves_on` and `due_on` are planned."""

    number: str
    kind: str
    site: str | None
    depot: str | None
    from_site: str | None
    to_depot: str | None
    status: str
    created_at: dt.datetime
    confirmed_at: dt.datetime | None
    leaves_on: dt.date | None
    due_on: dt.date | None
    dispatched_on: dt.date | None
    received_on: dt.date | None


class Listing(Sight):
    """The lists of one study as one person may see them. All methods raise NotFound for what the
    person may not see at all, and InvalidInput for an `after` that no page gave."""

    def list_sites(self, after: str | None = None, limit: int = PAGE) -> Page[SiteRow]:
        """The sites that the person sees, by number."""
        size = size_of(limit)
        columns = (site.c[name] for name in SiteRow.__slots__)
        query = select(*columns).where(site.c.study == self.study)
        grants = [g.site for g in self.actor.grants if g.study in (None, self.study)]
        if None not in grants:
            query = query.where(site.c.number.in_(sorted({one for one in grants if one})))
        if after is not None:
            query = query.where(site.c.number > str(after_number(after)))
        rows = self.db.execute(query.order_by(site.c.number).limit(size + 1)).all()
        return page_of(rows, size, lambda row: SiteRow(*row), lambda row: str(row.number))

    def list_subjects(
        self,
        *,
        site: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> Page[SubjectRow]:
        """Subjects by site and number."""
        query = select(*(subject.c[name] for name in SubjectRow.__slots__)).where(
            subject.c.study == self.study,
            *self.within(subject.c.site, Permission.SEE_SUBJECTS, site),
        )
        if status:
            query = query.where(subject.c.status == status)
        return self._by_site(query, subject.c, lambda row: SubjectRow(*row), after, limit)

    def list_visits(self, number: str) -> tuple[VisitRow, ...]:
        """The visits of a subject: what happened, in the order recorded, then what is planned."""
        found = self._subject(number)
        facts = Facts(
            self.db,
            self.core,
            actor=self.actor,
            study=self.study,
            site=found.site,
            now=self.core.now(),
        )
        config = self.core.config(self.db, self.study, found.version)
        names = {one.code: one.labels for one in config.visits}
        done = [
            VisitRow(
                row.code,
                names.get(row.code, Labels((("", row.code),))),
                row.status,
                row.on,
                deviation_days=row.deviation_days,
            )
            for row in facts.visits(found.id)
        ]
        coming = planned(config, facts, found) if found.status in FOLLOWED else ()
        return (
            *done,
            *(
                VisitRow(
                    one.visit.code,
                    one.visit.labels,
                    "planned",
                    None,
                    one.opens,
                    one.due,
                    one.closes,
                )
                for one in coming
            ),
        )

    def list_kits_of(self, number: str, visit_code: str | None = None) -> tuple[KitRow, ...]:
        """The kits given to a subject, oldest first; with `visit_code` those of that visit."""
        found = self._subject(number)
        query = (
            select(kit, *_BESIDE)
            .select_from(_KITS.outerjoin(visit, visit.c.id == kit.c.visit_id))
            .where(kit.c.subject_id == found.id)
            .order_by(kit.c.dispensed_at, kit.c.number)
        )
        if visit_code is not None:
            query = query.where(visit.c.code == visit_code)
        now = self.core.now()
        return tuple(_kit_row(row, number, now) for row in self.db.execute(query))

    def _subject(self, number: str) -> Record:
        seen = self.sites(Permission.SEE_SUBJECTS)
        query = select(subject).where(subject.c.study == self.study, subject.c.number == number)
        found = self.db.execute(query).one_or_none() if is_keyed(number) else None
        if found is None or (seen is not None and found.site not in seen):
            raise NotFound
        return found

    def list_kits(
        self,
        *,
        site: str | None = None,
        disposition: str | None = None,
        quality: str | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> Page[KitRow]:
        """The kits that are or were at sites, by site and number. Whose they are is told to those
        who may see subjects there."""
        whose = (subject.c.number.label("subject"), subject.c.site.label("subject_site"))
        query = (
            select(kit, *_BESIDE, *whose)
            .select_from(_KITS.outerjoin(subject, subject.c.id == kit.c.subject_id))
            .where(
                kit.c.study == self.study,
                kit.c.site.is_not(None),
                *self.within(kit.c.site, Permission.SEE_STOCK, site),
            )
        )
        if disposition:
            query = query.where(kit.c.disposition == disposition)
        if quality:
            query = query.where(kit.c.quality == quality)
        seen, now = self.actor.sites_where(Permission.SEE_SUBJECTS, self.study), self.core.now()

        def shown(row: Any) -> KitRow:
            told = row.subject if seen is None or row.subject_site in seen else None
            return _kit_row(row, told, now)

        return self._by_site(query, kit.c, shown, after, limit)

    def count_stock(self, site: str) -> dict[str, int]:
        """The kits of a site by their state, which has at least one."""
        facts = (kit.c.disposition, kit.c.custody, kit.c.quality, kit.c.labelled_until, *_BESIDE)
        query = (
            select(*facts, func.count().label("kits"))
            .select_from(_KITS)
            .where(kit.c.study == self.study, *self.within(kit.c.site, Permission.SEE_STOCK, site))
            .group_by(*facts)
        )
        found: dict[str, int] = {}
        for row in self.db.execute(query):
            state = _state(row, self.core.now())
            found[state] = found.get(state, 0) + row.kits
        return found

    def list_shipments(
        self,
        *,
        site: str | None = None,
        depot: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> Page[ShipmentRow]:
        """Shipments, the newest first: to or from the site, to or from the depot."""
        size = size_of(limit)
        columns = (shipment.c[name] for name in ShipmentRow.__slots__)
        query = select(*columns, shipment.c.id).where(
            shipment.c.study == self.study, *shipments_seen(self, site, depot)
        )
        if status:
            query = query.where(shipment.c.status == status)
        if after is not None:
            query = query.where(shipment.c.id < after_number(after))
        rows = self.db.execute(query.order_by(shipment.c.id.desc()).limit(size + 1)).all()
        return page_of(rows, size, lambda row: ShipmentRow(*row[:-1]), lambda row: str(row.id))

    def _by_site(
        self,
        query: Select[Any],
        columns: Any,
        made: Callable[[Any], T],
        after: str | None,
        limit: int,
    ) -> Page[T]:
        """A page of a list that runs along site and number."""
        size = size_of(limit)
        if after is not None:
            query = query.where(tuple_(columns.site, columns.number) > tuple_(*after_pair(after)))
        rows = self.db.execute(query.order_by(columns.site, columns.number).limit(size + 1)).all()
        return page_of(rows, size, made, lambda row: f"{row.site}-{row.number}")


_KITS: Final = kit.join(lot, lot.c.id == kit.c.lot_id).outerjoin(
    place, (place.c.study == kit.c.study) & (place.c.number == kit.c.site)
)
_BESIDE: Final = (lot.c.expiry, place.c.timezone)
"""What the state of a kit depends on beside itself."""


def _state(row: Record, now: dt.datetime) -> str:
    return state_of(row, now.astimezone(zone_of(row.timezone or "UTC")).date())


def _kit_row(row: Record, owner: str | None, now: dt.datetime) -> KitRow:
    return KitRow(
        row.number,
        row.site,
        row.disposition,
        row.quality,
        row.custody,
        owner,
        row.dispensed_at,
        row.confirmed_at,
        _state(row, now),
    )
