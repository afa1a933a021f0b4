"""How a record came to be as it is: read from the ledger, which keeps every step."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select

from core.db.models import ledger, subject
from core.facts import Facts, Record, zone_of
from core.subjects.status import (
    COMPLETED,
    DISCONTINUED,
    LOST,
    RANDOMIZED,
    SCREEN_FAILED,
    SCREENED,
    WITHDRAWN,
)

_STATES: Final = frozenset(
    {SCREENED, SCREEN_FAILED, RANDOMIZED, DISCONTINUED, WITHDRAWN, LOST, COMPLETED}
)
_ENDS: Final = ("end", "screen_failure")
"""Deeds that say that something has ended; an end that a code break made is no mistake."""
_NOT_OF_A_SUBJECT: Final = ("kit", "factor")
"""What an entry with a subject and a change of something else names."""


def how_it_ended(facts: Facts, found: Record) -> str | None:
    """The state in which the subject was before somebody recorded its end, if that may be taken
    back: None for one who has not ended, whose treatment ended by another deed (a code break), or
    who was screened again since."""
    if found.status not in (SCREEN_FAILED, DISCONTINUED, WITHDRAWN, LOST, COMPLETED):
        return None
    if found.status == SCREEN_FAILED and _is_rescreened(facts, found):
        return None
    held: list[tuple[str, str]] = []  # deeds that changed the state and hold, with that before it
    for transaction, kept in _entries(facts, found.number):
        if _is_taken_back(kept):
            held.pop()
        elif (before := _before(kept)) is not None:
            held.append((transaction, before))
    transaction, before = held[-1] if held else ("", None)
    return before if transaction in _ENDS else None


def _entries(facts: Facts, number: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What was done with the subject, the oldest first: the transaction and its facts."""
    query = (
        select(ledger.c.transaction, ledger.c.body)
        .where(
            ledger.c.study == facts.study,
            ledger.c.subject == number,
            ledger.c.outcome == "done",
        )
        .order_by(ledger.c.sequence)
    )
    for row in facts.db.execute(query):
        yield row.transaction, json.loads(row.body)["facts"]


def _is_taken_back(kept: Mapping[str, Any]) -> bool:
    """Whether the entry corrects the subject's state, as only an end can be."""
    made = kept.get("changes", ())
    return any((one["record"], one["field"]) == ("subject", "status") for one in made)


def _before(kept: Mapping[str, Any]) -> str | None:
    """The state of the subject before an entry that changed it."""
    before, after = kept.get("before"), kept.get("after")
    if any(name in kept for name in _NOT_OF_A_SUBJECT) or before == after:
        return None
    return before if before in _STATES and after in _STATES else None


def _is_rescreened(facts: Facts, found: Record) -> bool:
    query = select(subject.c.id).where(
        subject.c.study == facts.study, subject.c.rescreen_of == found.number
    )
    return facts.db.execute(query).first() is not None


def registered_on(facts: Facts, site: str, shipment: str) -> dt.date | None:
    """The day at the site on which the receipt of a shipment was recorded, the last one if it came
    in parts."""
    query = (
        select(ledger.c.at, ledger.c.body)
        .where(
            ledger.c.study == facts.study,
            ledger.c.site == site,
            ledger.c.transaction == "receive",
            ledger.c.outcome == "done",
        )
        .order_by(ledger.c.sequence.desc())
    )
    found = facts.find_site(site)
    for row in facts.db.execute(query):
        if json.loads(row.body)["facts"]["shipment"] == shipment and found is not None:
            at: dt.datetime = row.at
            return at.astimezone(zone_of(found.timezone)).date()
    return None
