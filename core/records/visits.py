"""Visits on record, looked at as if a day were another one: pure but for what is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from core.db.drawing import assignment
from core.facts import Facts, Record
from core.messages import Labels, Message
from core.study.schema import StudyConfig
from core.subjects.schedule import Planned, plan
from core.subjects.status import is_awaiting

DATED: Final = ("dispensed", "without_drug", "unscheduled", "elsewhere")
"""Visits that were held, so that they have a day which may be wrong."""


def visit_words(config: StudyConfig, code: str) -> Labels | Message:
    """A visit by its name; one that is not in the plan by its code."""
    planned = next((one for one in config.visits if one.code == code), None)
    return planned.labels if planned else Message("word.unscheduled_visit", {"code": code})


def is_last(config: StudyConfig, rows: Sequence[Record], row: Record) -> bool:
    """Whether no later visit of the same phase is on record: visits are recorded in turn."""
    codes = [one.code for one in config.visits]
    if row.code not in codes:
        return False
    alike = [one.code for one in config.visits_in(config.visit(row.code).phase)]
    later = alike[alike.index(row.code) + 1 :]
    return not any(other.code in later for other in rows)


def deviations(
    config: StudyConfig,
    facts: Facts,
    found: Record,
    *,
    consent: dt.date | None,
    dates: Mapping[str, Any],
) -> dict[str, int]:
    """Of each visit held, by code, how many days it is outside its window, were these the days:
    of the consent, and of visits by code. Those whose phase has no day to count from are left
    out."""
    rows = {row.code: row for row in facts.visits(found.id)}
    out: dict[str, int] = {}
    for phase in dict.fromkeys(one.phase for one in config.visits):
        previous = anchor = _anchor(facts, found, phase, consent)
        if anchor is None or previous is None:
            continue
        for visit in config.visits_in(phase):
            opens, due, closes = config.window(
                visit, previous if visit.anchor == "previous" else anchor
            )
            row = rows.get(visit.code)
            if row is None:
                previous = due
                continue
            previous = dates.get(visit.code) or row.on
            if row.status in DATED:
                out[visit.code] = Planned(visit, opens, due, closes).deviation_days(previous)
    return out


def next_after(
    config: StudyConfig,
    facts: Facts,
    found: Record,
    *,
    consent: dt.date | None,
    dates: Mapping[str, Any],
) -> Planned | None:
    """The next visit, were these the days; a visit whose day is None is not on record. Nothing
    where none is expected."""
    if is_awaiting(config, found):
        return None
    anchor = _anchor(facts, found, found.phase, consent)
    if anchor is None:
        return None
    recorded = {row.code: row.on for row in facts.visits(found.id)}
    recorded = {code: day for code, day in (recorded | dict(dates)).items() if day is not None}
    return next(iter(plan(config, anchor, recorded, found.phase)), None)


def _anchor(
    facts: Facts, found: Record, phase: str | None, consent: dt.date | None
) -> dt.date | None:
    """The day from which the visits of a phase count, were the consent of that day."""
    day: dt.date | None
    if phase is None:
        day = found.randomized_on or consent or found.consent_on
    elif phase == found.phase:
        day = found.phase_on
    else:
        query = select(assignment.c.entered_on).where(
            assignment.c.subject_id == found.id, assignment.c.phase == phase
        )
        day = facts.db.execute(query).scalar_one_or_none()
    return day
