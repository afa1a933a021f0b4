"""Subjects and their visits, as the entries tell of them. Arms, levels and draws are made again
elsewhere (core/ledger/draws.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from core.ledger.fold.book import Book, Leftover, corrected, deed_of, is_done, rows_by
from core.subjects.status import ENDED, RANDOMIZED, SCREENED

_SUBJECTS: Final = """SELECT number, site, status, version, treatment, consent_on, year_of_birth,
rescreen_of, ended_on, code_broken_at, id FROM subject
WHERE study = :study"""
_VISITS: Final = """SELECT s.number, v.code, v.status, v."on", v.deviation_days FROM visit v
JOIN subject s ON s.id = v.subject_id WHERE s.study = :study"""
Entry = Mapping[str, Any]


class SubjectFold:
    """Follows the subjects of one study."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._study = db, study
        self._subjects, self._visits = Book("subject"), Book("visit")

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if not is_done(entry) or entry["subject"] is None:
            return
        deed = deed_of(entry)
        handler = HANDLERS.get(deed)
        if handler is not None:
            handler(self, entry)
        if deed in VISITED:
            self._visit(entry, entry["facts"])

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        yield from self._subjects.compare(rows_by(self._db, _SUBJECTS, self._study, "number"))
        yield from self._visits.compare(rows_by(self._db, _VISITS, self._study, "number", "code"))

    def set(self, entry: Entry, **values: Any) -> None:
        """Say this of the entry's subject."""
        self._subjects.set(entry["subject"], entry, **values)

    def set_visit(self, entry: Entry, code: str, **values: Any) -> None:
        """Say this of a visit of the entry's subject."""
        self._visits.set((entry["subject"], code), entry, **values)

    def _begin(self, entry: Entry, **values: Any) -> None:
        facts = entry["facts"]
        self.set(
            entry,
            site=entry["site"],
            version=entry["study_version"],
            year_of_birth=facts.get("year_of_birth"),
            rescreen_of=facts.get("rescreen_of"),
            ended_on=None,
            code_broken_at=None,
            **values,
        )

    def screened(self, entry: Entry) -> None:
        consent = entry["facts"]["consent_date"]
        self._begin(entry, status=SCREENED, treatment="none", consent_on=consent)

    def randomized(self, entry: Entry) -> None:
        if entry["subject"] not in self._subjects:  # a study without screening
            self._begin(entry, consent_on=entry["facts"]["randomized_on"])
        self.set(entry, status=RANDOMIZED, treatment="on")

    def taken_over(self, entry: Entry) -> None:
        self._begin(entry, status=RANDOMIZED, treatment="on", consent_on=None)
        for one in entry["facts"]["visits"]:
            self._visit(entry, one)

    def _visit(self, entry: Entry, facts: Mapping[str, Any]) -> None:
        self.set_visit(
            entry,
            facts["visit"],
            status=facts["status"],
            on=facts.get("on", facts.get("due")),
            deviation_days=facts.get("deviation_days", 0),
        )

    def status(self, entry: Entry) -> None:
        self.set(entry, status=entry["facts"]["after"])

    def ended(self, entry: Entry) -> None:
        after, treated = entry["facts"]["after"], self._subjects.get(entry["subject"], "treatment")
        self.set(
            entry,
            status=after,
            treatment="stopped" if treated == "on" else treated,
            ended_on=entry["facts"]["end_date"] if after in ENDED else None,
        )

    def stopped(self, entry: Entry) -> None:
        """Found to be in error, or the code was broken: treatment may go on, or not."""
        facts = entry["facts"]
        self.set(entry, status=facts["after"])
        if facts["after"] != facts["before"]:
            self.set(entry, treatment="stopped")

    def broken(self, entry: Entry) -> None:
        self.stopped(entry)
        if not entry["facts"]["repeated"]:
            self.set(entry, code_broken_at=entry["at"])

    def moved(self, entry: Entry) -> None:
        self.set(entry, site=entry["facts"]["after"])

    def amended(self, entry: Entry) -> None:
        self.set(entry, version=entry["facts"]["after"])

    def corrected(self, entry: Entry) -> None:
        for change in corrected(entry, "subject"):
            self.set(entry, **{change["field"]: change["after"]})
        for change in corrected(entry, "visit"):
            if change["field"] == "status" and change["after"] is None:
                self._visits.drop((entry["subject"], change["of"]))
            else:
                self.set_visit(entry, change["of"], **{change["field"]: change["after"]})


VISITED: Final = frozenset({"dispense", "unscheduled", "missed_visit", "visit_without_drug"})
HANDLERS: Final[Mapping[str, Callable[[SubjectFold, Entry], None]]] = {
    "screen": SubjectFold.screened,
    "randomize": SubjectFold.randomized,
    "import_subjects": SubjectFold.taken_over,
    "screen_failure": SubjectFold.status,
    "end": SubjectFold.ended,
    "randomized_in_error": SubjectFold.stopped,
    "code_break": SubjectFold.broken,
    "break_for_caller": SubjectFold.broken,
    "correct_subject": SubjectFold.corrected,
    "move_subject": SubjectFold.moved,
    "move_to_version": SubjectFold.amended,
}
FOLLOWED: Final = frozenset({*HANDLERS, *VISITED})
