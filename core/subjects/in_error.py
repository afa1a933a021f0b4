"""Randomized in error: not eligible, the wrong person, or twice. It is marked, never undone.

The number and the place on the list are never used again, every count stays, and nothing written
before is changed. A wrong stratum alone is no such error: that is `correct_levels`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import subject
from core.errors import InErrorAlready
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.subjects.status import (
    DISCONTINUED,
    RANDOMIZED,
    REASON_CHARACTERS_MAX,
    check_randomized,
)
from core.transaction import Answers, Choice, Kind, Notice, Outcome, Question, Transaction

IN_ERROR_REASONS: Final = ("not_eligible", "wrong_person", "duplicate", "other")


def is_used(config: StudyConfig) -> bool:
    """Whether the study randomizes."""
    return config.has_randomization


def _check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.the_subject({"subject": value})
    check_randomized(found)
    _check_unmarked(found)
    return None


def _check_unmarked(found: Record) -> None:
    if found.in_error_at is not None:
        raise InErrorAlready(subject=Digits(found.number))


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason, Message(f"choice.in_error_{reason}"))
        for place, reason in enumerate(IN_ERROR_REASONS, start=1)
    )


def _is_treated(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return bool(facts.the_subject(answers).status == RANDOMIZED)


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Who, why, and whether the protocol lets treatment go on."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_subject, digits=(1, 16)),
        Question("reason", Kind.CHOICE, choices=_reasons),
        Question("treatment_goes_on", Kind.YES_NO, when=_is_treated),
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Mark the subject; treatment stops unless it is said to go on, follow-up goes on."""
    found = context.facts.the_subject(answers)
    _check_unmarked(found)
    stops = found.status == RANDOMIZED and answers.get("treatment_goes_on") is not True
    after = {"status": DISCONTINUED, "treatment": "stopped"} if stops else {}
    context.db.execute(
        update(subject).where(subject.c.id == found.id).values(in_error_at=context.now, **after)
    )
    facts = {
        "reason": answers["reason"],
        "details": answers.get("details"),
        "treatment_goes_on": answers.get("treatment_goes_on"),
        "before": found.status,
        "after": after.get("status", found.status),
        "randomization_number": found.randomization_number,
    }
    params: dict[str, Param] = {"subject": Digits(found.number)}
    said = "said.in_error_stopped" if stops else "said.in_error"
    notice = Notice(Message("sms.randomized_in_error", params), roles=("monitor", "study_manager"))
    return Outcome(Message(said, params), facts, notices=(notice,), subject=found.number)


RANDOMIZED_IN_ERROR = Transaction(
    "randomized_in_error",
    "6666",
    Permission.CORRECTIONS,
    questions,
    run,
    EVERYWHERE,
    signed=True,
    used=is_used,
)
