"""Visits at which no drug is given: missed ones, and those held without it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import insert

from core.access.roles import Permission
from core.context import Context
from core.db.models import visit
from core.db.upsert import new_id
from core.facts import Facts, Record
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.schedule import check_window, next_as_choice, next_visit, window_warning
from core.subjects.screen import EVERYWHERE
from core.subjects.status import DISCONTINUED, check_status, started
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

WITHOUT_DRUG_REASONS = ("investigator", "subject", "site", "planned")


def has_visits(config: StudyConfig) -> bool:
    """Whether the study plans visits."""
    return bool(config.visits)


def check_followed(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    """The subject is in follow-up, on treatment or not. Raises WrongSubjectStatus."""
    found = facts.the_subject({"subject": value})
    check_status(found, started(config, found), DISCONTINUED)
    return None


def visit_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose visit, and which."""
    return (
        Question("subject", Kind.SUBJECT, check=check_followed, digits=(1, 16)),
        Question("visit", Kind.VISIT, choices=next_as_choice),
    )


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason, Message(f"choice.without_drug_{reason}"))
        for place, reason in enumerate(WITHOUT_DRUG_REASONS, start=1)
    )


def _without_drug_questions(config: StudyConfig) -> tuple[Question, ...]:
    return (*visit_questions(config), Question("reason", Kind.CHOICE, choices=_reasons))


def record_visit(
    context: Context,
    found: Record,
    code: str,
    status: str,
    on: dt.date,
    days: int = 0,
    dose: str | None = None,
) -> int:
    """Write what happened at a visit, and the dose given; returns the row's id."""
    made = context.db.execute(
        insert(visit),
        {
            "subject_id": found.id,
            "code": code,
            "status": status,
            "on": on,
            "deviation_days": days,
            "dose": dose,
        },
    )
    return new_id(made)


def run_missed(context: Context, answers: Answers) -> Outcome:
    """The visit did not take place: it counts as of the day it was due."""
    found = context.facts.the_subject(answers)
    coming = next_visit(context.config, context.facts, found)
    record_visit(context, found, coming.visit.code, "missed", coming.due)
    facts = {"visit": coming.visit.code, "status": "missed", "due": coming.due}
    said = Message(
        "said.missed_visit", {"subject": Digits(found.number), "visit": coming.visit.labels}
    )
    return Outcome(said, facts, subject=found.number)


def run_without_drug(context: Context, answers: Answers) -> Outcome:
    """The visit took place; nothing was dispensed."""
    found = context.facts.the_subject(answers)
    coming = next_visit(context.config, context.facts, found)
    today = context.facts.today
    days = check_window(coming, today)
    record_visit(context, found, coming.visit.code, "without_drug", today, days)
    facts = {
        "visit": coming.visit.code,
        "status": "without_drug",
        "on": today,
        "reason": answers["reason"],
        "deviation_days": days,
    }
    said = Message(
        "said.visit_without_drug", {"subject": Digits(found.number), "visit": coming.visit.labels}
    )
    return Outcome(said, facts, subject=found.number)


MISSED_VISIT = Transaction(
    "missed_visit",
    "661",
    Permission.SUBJECTS,
    visit_questions,
    run_missed,
    EVERYWHERE,
    used=has_visits,
)
VISIT_WITHOUT_DRUG = Transaction(
    "visit_without_drug",
    "662",
    Permission.SUBJECTS,
    _without_drug_questions,
    run_without_drug,
    EVERYWHERE,
    used=has_visits,
    warns=window_warning,
)
