"""A kit in place of another: lost, damaged, or never given to the subject."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.stock import not_given
from core.errors import KitNotUsable
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.holds import DISPENSING, check_hold
from core.subjects.phases import current_arm
from core.subjects.screen import EVERYWHERE
from core.supply.dispense import assign, check_subject, days_left, dispensed, dispenses, take
from core.supply.kits import lock_kits, set_kits, type_of
from core.supply.lifecycle import STEPS
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

NOT_GIVEN: Final = "not_given"
REPLACE_REASONS: Final = ("lost", "damaged", NOT_GIVEN)


def find_not_given(db: Connection, subject_id: int, kit_id: int) -> Any | None:
    """The row of a kit that the subject was assigned, never got, and has had nothing in place of;
    the latest one."""
    query = (
        select(not_given)
        .where(
            not_given.c.subject_id == subject_id,
            not_given.c.kit_id == kit_id,
            not_given.c.replaced_by.is_(None),
        )
        .order_by(not_given.c.id.desc())
    )
    return db.execute(query).first()


def _is_with(found: Any, subject_id: int) -> bool:
    return bool(found.subject_id == subject_id and found.disposition == "dispensed")


def _own_kit(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    found, owner = facts.kit(value), facts.the_subject(answers)
    if found is not None and (
        _is_with(found, owner.id) or find_not_given(facts.db, owner.id, found.id)
    ):
        return None
    raise KitNotUsable(Message("error.kit_not_of_subject", {"kit": Digits(value)}))


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """What may have happened: of a kit that is known not to have been given, nothing else."""
    found = facts.kit(str(answers["kit"]))
    is_out = found is not None and _is_with(found, facts.the_subject(answers).id)
    return tuple(
        Choice(str(place), reason, Message(f"choice.replace_{reason}"))
        for place, reason in enumerate(REPLACE_REASONS, start=1)
        if is_out or reason == NOT_GIVEN
    )


def replace_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, which kit, and why."""
    return (
        Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),
        Question("kit", Kind.KIT, check=_own_kit, digits=(8, 8)),
        Question("reason", Kind.CHOICE, choices=_reasons),
    )


def run_replace(context: Context, answers: Answers) -> Outcome:
    """Another kit of the same type. The old one is put away by what happened to it, or stays where
    it is if it is known already that it was never given: both ways lead to the same record."""
    found = context.facts.the_subject(answers)
    check_hold(context, DISPENSING, found=found, arm=current_arm(context, found))
    (old,) = lock_kits(context.db, context.study, [str(answers["kit"])])
    is_out = _is_with(old, found.id)
    known = None if is_out else find_not_given(context.db, found.id, old.id)
    if not is_out and known is None:
        raise KitNotUsable(Message("error.kit_not_of_subject", {"kit": Digits(old.number)}))
    chosen = take(context, [type_of(context.keys, old)], days_left(context, found))
    new = chosen[0].number
    assign(context, found, chosen, old.visit_id if known is None else known.visit_id)
    after = old.disposition
    if known is None:
        step = STEPS[f"replace_{answers['reason']}"]
        after = step.after
        set_kits(context.db, [old.id], **step.values, replaced_by=new)
    else:
        _link(context, known, old, new)
    facts = {
        "kit": old.number,
        "reason": answers["reason"],
        "before": old.disposition,
        "after": after,
        "kits": [new],
    }
    params: dict[str, Param] = {"kit": Digits(old.number)}
    return dispensed(context, "replace", found, chosen, facts, params)


def _link(context: Context, known: Any, old: Any, new: str) -> None:
    """What was given instead; the kit itself says so as long as nobody else has had it since."""
    context.db.execute(update(not_given).where(not_given.c.id == known.id).values(replaced_by=new))
    if old.subject_id in (None, known.subject_id):
        set_kits(context.db, [old.id], replaced_by=new)


REPLACE = Transaction(
    "replace", "4", Permission.DRUG, replace_questions, run_replace, EVERYWHERE, used=dispenses
)
