"""A code view: safety reads the treatment of a subject who goes on as before."""

from __future__ import annotations

from typing import Final

from core.access.roles import Permission
from core.context import Context
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.status import REASON_CHARACTERS_MAX
from core.transaction import Answers, Choice, Kind, Opens, Outcome, Question, Transaction
from core.unblinding.common import (
    AT_A_DESK,
    STILL_BLINDED,
    check_subject,
    is_randomizing,
    notices,
    sealed_arm,
    warn_who,
)
from core.unblinding.openings import CODE_VIEW as BY_CODE_VIEW

VIEW_REASONS: Final = ("safety_report", "medical_review", "authority", "other")


def view_reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """Why safety looks."""
    return tuple(
        Choice(str(place), reason, Message(f"choice.view_{reason}"))
        for place, reason in enumerate(VIEW_REASONS, start=1)
    )


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, and why."""
    return (
        Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),
        Question("reason", Kind.CHOICE, choices=view_reasons),
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Open the treatment to the person who signed; nothing changes for the subject."""
    found = context.facts.the_subject(answers)
    where: dict[str, Param] = {"study": context.study, "subject": Digits(found.number)}
    facts = {
        "reason": answers["reason"],
        "details": answers.get("details"),
        "still_blinded": list(STILL_BLINDED),
    }
    return Outcome(
        Message("said.code_view", {"subject": Digits(found.number)}),
        facts,
        {"arm": sealed_arm(context, found)},
        notices("sms.code_viewed", found.site, where),
        found.number,
        opens=(Opens(BY_CODE_VIEW, context.actor.user_id, found.number),),
    )


CODE_VIEW = Transaction(
    "code_view",
    "",
    Permission.CODE_VIEW,
    questions,
    run,
    AT_A_DESK,
    signed=True,
    site=False,
    used=is_randomizing,
    warns=warn_who,
    watched=True,
)
