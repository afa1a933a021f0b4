"""Holds, responses and what was put right about subjects, held against the ledger: whom a hold
stops, how a dose goes on and which levels are drawn with next stand in rows that anyone who writes
to the database could change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from core.db.drawing import hold, response
from core.db.models import subject


class StandingCheck:
    """Follows these deeds of one study in the ledger's order."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._study = db, study
        self._holds: dict[str, tuple[Any, ...]] = {}
        self._lifted: set[str] = set()
        self._responses: dict[str, tuple[bool, str]] = {}
        self._corrected: dict[str, dict[str, str]] = {}
        self._in_error: set[str] = set()
        self._doses: dict[str, str] = {}
        self._held: dict[str, str] = {}

    def check(self, entry: Mapping[str, Any]) -> None:
        """Take in an entry of what was done."""
        facts, number = entry["facts"], entry["subject"]
        if number is not None and facts.get("dose") is not None:
            self._doses[number] = facts["dose"]
        match facts.get("approved", entry["transaction"]):
            case "place_hold":
                stops = f" {' '.join(facts['stops'])} "
                self._holds[facts["hold"]] = facts["scope"], facts["value"], stops
            case "lift_hold":
                self._lifted.add(facts["hold"])
            case "respond":
                self._responses[number] = facts["answer"], facts["assessed_on"]
            case "correct_response":
                self._responses[number] = facts["after"], facts["assessed_on"]
            case "correct_levels":
                levels = self._corrected.setdefault(number, {})
                levels[facts["factor"]] = facts["after"]
                if facts["after"] == facts["randomized"]:
                    del levels[facts["factor"]]
            case "randomized_in_error":
                self._in_error.add(number)
            case "hold_dose":
                self._held[number] = facts["held_on"]
            case "resume_dose":
                self._held.pop(number, None)

    def leftovers(self) -> Iterator[str]:
        """What stands in the rows and is not what the entries led to."""
        query = select(hold).where(hold.c.study == self._study)
        rows = {row.number: row for row in self._db.execute(query)}
        kept = {number: (row.scope, row.value, row.stops) for number, row in rows.items()}
        lifted = {number for number, row in rows.items() if row.lifted_at is not None}
        if (kept, lifted) != (self._holds, self._lifted):
            yield "holds stand, or are lifted, other than the entries tell"
        answers = (
            select(subject.c.number, response.c.answer, response.c.on)
            .join(subject, subject.c.id == response.c.subject_id)
            .where(subject.c.study == self._study)
        )
        told = {number: (answer, str(on)) for number, answer, on in self._db.execute(answers)}
        if told != self._responses:
            yield "responses are other than the entries tell"
        columns = (*("number", "corrected", "in_error_at"), *("dose", "dose_held_on"))
        marks = select(*(subject.c[one] for one in columns)).where(subject.c.study == self._study)
        corrected, in_error = {}, set()
        doses, held = {}, {}
        for row in self._db.execute(marks):
            if row.dose is not None:
                doses[row.number] = row.dose
            if row.dose_held_on is not None:
                held[row.number] = str(row.dose_held_on)
            if row.corrected is not None:
                corrected[row.number] = json.loads(row.corrected)
            if row.in_error_at is not None:
                in_error.add(row.number)
        if corrected != {number: one for number, one in self._corrected.items() if one}:
            yield "corrected levels are other than the entries tell"
        if in_error != self._in_error:
            yield "subjects are marked in error other than the entries tell"
        if (doses, held) != (self._doses, self._held):
            yield "doses are, or are held, other than the entries tell"
