"""Which visit is next, when it is due, and what happened at the ones before.

Visits are derived from the study file, the day that they are anchored to and what is recorded;
only what happened is stored.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.errors import OutsideVisitWindow, VisitNotExpected
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig, Visit
from core.subjects.status import anchor_day
from core.transaction import Answers, Choice


@dataclass(frozen=True, slots=True)
class Planned:
    """A visit not recorded yet; all days local and inclusive."""

    visit: Visit
    opens: dt.date
    due: dt.date
    closes: dt.date

    def deviation_days(self, today: dt.date) -> int:
        """Days outside the window: negative before it, positive after it, 0 inside."""
        if today < self.opens:
            return (today - self.opens).days
        return max((today - self.closes).days, 0)


def planned(config: StudyConfig, facts: Facts, found: Record) -> tuple[Planned, ...]:
    """The visits that are still to come, in order; none before there is a day to count from."""
    anchor = anchor_day(found)
    if anchor is None:
        return ()
    recorded = {row.code: row.on for row in facts.visits(found.id)}
    return plan(config, anchor, recorded, found.phase)


def plan(
    config: StudyConfig,
    anchor: dt.date,
    recorded: Mapping[str, dt.date],
    phase: str | None = None,
) -> tuple[Planned, ...]:
    """The visits of the phase still to come, by the days of those recorded. Those of an earlier
    phase are no longer expected, recorded or not."""
    return tuple(plan_in_turn(config, anchor, recorded, phase))


def plan_in_turn(
    config: StudyConfig,
    anchor: dt.date,
    recorded: Mapping[str, dt.date],
    phase: str | None = None,
) -> Iterator[Planned]:
    """As `plan`, each visit worked out when it is come to: for many subjects and few days."""
    previous = anchor
    for visit in config.visits_in(phase):
        if visit.code in recorded:
            previous = recorded[visit.code]
            continue
        start = previous if visit.anchor == "previous" else anchor
        opens, due, closes = config.window(visit, start)
        yield Planned(visit, opens, due, closes)
        previous = due


def next_visit(config: StudyConfig, facts: Facts, found: Record) -> Planned:
    """The next visit in order. Raises VisitNotExpected when all are recorded."""
    coming = planned(config, facts, found)
    if not coming:
        raise VisitNotExpected(subject=Digits(found.number))
    return coming[0]


def next_as_choice(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """The next visit, to be confirmed by its name. Visits are recorded in order: one that did not
    take place is recorded as missed first."""
    coming = next_visit(config, facts, facts.the_subject(answers))
    return (Choice("1", coming.visit.code, coming.visit.labels),)


def window_warning(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What the read-back warns of when today is outside the window; it becomes a deviation."""
    coming = next_visit(config, facts, facts.the_subject(answers))
    days = coming.deviation_days(facts.today)
    if days == 0:
        return ()
    params: dict[str, Param] = {"opens": coming.opens, "closes": coming.closes, "count": abs(days)}
    return (Message("warn.visit_early" if days < 0 else "warn.visit_late", params),)


def check_window(coming: Planned, today: dt.date) -> int:
    """Days outside the window, for the record. Raises OutsideVisitWindow for a hard one."""
    days = coming.deviation_days(today)
    if days and coming.visit.window == "hard":
        raise OutsideVisitWindow(opens=coming.opens, closes=coming.closes)
    return days
