"""To whom treatments are open, the emergency calls, what was said about code breaks, and reviews.

A row written here by hand would open a treatment without a code break.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from core.ledger.encoding import instant
from core.ledger.fold.book import Book, Leftover, as_instant, deed_of, is_done, rows_by
from core.records.reviews import ACCESS, AUDIT_TRAIL, CLOSE_OUT
from core.unblinding.failures import FAILED
from core.unblinding.openings import (
    ANALYSIS,
    CODE_BREAK,
    CODE_VIEW,
    END_OF_STUDY,
    FOR_CALLER,
)
from core.unblinding.planned import end_of

_OPENINGS: Final = """SELECT id, sequence, subject, kit, user_id, basis, opened_at, ends_at, told
FROM opening WHERE study = :study"""
_CALLS: Final = """SELECT number, subject, position, operator, taken_at, outcome, closed_at
FROM emergency_call WHERE study = :study"""
# The same words said twice are one: the later of the two.
_ASSESSMENTS: Final = """SELECT "of", "by", max(assessed_at) AS assessed_at, "text"
FROM assessment WHERE study = :study GROUP BY "text", "of", "by"
"""
_REVIEWS: Final = """SELECT sequence, kind, site, "by", done_on, done_at, upto FROM review
WHERE study = :study"""
Entry = Mapping[str, Any]


class OpeningFold:
    """Follows what was opened in one study."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._study = db, study
        self._openings, self._calls = Book("opening"), Book("emergency call")
        self._assessments, self._reviews = Book("assessment"), Book("review")
        self._by_confirmation: dict[str, int] = {}

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if is_done(entry) and (handler := HANDLERS.get(deed_of(entry))) is not None:
            handler(self, entry)

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        rows = rows_by(self._db, _OPENINGS, self._study, "sequence", "subject", "kit", "user_id")
        yield from self._openings.compare(rows)
        yield from self._calls.compare(rows_by(self._db, _CALLS, self._study, "number"))
        key = "of", "by", "text"
        yield from self._assessments.compare(rows_by(self._db, _ASSESSMENTS, self._study, *key))

        reviews = rows_by(self._db, _REVIEWS, self._study, "sequence")
        yield from self._reviews.compare(reviews)
        for sequence, row in reviews.items():
            if not _is_day_of(row["done_on"], row["done_at"]):
                yield Leftover(f"review {sequence} is of another day", self._reviews.last(sequence))

    def _open(self, entry: Entry, basis: str, user_id: str | None, **more: Any) -> None:
        values = {"subject": None, "kit": None, "ends_at": None, **more}
        key = entry["sequence"], values["subject"], values["kit"], user_id
        told = {"basis": basis, "opened_at": entry["at"], "ends_at": values["ends_at"], "told": 0}
        self._openings.set(key, entry, **told)
        self._by_confirmation[entry["confirmation"]] = entry["sequence"]

    def broken(self, entry: Entry) -> None:
        self._open(entry, CODE_BREAK, entry["actor"], subject=entry["subject"])

    def viewed(self, entry: Entry) -> None:
        self._open(entry, CODE_VIEW, entry["actor"], subject=entry["subject"])

    def broken_for_caller(self, entry: Entry) -> None:
        self._open(entry, FOR_CALLER, entry["actor"], subject=entry["subject"])
        self._close(entry, "revealed")

    def kit_unblinded(self, entry: Entry) -> None:
        self._open(entry, CODE_BREAK, entry["actor"], kit=entry["facts"]["kit"])

    def kit_viewed(self, entry: Entry) -> None:
        self._open(entry, CODE_VIEW, entry["actor"], kit=entry["facts"]["kit"])

    def unblinded(self, entry: Entry) -> None:
        facts = entry["facts"]
        ends = instant(end_of(facts["until"])) if facts["until"] else None
        basis = END_OF_STUDY if facts["purpose"] == END_OF_STUDY else ANALYSIS
        self._open(entry, basis, facts["open_to"], ends_at=ends)

    def read(self, entry: Entry) -> None:
        """A reading counts, whoever it was by."""
        sequence = self._by_confirmation.get(entry["facts"]["opened_by"])
        for key in self._openings:
            if key[0] == sequence:
                self._openings.set(key, entry, told=entry["facts"]["times"])

    def call_taken(self, entry: Entry) -> None:
        facts = entry["facts"]
        self._calls.set(
            facts["call"],
            entry,
            subject=entry["subject"],
            position=facts["position"],
            operator=entry["actor"],
            taken_at=entry["at"],
            outcome=None,
            closed_at=None,
        )

    def call_declined(self, entry: Entry) -> None:
        self._close(entry, "declined")

    def tried(self, entry: Entry) -> None:
        """A try that failed changes no row, but for an operator's call that was left open."""
        if entry["facts"].get("call"):
            self._close(entry, "lapsed")

    def _close(self, entry: Entry, outcome: str) -> None:
        self._calls.set(entry["facts"]["call"], entry, outcome=outcome, closed_at=entry["at"])

    def assessed(self, entry: Entry) -> None:
        facts = entry["facts"]
        of = self._by_confirmation.get(facts["assessed"])
        self._assessments.set(
            (of, entry["actor"], facts["assessment"]), entry, assessed_at=entry["at"]
        )

    def reviewed(self, entry: Entry) -> None:
        """A signed look over what went on, as far as the chain was then unless it says less."""
        facts, sequence = entry["facts"], entry["sequence"]
        upto = facts.get("upto")
        self._reviews.set(
            sequence,
            entry,
            kind=_KINDS[entry["transaction"]],
            site=facts.get("site"),
            by=entry["actor"],
            done_at=entry["at"],
            upto=sequence - 1 if upto is None else upto,
        )


def _is_day_of(day: Any, moment: Any) -> bool:
    """Whether the day, which is one at the site, can be that of the moment, which is in UTC."""
    told = as_instant(moment)
    try:
        gap = dt.date.fromisoformat(str(day)) - dt.date.fromisoformat(str(told)[:10])
    except ValueError:
        return False
    return abs(gap) <= dt.timedelta(days=1)


_KINDS: Final = {
    "review_audit": AUDIT_TRAIL,
    "review_access": ACCESS,
    "close_out_site": CLOSE_OUT,
}


HANDLERS: Final[Mapping[str, Callable[[OpeningFold, Entry], None]]] = {
    "code_break": OpeningFold.broken,
    "code_view": OpeningFold.viewed,
    "break_for_caller": OpeningFold.broken_for_caller,
    "unblind_kit": OpeningFold.kit_unblinded,
    "view_kit": OpeningFold.kit_viewed,
    "unblind_study": OpeningFold.unblinded,
    "treatment_read": OpeningFold.read,
    "take_emergency_call": OpeningFold.call_taken,
    "decline_caller": OpeningFold.call_declined,
    FAILED: OpeningFold.tried,
    "assess_break": OpeningFold.assessed,
    **dict.fromkeys(_KINDS, OpeningFold.reviewed),
}
FOLLOWED: Final = frozenset(HANDLERS)
