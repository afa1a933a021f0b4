"""The account of drug as tables: columns with names for programs and words for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final
from zoneinfo import ZoneInfo

from core.messages import Message
from core.supply.accountability import Account
from core.supply.accounts import COLUMNS, DEPOT, KitLine, SiteLine, SubjectLine

TABLES: Final = ("sites", "lots", "kits", "subjects")
OF_A_SITE: Final = frozenset({"kits", "subjects"})
"""What is told of one site at a time where it cannot be as long as a book."""
Say = Callable[[Message], str]
Cell = str | int | dt.date | dt.datetime | None

WORDS: Final[Mapping[str, str]] = {
    "site": "web.drug.site",
    "received": "web.drug.received",
    "carried_in": "web.drug.carried_in",
    "at_depot": "web.drug.at_depot",
    "in_transit": "web.drug.in_transit",
    "on_shelf": "web.drug.on_shelf",
    "reserved": "web.drug.reserved",
    "held": "web.drug.held",
    "rejected": "web.drug.rejected",
    "expired": "web.drug.expired",
    "to_relabel": "web.drug.to_relabel",
    "with_subjects": "web.drug.with_subjects",
    "returned": "web.drug.returned",
    "damaged": "web.drug.damaged",
    "missing": "web.drug.missing",
    "lost": "web.drug.lost",
    "verified": "web.drug.verified",
    "to_destroy": "web.drug.to_destroy",
    "destroyed": "web.drug.destroyed",
    "sent_on": "web.drug.sent_on",
    "carried_out": "web.drug.carried_out",
    "difference": "web.drug.difference",
    "left": "web.drug.left",
    "lot": "web.drug.lot",
    "kit_type": "web.drug.kit_type",
    "group": "web.drug.group",
    "expiry": "web.drug.expiry",
    "packaged": "web.drug.packaged",
    "kit": "web.drug.kit",
    "depot": "web.drug.depot",
    "state": "web.drug.state",
    "shipment": "web.drug.shipment",
    "received_on": "web.drug.received_on",
    "subject": "web.drug.subject",
    "visit": "web.drug.visit",
    "dispensed_at": "web.drug.dispensed_at",
    "confirmed_at": "web.drug.confirmed_at",
    "units_used": "web.drug.units_used",
    "units_unused": "web.drug.units_unused",
    "units_missing": "web.drug.units_missing",
    "replaced_by": "web.drug.replaced_by",
    "given": "web.drug.given",
}
"""A column to its heading; the states of kits are columns too, in the same words."""
TITLES: Final[Mapping[str, str]] = {
    "sites": "web.drug.by_site",
    "lots": "web.drug.by_lot",
    "kits": "web.drug.by_kit",
    "subjects": "web.drug.by_subject",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns named as in WORDS; days and moments as such, what is unknown None."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def title(self, say: Say) -> str:
        """What it is, in words."""
        return say(Message(TITLES[self.name]))

    def head(self, say: Say) -> tuple[str, ...]:
        """The columns in words."""
        return tuple(say(Message(WORDS[name])) for name in self.columns)


def tables(account: Account) -> tuple[Table, ...]:
    """All that there is for this reader, in the order of TABLES; columns in which nobody has
    anything to read (types, lots, subjects) are left out."""
    made = (_sites(account), _lots(account), _kits(account), _subjects(account))
    return tuple(one for one in made if one is not None)


def _sites(account: Account) -> Table:
    gone = ("sent_on", "carried_out", "difference", "left")
    columns = ("site", "received", "carried_in", *COLUMNS, *gone)

    def row(one: SiteLine) -> tuple[Cell, ...]:
        there = (one.counts[name] for name in COLUMNS)
        gone = (one.sent_on, one.carried_out, one.difference, one.left)
        return (one.site, one.received, one.carried_in, *there, *gone)

    rows = tuple(row(one) for one in account.sites)
    return Table("sites", columns, rows)


def _lots(account: Account) -> Table | None:
    if not account.lots:
        return None
    kept = ("lot", "kit_type") if account.types else ("lot",)
    counted = (DEPOT, *COLUMNS)
    rows = tuple(
        (
            *(getattr(one, name) for name in (*kept, "group", "expiry", "packaged")),
            *(one.counts[name] for name in counted),
        )
        for one in account.lots
    )
    return Table("lots", (*kept, "group", "expiry", "packaged", *counted), rows)


_OF_LOTS: Final = ("lot", "expiry")


def _kits(account: Account) -> Table:
    names = [one.name for one in fields(KitLine) if one.name != "number"]
    hidden = set[str]()
    if not account.types:
        hidden |= {"kit_type"}
    if not account.lots:
        hidden |= {*_OF_LOTS}
    if not account.sees_subjects:
        hidden |= {"subject", "visit"}
    kept = [name for name in names if name not in hidden]
    rows = tuple((one.number, *(getattr(one, name) for name in kept)) for one in account.kits)
    return Table("kits", ("kit", *kept), rows)


def _subjects(account: Account) -> Table | None:
    if not account.sees_subjects:
        return None
    units = ("units_used", "units_unused", "units_missing")
    held = [name for name in COLUMNS if any(one.counts[name] for one in account.subjects)]

    def row(one: SubjectLine) -> tuple[Cell, ...]:
        counts = (one.counts[name] for name in held)
        return (one.subject, one.site, one.given, *counts, *(getattr(one, u) for u in units))

    columns = ("subject", "site", "given", *held, *units)
    return Table("subjects", columns, tuple(row(one) for one in account.subjects))


def in_words(cell: Cell, column: str, say: Say, zone: str) -> str:
    """A cell for people: states in words, moments in that time zone, nothing for the unknown."""
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return f"{cell.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return say(Message(STATES[str(cell)])) if column == "state" else str(cell)


STATES: Final[Mapping[str, str]] = {
    "new": "web.kit.new",
    "available": "web.kit.available",
    "expired": "web.drug.expired",
    "reserved": "web.kit.reserved",
    "in_transit": "web.kit.in_transit",
    "pre_quarantined": "web.kit.pre_quarantined",
    "quarantined": "web.kit.quarantined",
    "rejected": "web.kit.rejected",
    "unavailable": "web.drug.to_relabel",
    "dispensed": "web.drug.with_subjects",
    "returned": "web.kit.returned",
    "damaged": "web.kit.damaged",
    "missing": "web.kit.missing",
    "lost": "web.drug.lost",
    "misallocated": "web.drug.misallocated",
    "verified": "web.kit.verified",
    "to_destroy": "web.kit.to_destroy",
    "destroyed": "web.kit.destroyed",
}
"""A kit's state (core/supply/lifecycle.py) in words."""
