"""The rest of a visit's kits, where the study gives what there is and some were lacking."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select

from core.access.roles import Permission
from core.context import Context
from core.db.models import kit
from core.db.stock import not_given
from core.errors import VisitNotExpected
from core.facts import Record
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.holds import DISPENSING, check_hold
from core.subjects.phases import current_arm, current_period
from core.supply.dispense import (
    assign,
    check_subject,
    days_left,
    dispensed,
    gives_in_part,
    take,
    with_doses,
)
from core.supply.kits import type_of
from core.supply.quality import SCREENS
from core.transaction import Answers, Kind, Outcome, Question, Transaction

_GIVEN = ("dispensed", "unscheduled")


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom."""
    return (Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),)


def run(context: Context, answers: Answers) -> Outcome:
    """Give what the latest visit with kits still lacks, or what there is of it by now."""
    found = context.facts.the_subject(answers)
    arm = current_arm(context, found)
    check_hold(context, DISPENSING, found=found, arm=arm)
    seen = [row for row in context.facts.visits(found.id) if row.status in _GIVEN]
    lacking = _lacking(context, found, seen[-1], arm) if seen else []
    if not lacking:
        raise VisitNotExpected(Message("error.nothing_lacking", {"subject": Digits(found.number)}))
    chosen = take(context, lacking, days_left(context, found))
    assign(context, found, chosen, seen[-1].id)
    facts: dict[str, object] = {
        "visit": seen[-1].code,
        "on": context.facts.today,
        "kits": [item.number for item in chosen],
    }
    outcome = dispensed(context, "give_rest", found, chosen, facts, {})
    return with_doses(context, outcome, None, lacking)


def _lacking(context: Context, found: Record, visit: Any, arm: str | None) -> list[str]:
    """The kit types of the visit, one for each kit, that were not given at it."""
    config = context.config
    if visit.status == "dispensed":
        wanted = config.kits_for(visit.code, arm, visit.dose)
    else:
        period = current_period(config, context.facts.visits(found.id))
        wanted = config.unscheduled_kits(arm, period, visit.dose)
    # A kit in whose place another was given is not counted twice; one that the subject never got
    # is replaced, and no part of the rest.
    had = [
        row
        for row in context.facts.kits_of(found.id)
        if row.visit_id == visit.id and row.replaced_by is None
    ]
    never_got = (
        select(kit)
        .join(not_given, not_given.c.kit_id == kit.c.id)
        .where(not_given.c.visit_id == visit.id, not_given.c.replaced_by.is_(None))
    )
    known = {row.id: row for row in (*had, *context.db.execute(never_got))}
    given = Counter(type_of(context.keys, row) for row in known.values())
    return list((Counter(wanted) - given).elements())


GIVE_REST = Transaction(
    "give_rest", "", Permission.DRUG, questions, run, SCREENS, used=gives_in_part
)
