"""What shows kit types and lots: each page is one reading on record, for those alone who may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.supply.unblinded import record_reading
from web.db import close, the_core
from web.reading.common import Link, show
from web.session import current
from web.words import t

CHANNEL = "web"


def show_types(
    template: str,
    title: str,
    *way: Link,
    reading: str,
    of: str | None = None,
    site: str | None = None,
    subjects: Iterable[str] = (),
    **values: Any,
) -> str:
    """The page, once it is on record that this person reads it: `reading` says what. Everything
    that it shows has been read before."""
    put_on_record(reading, of=of, site=site, subjects=subjects)
    return show(template, title, *way, **values)


def put_on_record(
    reading: str, *, of: str | None = None, site: str | None = None, subjects: Iterable[str] = ()
) -> None:
    """It is on record from here on that this person has read types."""
    me = current()
    close()
    record_reading(
        the_core(),
        me.actor,
        me.study.code,
        reading,
        channel=CHANNEL,
        site=site,
        of=of,
        subjects=subjects,
    )


SHELF: Mapping[str, str] = {
    "usable": "web.shelf.usable",
    "available": "web.kit.available",
    "reserved": "web.kit.reserved",
    "in_transit": "web.kit.in_transit",
    "pre_quarantined": "web.kit.pre_quarantined",
    "quarantined": "web.kit.quarantined",
    "unavailable": "web.shelf.unavailable",
    "past": "web.shelf.past",
    "expired": "web.shelf.expired",
    "not_released": "web.shelf.not_released",
    "new": "web.kit.new",
    "rejected": "web.kit.rejected",
    "dispensed": "web.kit.assigned",
    "returned": "web.kit.returned",
    "damaged": "web.kit.damaged",
    "missing": "web.kit.missing",
    "lost": "web.kit.lost",
    "misallocated": "web.shelf.misallocated",
    "verified": "web.kit.verified",
    "to_destroy": "web.kit.to_destroy",
    "destroyed": "web.kit.destroyed",
}
"""How kits stand, in the order in which their counts are told."""


def counts_in_words(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Counts by state, with the words for each."""
    return tuple((t(SHELF[name]), counts[name]) for name in SHELF if counts.get(name))
