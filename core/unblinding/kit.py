"""What is in a kit that belongs to nobody: somebody took from it who is in no study.

The kit is told like a treatment, by a reading on record, and is never given any more. A kit that
belongs to a subject is not opened this way: that subject's code is broken instead.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.access.roles import Permission
from core.context import Context
from core.db.blind import opening
from core.db.models import ledger, ledger_kit
from core.errors import KitNotUsable
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.sealed import Sealed
from core.study.schema import StudyConfig
from core.subjects.status import REASON_CHARACTERS_MAX
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, state_of
from core.transaction import Answers, Kind, Opens, Outcome, Question, Transaction
from core.unblinding.code_view import view_reasons
from core.unblinding.common import (
    AT_A_DESK,
    SITE_TOLD,
    STILL_BLINDED,
    break_reasons,
    notices,
)
from core.unblinding.openings import CODE_BREAK, CODE_VIEW

_LEFT_ALONE = frozenset({"rejected", "damaged", "missing", "lost", "verified", "to_destroy"})
"""States in which a kit is never given anyway."""


def is_dispensing(config: StudyConfig) -> bool:
    """Whether the study has kits whose type is not told."""
    return config.dispenses


def _check_kit(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    _state(facts, facts.kit(value))
    return None


def _state(facts: Facts, found: Any) -> str:
    """What has become of a row of the kit table. Raises KitNotUsable where it is on its way, or is
    or ever was a subject's: by that kit the subject's treatment would be known."""
    number = Digits(found.number)
    if found.subject_id is not None or _was_with_a_subject(facts, found.number):
        raise KitNotUsable(Message("error.kit_of_a_subject", {"kit": number}))
    state = state_of(found, facts.today)
    if state not in _LEFT_ALONE | STEPS["unblind"].before:
        raise KitNotUsable(Message(f"error.kit_is_{state}", {"kit": number}))
    return state


def _was_with_a_subject(facts: Facts, number: str) -> bool:
    """Whether the ledger names the kit beside a subject: one that was taken back is nobody's now,
    and whose it was can be read all the same."""
    named = (
        select(ledger.c.sequence)
        .join(
            ledger_kit,
            (ledger_kit.c.study == ledger.c.study) & (ledger_kit.c.sequence == ledger.c.sequence),
        )
        .where(
            ledger_kit.c.study == facts.study,
            ledger_kit.c.kit == number,
            ledger.c.subject.is_not(None),
        )
    )
    return facts.db.execute(named.limit(1)).first() is not None


def kit_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kit, and why."""
    return _questions(Question("reason", Kind.CHOICE, choices=break_reasons))


def view_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kit, and why safety wants to know."""
    return _questions(Question("reason", Kind.CHOICE, choices=view_reasons))


def _questions(reason: Question) -> tuple[Question, ...]:
    return (
        Question("kit", Kind.KIT, check=_check_kit, digits=(8, 8)),
        reason,
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def run_kit(context: Context, answers: Answers) -> Outcome:
    """Open it to the investigator, and see to it that it is never given."""
    return _run(context, answers, CODE_BREAK)


def run_view(context: Context, answers: Answers) -> Outcome:
    """Open it to safety; it is never given either."""
    return _run(context, answers, CODE_VIEW)


def _run(context: Context, answers: Answers, basis: str) -> Outcome:
    number = str(answers["kit"])
    (found,) = lock_kits_with_expiry(context.db, context.study, [number])
    before = _state(context.facts, found)
    after = _reject(context, found.id, before)
    facts: dict[str, Any] = {
        "kit": number,
        "reason": answers["reason"],
        "details": answers.get("details"),
        "repeated": _was_opened(context, number),
        "before": before,
        "after": after,
        "still_blinded": list(STILL_BLINDED),
    }
    params: dict[str, Param] = {"study": context.study}
    told = notices("sms.kit_opened", found.site, params, *(SITE_TOLD if found.site else ()))
    kit_type = context.keys.open(Sealed(found.kit_type, f"{context.study}|kit|{number}"))
    return Outcome(
        Message("said.unblind_kit", {"kit": Digits(number)}),
        facts,
        {f"kit_type_{number}": context.seal(f"opening|kit|{number}", kit_type)},
        told,
        opens=(Opens(basis, context.actor.user_id, kit=number),),
    )


def _reject(context: Context, kit_id: int, before: str) -> str:
    """Put the kit where nobody gives it; its state after that."""
    if before in _LEFT_ALONE:
        return before
    set_kits(context.db, [kit_id], **STEPS["unblind"].values)
    return STEPS["unblind"].after


def _was_opened(context: Context, number: str) -> bool:
    earlier = select(opening.c.id).where(opening.c.study == context.study, opening.c.kit == number)
    return context.db.scalar(earlier.limit(1)) is not None


UNBLIND_KIT = Transaction(
    "unblind_kit",
    "",
    Permission.CODE_BREAK,
    kit_questions,
    run_kit,
    AT_A_DESK,
    signed=True,
    used=is_dispensing,
    watched=True,
)
VIEW_KIT = Transaction(
    "view_kit",
    "",
    Permission.CODE_VIEW,
    view_questions,
    run_view,
    AT_A_DESK,
    signed=True,
    site=False,
    used=is_dispensing,
    watched=True,
)
