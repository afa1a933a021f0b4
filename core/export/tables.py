"""The tables of a copy: each is a list that the reader has on pages and by the API, whole.

A list that is not for the reader is left out, headings and all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Select, or_, select

from core.access.listing import PeopleListing
from core.access.roles import Permission
from core.access.views import ViewRow, ViewsListing
from core.db.drawing import response
from core.db.models import kit as kit_table
from core.db.models import ledger, shipment, subject, visit
from core.db.stock import shipment_kit
from core.ledger.listing import LedgerListing, LedgerRow, Wanted
from core.listing import Listing, SiteRow
from core.randomization.lists.listing import ListRowSeen, ListsListing
from core.reading import SHIPMENT, Reader, subject_fields, visit_fields
from core.sight import PAGE_MAX, Page, Sight
from core.study.listing import VersionRow, VersionsListing
from core.subjects.hold_list import HoldRow, HoldsListing
from core.supply.shipment_sight import shipments_seen
from core.unblinding.list import BreakRow, BreaksListing

T = TypeVar("T")
LEDGER: Final = "ledger"
SIGNATURES: Final = "signatures"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns. A cell is text, a number, a day, a moment, None, a Message, or what
    JSON has."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def dicts(self) -> Iterator[dict[str, Any]]:
        """The rows by the names of the columns."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)


class Copyist(Sight):
    """Copies the lists of one study as one person may see them. Raises NotFound for a study that
    does not exist for the person."""

    def tables(self) -> tuple[Table, ...]:
        """All that there is for this person."""
        return tuple(self._all())

    def _all(self) -> Iterator[Table]:
        yield self._study_row()
        sites = self._look(Listing).list_sites
        yield _of_rows("sites", SiteRow, _whole(lambda at: sites(at, PAGE_MAX)))
        if self.may(Permission.SEE_SUBJECTS):
            yield self._subjects()
            yield self._visits()
        if self._sees_shipments():
            yield self._shipments()
            yield self._shipment_kits()
        if self.may(Permission.SEE_PEOPLE):
            yield from self._people()
        if self.may(Permission.SEE_VERSIONS):
            yield from self._versions()
        if self.may(Permission.HOLDS):
            holds = self._look(HoldsListing).list_holds
            yield _of_rows("holds", HoldRow, _whole(lambda at: holds(at, PAGE_MAX)))
        if self.may(Permission.SEE_BREAKS):
            breaks = self._look(BreaksListing).list_breaks
            yield _of_rows("code_breaks", BreakRow, _whole(lambda at: breaks(at, PAGE_MAX)))
        if self.may(Permission.SEE_LEDGER):
            yield from self._ledger()
            views = self._look(ViewsListing).list_views
            yield _of_rows(
                "page_views", ViewRow, _whole(lambda at: views(after=at, limit=PAGE_MAX))
            )

    def _look(self, kind: Callable[..., T]) -> T:
        return kind(self.core, self.db, self.actor, self.study)

    def _study_row(self) -> Table:
        shown = Reader(self.core, self.db, self.actor, self.study).study(self.study)
        return Table("study", tuple(shown), (tuple(shown.values()),))

    def _of_subjects(self, *columns: Any) -> Select[Any]:
        return (
            select(*columns)
            .where(
                subject.c.study == self.study,
                *self.within(subject.c.site, Permission.SEE_SUBJECTS),
            )
            .order_by(subject.c.site, subject.c.number)
        )

    def _subjects(self) -> Table:
        answers = {
            row.subject_id: row
            for row in self.db.execute(
                select(response).join(subject, subject.c.id == response.c.subject_id)
                .where(subject.c.study == self.study)
            )
        }  # fmt: skip
        rows = self.db.execute(self._of_subjects(subject))
        return _of_dicts("subjects", (subject_fields(row, answers.get(row.id)) for row in rows))

    def _visits(self) -> Table:
        query = self._of_subjects(subject.c.number.label("subject"), visit)
        rows = self.db.execute(
            query.join(visit, visit.c.subject_id == subject.c.id).order_by(visit.c.id)
        )
        return _of_dicts("visits", ({"subject": row.subject, **visit_fields(row)} for row in rows))

    def _sees_shipments(self) -> bool:
        depots = self.actor.depots_where(Permission.SEE_SHIPMENTS, self.study)
        return self.may(Permission.SEE_SHIPMENTS) or depots is None or bool(depots)

    def _seen_shipments(self, *columns: Any) -> Select[Any]:
        return (
            select(*columns)
            .where(shipment.c.study == self.study, *shipments_seen(self))
            .order_by(shipment.c.id)
        )

    def _shipments(self) -> Table:
        columns = (*SHIPMENT, "loggers")
        rows = self.db.execute(self._seen_shipments(*(shipment.c[name] for name in columns)))
        return Table("shipments", columns, tuple(tuple(row) for row in rows))

    def _shipment_kits(self) -> Table:
        query = self._seen_shipments(shipment.c.number, kit_table.c.number.label("kit"))
        rows = self.db.execute(
            query.join(shipment_kit, shipment_kit.c.shipment_id == shipment.c.id)
            .join(kit_table, kit_table.c.id == shipment_kit.c.kit_id)
            .order_by(kit_table.c.number)
        )
        return Table("shipment_kits", ("shipment", "kit"), tuple(tuple(row) for row in rows))

    def _people(self) -> Iterator[Table]:
        listing = self._look(PeopleListing).list_people
        people = list(_whole(lambda at: listing(after=at, limit=PAGE_MAX)))
        columns = ("user_id", "name", "language", "status")
        found = tuple(tuple(getattr(one, name) for name in columns) for one in people)
        yield Table("people", columns, found)
        held = ("role", "study", "site", "depot", "starts_at", "ends_at")
        grants = tuple(
            (one.user_id, *(getattr(grant, name) for name in held))
            for one in people
            for grant in one.grants
        )
        yield Table("roles", ("user_id", *held), grants)

    def _versions(self) -> Iterator[Table]:
        listing = self._look(VersionsListing)
        found = list(_whole(lambda at: listing.list_versions(at, PAGE_MAX)))
        named = tuple(one.name for one in dataclasses.fields(VersionRow))
        rows = tuple(
            (*(getattr(one, name) for name in named), listing.get_version(one.version)[1])
            for one in found
        )
        yield Table("versions", (*named, "source"), rows)
        adopted = tuple(
            (one.site, one.version, one.effective_on)
            for version in found
            for one in _whole(_adoptions(listing, version.version))
        )
        yield Table("site_versions", ("site", "version", "effective_on"), adopted)
        yield _of_rows("lists", ListRowSeen, self._look(ListsListing).list_versions())

    def _ledger(self) -> Iterator[Table]:
        """The entries in the order made, and the signatures in them."""
        found = sorted(self._entries().values(), key=lambda one: one.sequence)
        columns = tuple(
            one.name
            for one in dataclasses.fields(LedgerRow)
            if one.name not in ("signed", "signatures")
        )
        rows = tuple(tuple(getattr(one, name) for name in columns) for one in found)
        yield Table(LEDGER, columns, rows)
        signed = ("user_id", "name", "meaning", "at", "method")
        marks = tuple(
            (one.sequence, *(mark.get(name) for name in signed))
            for one in found
            for mark in one.signatures
        )
        yield Table(SIGNATURES, ("sequence", *signed), marks)

    def _entries(self) -> dict[int, LedgerRow]:
        """The entries made at the reader's sites, and those made elsewhere about subjects who are
        there now."""
        listing = self._look(LedgerListing)
        wanted = [Wanted(), *(Wanted(subject=number) for number in self._came_from_elsewhere())]
        return {row.sequence: row for one in wanted for row in _whole(_entries_of(listing, one))}

    def _came_from_elsewhere(self) -> list[str]:
        sites = self.sites(Permission.SEE_LEDGER)
        if sites is None:
            return []
        query = (
            select(subject.c.number)
            .join(
                ledger, (ledger.c.study == subject.c.study) & (ledger.c.subject == subject.c.number)
            )
            .where(
                subject.c.study == self.study,
                subject.c.site.in_(sorted(sites)),
                or_(ledger.c.site.is_(None), ledger.c.site.not_in(sorted(sites))),
            )
        )
        return list(self.db.scalars(query.distinct().order_by(subject.c.number)))


def _entries_of(listing: LedgerListing, wanted: Wanted) -> Callable[[str | None], Page[LedgerRow]]:
    return lambda at: listing.list_entries(wanted, at, PAGE_MAX)


def _adoptions(listing: VersionsListing, version: int) -> Callable[[str | None], Page[Any]]:
    return lambda at: listing.list_adoptions(version, at, PAGE_MAX)


def _whole(page: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Every row of a list, page after page."""
    at: str | None = None
    while True:
        found = page(at)
        yield from found.rows
        at = found.next
        if at is None:
            return


def _of_rows(name: str, kind: type, rows: Iterable[Any]) -> Table:
    columns = tuple(one.name for one in dataclasses.fields(kind))
    made = tuple(tuple(getattr(row, column) for column in columns) for row in rows)
    return Table(name, columns, made)


def _of_dicts(name: str, rows: Iterable[dict[str, Any]]) -> Table:
    found: Sequence[dict[str, Any]] = list(rows)
    columns = tuple(found[0]) if found else ()
    return Table(name, columns, tuple(tuple(row.values()) for row in found))
