"""The account of drug, pure: kits and how they travelled in, balances by site, lot and subject out.

A site's balance closes when all that came (shipped there, or along with a subject from another
site) is all that is there by its state, all that was sent on, and all that left with subjects. The
two sides come from different records: what shipments were made with, and what each kit is now.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

COLUMNS: Final = (
    *("in_transit", "on_shelf", "reserved", "held", "rejected", "expired", "to_relabel"),
    *("with_subjects", "returned", "damaged", "missing", "lost", "verified"),
    *("to_destroy", "destroyed"),
)
"""What a kit of a site is counted as; each kit is one of them."""
DEPOT: Final = "at_depot"
_DONE: Final = frozenset({"missing", "lost", "destroyed"})
"""With a kit that is counted as one of these nothing is left to be done."""
COLUMN_OF: Final[Mapping[str, str]] = {
    "new": DEPOT,
    "available": "on_shelf",
    "reserved": "reserved",
    "in_transit": "in_transit",
    "pre_quarantined": "held",
    "quarantined": "held",
    "rejected": "rejected",
    "expired": "expired",
    "unavailable": "to_relabel",
    "dispensed": "with_subjects",
    "misallocated": "with_subjects",
    "returned": "returned",
    "damaged": "damaged",
    "missing": "missing",
    "lost": "lost",
    "verified": "verified",
    "to_destroy": "to_destroy",
    "destroyed": "destroyed",
}
"""Each state of a kit (core/supply/lifecycle.py) to what it is counted as at a site."""


@dataclass(frozen=True, slots=True)
class KitLine:
    """A kit: where it is, how it stands, whose it was, how many units were counted when it came
    back. Type, lot and expiry are None, and so is whose it is, for who may not know them."""

    number: str
    site: str | None
    depot: str | None
    group: str
    kit_type: str | None
    lot: str | None
    expiry: dt.date | None
    state: str
    shipment: str | None
    received_on: dt.date | None
    subject: str | None
    visit: str | None
    dispensed_at: dt.datetime | None
    confirmed_at: dt.datetime | None
    units_used: int | None
    units_unused: int | None
    units_missing: int | None
    replaced_by: str | None

    @property
    def column(self) -> str:
        """What it is counted as."""
        if self.site is None and self.state != "in_transit":
            return DEPOT
        return COLUMN_OF[self.state]


@dataclass(frozen=True, slots=True)
class Move:
    """A kit left for a site (None: for a depot), from a site (None: from a depot); moves of a kit
    come in the order in which they were made."""

    kit: str
    from_site: str | None
    to_site: str | None


@dataclass(frozen=True, slots=True)
class SiteLine:
    """A site's balance: `received` kits were sent there, `carried_in` came along with subjects,
    `counts` are those it has by COLUMNS, `sent_on` and `carried_out` are gone again."""

    site: str
    received: int
    carried_in: int
    counts: Mapping[str, int]
    sent_on: int
    carried_out: int

    @property
    def difference(self) -> int:
        """What came and is not accounted for: 0 when the balance closes."""
        there = sum(self.counts.values())
        return self.received + self.carried_in - there - self.sent_on - self.carried_out

    @property
    def left(self) -> int:
        """Kits of the site that are neither destroyed nor known to be gone: 0 when the account of
        the site is at its end."""
        return sum(count for name, count in self.counts.items() if name not in _DONE)


@dataclass(frozen=True, slots=True)
class LotLine:
    """A lot, or for a blinded reader what is printed as one: `packaged` kits and where they are by
    `at_depot` and COLUMNS."""

    lot: str
    kit_type: str | None
    group: str
    expiry: dt.date
    packaged: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SubjectLine:
    """A subject's kits: all `given`, and how many of them stand how; units as counted."""

    subject: str
    site: str
    given: int
    counts: Mapping[str, int]
    units_used: int
    units_unused: int
    units_missing: int


def by_site(
    sites: Iterable[str],
    kits: Iterable[KitLine],
    moves: Iterable[Move],
    now: Mapping[str, str | None],
) -> tuple[SiteLine, ...]:
    """The balance of each site. `moves` are all those of the kits that were ever sent to or from
    one of the sites or are there; `now` says at which site (None: at none) each such kit is."""
    there: dict[str, Counter[str]] = {}
    for one in kits:
        if one.site is not None:
            there.setdefault(one.site, Counter())[one.column] += 1
    flow = _Flow()
    for move in moves:
        flow.carry(flow.where.get(move.kit), move.from_site)
        flow.count("received", move.to_site)
        flow.count("sent_on", move.from_site)
        flow.where[move.kit] = move.to_site
    for kit, site in now.items():
        flow.carry(flow.where.get(kit), site)
    return tuple(
        SiteLine(
            site=site,
            counts=in_columns(there.get(site, {})),
            **{way: flow.counts[way, site] for way in _WAYS},
        )
        for site in sorted(sites)
    )


_WAYS: Final = ("received", "carried_in", "sent_on", "carried_out")


@dataclass
class _Flow:
    """Kits by way and site, and where each was left by its last move."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    where: dict[str, str | None] = field(default_factory=dict)

    def count(self, way: str, site: str | None) -> None:
        if site is not None:
            self.counts[way, site] += 1

    def carry(self, source: str | None, target: str | None) -> None:
        """From one site to another without a shipment: in the hands of a subject. To a site from
        nowhere nobody carries anything: that leaves the balance open."""
        if source is not None and target is not None and source != target:
            self.count("carried_out", source)
            self.count("carried_in", target)


def in_columns(counts: Mapping[str, int], *, depot: bool = False) -> dict[str, int]:
    """The counts by every column, 0 where there are none."""
    return {name: counts.get(name, 0) for name in ((DEPOT,) if depot else ()) + COLUMNS}


def by_lot(kits: Iterable[KitLine]) -> tuple[LotLine, ...]:
    """The kits of each lot; those whose lot the reader may not know are in none."""
    found: dict[str, list[KitLine]] = {}
    for one in kits:
        if one.lot is not None:
            found.setdefault(one.lot, []).append(one)
    return tuple(_lot(lot, found[lot]) for lot in sorted(found))


def _lot(lot: str, kits: Sequence[KitLine]) -> LotLine:
    first = kits[0]
    expiry = min(one.expiry for one in kits if one.expiry is not None)
    counts = in_columns(Counter(one.column for one in kits), depot=True)
    types = {one.kit_type for one in kits}
    groups = "; ".join(sorted({one.group for one in kits}))
    return LotLine(
        lot, first.kit_type if len(types) == 1 else None, groups, expiry, len(kits), counts
    )


def by_subject(kits: Iterable[KitLine]) -> tuple[SubjectLine, ...]:
    """The kits of each subject, by the site where the kit is accounted for."""
    found: dict[tuple[str, str], list[KitLine]] = {}
    for one in kits:
        if one.subject is not None and one.site is not None:
            found.setdefault((one.site, one.subject), []).append(one)
    return tuple(_subject(*key, found[key]) for key in sorted(found))


def _subject(site: str, subject: str, kits: Sequence[KitLine]) -> SubjectLine:
    counts = in_columns(Counter(one.column for one in kits))
    units = (
        sum(getattr(one, name) or 0 for one in kits)
        for name in ("units_used", "units_unused", "units_missing")
    )
    return SubjectLine(subject, site, len(kits), counts, *units)
