"""What a code break means for the study: judged afterwards, by somebody who stays blinded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert, or_, select

from core.access.roles import Permission
from core.context import Context
from core.db.blind import assessment
from core.db.models import ledger, subject
from core.errors import NotFound
from core.facts import Facts
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction
from core.unblinding.common import AT_A_DESK

ASSESSED: Final = ("code_break", "break_for_caller", "unblind_kit")
"""The deeds in an emergency: each of them is assessed."""
TEXT_CHARACTERS_MAX: Final = 400
_OFFERED_MAX: Final = 99


def breaks_at(
    db: Connection, study: str, sites: frozenset[str] | None, *, missing: bool = False
) -> Sequence[Any]:
    """The code breaks at these sites (None: all), as rows of the ledger, the newest first;
    `missing`: only those that nobody has assessed."""
    query = (
        select(ledger.c.sequence, ledger.c.at, ledger.c.confirmation, ledger.c.subject)
        .select_from(
            ledger.outerjoin(
                subject,
                (subject.c.study == ledger.c.study) & (subject.c.number == ledger.c.subject),
            )
        )
        .where(
            ledger.c.study == study,
            ledger.c.transaction.in_(ASSESSED),
            ledger.c.outcome == "done",
        )
        .order_by(ledger.c.sequence.desc())
        .limit(_OFFERED_MAX)
    )
    if sites is not None:
        query = query.where(or_(subject.c.site.in_(sites), ledger.c.site.in_(sites)))
    if missing:
        done = select(assessment.c.of).where(assessment.c.study == study)
        query = query.where(ledger.c.sequence.not_in(done))
    return db.execute(query).all()


def _own(facts: Facts) -> Sequence[Any]:
    sites = facts.actor.sites_where(Permission.ASSESS, facts.study)
    return breaks_at(facts.db, facts.study, sites)


def _breaks(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), row.confirmation, _name(row))
        for place, row in enumerate(_own(facts), start=1)
    )


def _name(row: Any) -> Message:
    number = Digits(row.confirmation)
    if row.subject is None:
        return Message("choice.a_kit_break", {"confirmation": number})
    return Message("choice.a_break", {"confirmation": number, "subject": Digits(row.subject)})


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which code break, and what it means."""
    return (
        Question("code_break", Kind.CHOICE, choices=_breaks),
        Question("assessment", Kind.TEXT, high=TEXT_CHARACTERS_MAX),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Keep the assessment beside the break; a later one stands beside it too."""
    confirmation = str(answers["code_break"])
    row = next((one for one in _own(context.facts) if one.confirmation == confirmation), None)
    if row is None:
        raise NotFound
    context.db.execute(
        insert(assessment),
        {
            "study": context.study,
            "of": row.sequence,
            "by": context.actor.user_id,
            "assessed_at": context.now,
            "text": answers["assessment"],
        },
    )
    facts = {"assessed": confirmation, "assessment": answers["assessment"]}
    said = Message("said.assess_break", {"number": Digits(confirmation)})
    return Outcome(said, facts, subject=row.subject)


ASSESS_BREAK = Transaction(
    "assess_break",
    "",
    Permission.ASSESS,
    questions,
    run,
    AT_A_DESK,
    signed=True,
    site=False,
)
