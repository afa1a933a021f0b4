"""Accountability: what became of every kit, by site, lot, kit and subject, as a person may see it.

Types, and lots that tell types, are in it for those alone whose role is unblinded there (and for
everybody in an open-label study); a lot is told to the blinded where each printed name of its group
is that of all types of the group. Nothing here writes: whoever shows types puts the reading on
record first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from core.access.roles import Actor, Permission
from core.db.models import kit, lot, shipment, site, subject, visit
from core.db.stock import shipment_kit
from core.errors import NotFound
from core.facts import zone_of
from core.sight import Sight
from core.study.schema import StudyConfig
from core.study.versions import latest_config
from core.supply.accounts import (
    KitLine,
    LotLine,
    Move,
    SiteLine,
    SubjectLine,
    by_lot,
    by_site,
    by_subject,
)
from core.supply.kits import lot_type
from core.supply.lifecycle import state_of
from core.supply.quantities import types_by_group
from core.supply.unblinded import record_reading, type_sites

if TYPE_CHECKING:
    from core.runtime import Core

SENT: Final = ("in_transit", "partially_received", "received", "lost")
"""States of a shipment that has left."""
_OPEN: Final = "open"
_READ: Final = "accountability"


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a study, or of one `site`, at a moment. `types` are shown at all;
    `is_unblinding` if that is more than any reader of the study may know; `sees_subjects` if the
    reader is told whose kits are. `zone`: the site's, UTC for several."""

    study: str
    site: str | None
    at: dt.datetime
    zone: str
    training: bool
    types: bool
    is_unblinding: bool
    sees_subjects: bool
    sites: tuple[SiteLine, ...]
    lots: tuple[LotLine, ...]
    kits: tuple[KitLine, ...]
    subjects: tuple[SubjectLine, ...]

    @property
    def closes(self) -> bool:
        """Whether the balance of every site closes."""
        return not any(one.difference for one in self.sites)

    @property
    def read(self) -> tuple[str, ...]:
        """The subjects whose kit types are told in it: they are named on record."""
        found = {one.subject for one in self.kits if one.subject and one.kit_type}
        return tuple(sorted(found)) if self.is_unblinding else ()


def accountability(
    core: Core, db: Connection, actor: Actor, study: str, wanted: str | None = None
) -> Account:
    """The account of the sites whose stock the person sees, or of the one wanted; with the depots
    for those who may read types of the whole study. Raises NotFound for what may not be seen."""
    return _Loader(core, db, actor, study, wanted).account()


def read_accountability(
    core: Core, actor: Actor, study: str, site: str | None = None, *, channel: str
) -> Account:
    """The same in a session of its own, and on record before it is shown to anybody if it shows
    more than every reader may know. Raises NotFound."""
    with core.reading() as db:
        found = accountability(core, db, actor, study, site)
    if found.is_unblinding:
        record_reading(
            core, actor, study, _READ, channel=channel, site=site, of=site, subjects=found.read
        )
    return found


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot as it is known here; `plain` if its printed name tells no type."""

    number: str
    kit_type: str
    group: str
    label: str
    expiry: dt.date
    plain: bool


class _Loader:
    """Reads what one person may see."""

    def __init__(
        self, core: Core, db: Connection, actor: Actor, study: str, wanted: str | None
    ) -> None:
        sight = Sight(core, db, actor, study)
        self._core, self._db, self._study, self._site = core, db, study, wanted
        self._sites = sight.sites(Permission.SEE_STOCK, wanted)
        self._config = latest_config(db, core, study)
        self._open = self._config.study.blinding == _OPEN
        self._typed = type_sites(actor, study, Permission.SEE_STOCK)
        self._seen = actor.sites_where(Permission.SEE_SUBJECTS, study)
        self._now = core.now()
        zones = select(site.c.number, site.c.timezone).where(site.c.study == study)
        self._zones: dict[str, str] = {row.number: row.timezone for row in db.execute(zones)}
        if wanted is not None and wanted not in self._zones:
            raise NotFound

    def account(self) -> Account:
        kits = tuple(self._kits())
        numbers = self._zones if self._sites is None else self._sites
        shown = any(one.kit_type is not None for one in kits)
        return Account(
            study=self._study,
            site=self._site,
            at=self._now,
            zone=self._zones[self._site] if self._site else "UTC",
            training=self._config.study.training,
            types=shown,
            is_unblinding=shown and not self._open,
            sees_subjects=self._seen is None or bool(self._seen),
            sites=by_site(numbers, kits, *self._moves(kits)),
            lots=by_lot(kits),
            kits=kits,
            subjects=by_subject(kits),
        )

    def _whole(self) -> bool:
        """Whether depots belong to it."""
        return self._sites is None and (self._open or self._typed is None)

    def _here(self) -> ColumnElement[bool]:
        if self._whole():
            return kit.c.study == self._study
        at = kit.c.site.is_not(None)
        if self._sites is not None:
            at = kit.c.site.in_(sorted(self._sites))
        return and_(kit.c.study == self._study, at)

    def _kits(self) -> Iterator[KitLine]:
        lots = _lots(self._core, self._db, self._config)
        query = (
            select(
                *(kit.c[name] for name in _KIT),
                lot.c.expiry,
                shipment.c.number.label("shipment"),
                shipment.c.received_on,
                subject.c.number.label("subject"),
                subject.c.site.label("subject_site"),
                visit.c.code.label("visit"),
            )
            .select_from(
                kit.join(lot, lot.c.id == kit.c.lot_id)
                .outerjoin(shipment, shipment.c.id == kit.c.shipment_id)
                .outerjoin(subject, subject.c.id == kit.c.subject_id)
                .outerjoin(visit, visit.c.id == kit.c.visit_id)
            )
            .where(self._here())
            .order_by(kit.c.site.nulls_last(), kit.c.number)
        )
        days = {
            number: self._now.astimezone(zone_of(zone)).date()
            for number, zone in (*self._zones.items(), (None, "UTC"))
        }
        for row in self._db.execute(query):
            yield self._line(row, lots[row.lot_id], days[row.site])

    def _line(self, row: Any, found: _Lot, today: dt.date) -> KitLine:
        typed = self._open or self._typed is None or row.site in self._typed
        known = typed or found.plain
        whose = row.subject is not None and (self._seen is None or row.subject_site in self._seen)
        return KitLine(
            number=row.number,
            site=row.site,
            depot=row.depot,
            group=found.group,
            kit_type=found.kit_type if typed else None,
            lot=(found.number if typed else found.label) if known else None,
            expiry=found.expiry if known else None,
            state=state_of(row, today),
            shipment=row.shipment,
            received_on=row.received_on,
            subject=row.subject if whose else None,
            visit=row.visit if whose else None,
            dispensed_at=row.dispensed_at,
            confirmed_at=row.confirmed_at,
            units_used=row.units_used,
            units_unused=row.units_unused,
            units_missing=row.units_missing,
            replaced_by=row.replaced_by,
        )

    def _moves(self, kits: Iterable[KitLine]) -> tuple[list[Move], Mapping[str, str | None]]:
        """Every move of the kits that are or were at the sites, and where those kits are now;
        `kits` are those that are there."""
        sent = and_(shipment.c.study == self._study, shipment.c.status.in_(SENT))
        joined = shipment_kit.join(shipment, shipment.c.id == shipment_kit.c.shipment_id)
        query = (
            select(kit.c.number, kit.c.site.label("now"), shipment.c.from_site, shipment.c.site)
            .select_from(joined.join(kit, kit.c.id == shipment_kit.c.kit_id))
            .where(sent)
            .order_by(shipment.c.id)
        )
        if self._sites is not None:
            here = sorted(self._sites)
            passed = (
                select(shipment_kit.c.kit_id)
                .select_from(joined)
                .where(sent, or_(shipment.c.site.in_(here), shipment.c.from_site.in_(here)))
            )
            query = query.where(or_(kit.c.id.in_(passed), kit.c.site.in_(here)))
        rows = self._db.execute(query).all()
        now: dict[str, str | None] = {row.number: row.now for row in rows}
        now |= {one.number: one.site for one in kits if one.site is not None}
        return [Move(row.number, row.from_site, row.site) for row in rows], now


_KIT: Final = (
    *("number", "site", "depot", "lot_id", "disposition", "custody", "quality", "labelled_until"),
    *("dispensed_at", "confirmed_at", "units_used", "units_unused", "units_missing"),
    "replaced_by",
)


def _lots(core: Core, db: Connection, config: StudyConfig) -> Mapping[int, _Lot]:
    """The lots of the study by id; of each whether its printed name is that of every type of its
    group, as with all lots of the group, so that it tells the blinded nothing: a single lot that is
    not told among others would tell what its kits are."""
    rows: Sequence[Any] = db.execute(select(lot).where(lot.c.study == config.code)).all()
    types = {row.id: lot_type(core.keys, row.study, row.number, row.kit_type) for row in rows}
    printed: dict[str, set[str]] = {}
    for row in rows:
        printed.setdefault(row.label_lot, set()).add(types[row.id])
    groups = {one.code: one.group for one in config.kit_types}
    of = {row.id: groups.get(types[row.id], "") for row in rows}
    alike = types_by_group(config)
    opened = {one.code for one in config.kit_types if one.unblinded}
    telling = {
        of[row.id]
        for row in rows
        if opened & printed[row.label_lot]
        or not printed[row.label_lot].issuperset(alike.get(of[row.id], ()))
    }
    return {
        row.id: _Lot(
            number=row.number,
            kit_type=types[row.id],
            group=of[row.id],
            label=row.label_lot,
            expiry=row.expiry,
            plain=of[row.id] not in telling,
        )
        for row in rows
    }
