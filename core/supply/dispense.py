"""Dispensing: at a planned visit, at an unscheduled one, and in place of a kit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from core.access.roles import Permission
from core.context import Context
from core.errors import (
    KitNotUsable,
    NoKitAvailable,
    NotAllowed,
    VisitNotExpected,
)
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.holds import DISPENSING, check_hold
from core.subjects.phases import current_arm, current_period
from core.subjects.schedule import (
    check_window,
    next_as_choice,
    next_visit,
    planned,
    window_warning,
)
from core.subjects.screen import EVERYWHERE
from core.subjects.status import check_on_treatment, check_open
from core.subjects.visits import record_visit
from core.supply.days import days_to_last, limits
from core.supply.kits import Stocked, choose, lock_kits, set_kits, shelf, type_of
from core.supply.lifecycle import STEPS
from core.transaction import Answers, Choice, Kind, Notice, Outcome, Question, Transaction

REPLACE_REASONS: Final = ("lost", "damaged", "not_given")


def dispenses(config: StudyConfig) -> bool:
    """Whether the study gives drug."""
    return config.dispenses


def _has_unscheduled(config: StudyConfig) -> bool:
    return config.unscheduled is not None and any(config.unscheduled.kits.values())


def check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    """The subject is on treatment. Raises NotRandomized, WrongSubjectStatus."""
    check_on_treatment(config, facts.the_subject({"subject": value}))
    return None


def _dispensing_visit(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    coming = next_visit(config, facts, facts.the_subject(answers))
    if not config.dispenses_at(coming.visit.code):
        raise VisitNotExpected(
            Message("error.visit_without_drug_next", {"visit": coming.visit.labels})
        )
    return next_as_choice(config, facts, answers)


def dispense_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, and at which visit."""
    return (
        Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),
        Question("visit", Kind.VISIT, choices=_dispensing_visit),
    )


def run_dispense(context: Context, answers: Answers) -> Outcome:
    """Choose the kits for the visit and assign them."""
    found = context.facts.the_subject(answers)
    coming = next_visit(context.config, context.facts, found)
    today = context.facts.today
    days = check_window(coming, today)
    arm = current_arm(context, found)
    check_hold(context, DISPENSING, found=found, arm=arm)
    wanted = context.config.kits_for(coming.visit.code, arm)
    here = context.facts.here.country
    chosen = take(context, wanted, days_to_last(context.config, here, coming.visit.code, arm))
    visit_id = record_visit(context, found, coming.visit.code, "dispensed", today, days)
    assign(context, found, chosen, visit_id)
    facts = {
        "visit": coming.visit.code,
        "status": "dispensed",
        "on": today,
        "kits": [item.number for item in chosen],
        "deviation_days": days,
    }
    params: dict[str, Param] = {"visit": coming.visit.labels}
    return dispensed(context, "dispense", found, chosen, facts, params)


def take(context: Context, wanted: Sequence[str], days: int) -> tuple[Stocked, ...]:
    """Kits of these types that last `days` from today on. Raises NoKitAvailable in the same words
    whichever is lacking, NotAllowed where the kits are another role's to give."""
    check_open(context.facts)
    check_handler(context, wanted)
    good_until = context.facts.today + dt.timedelta(days)
    chosen = choose(shelf(context), wanted, good_until, context.entropy.below)
    if not chosen:
        raise NoKitAvailable
    return chosen


def check_handler(context: Context, wanted: Sequence[str]) -> None:
    """Unblinded kit types are given by the unblinded pharmacist, the others never by that role.

    The study check sees to it that the arms do not differ in this. Raises NotAllowed.
    """
    unblinded = any(context.config.kit_type(code).unblinded for code in wanted)
    roles = context.actor.roles_at(context.study, context.site) & _HANDLERS
    if unblinded and "unblinded_pharmacist" not in roles:
        raise NotAllowed(Message("error.see_pharmacist"))
    if not unblinded and roles == {"unblinded_pharmacist"}:
        raise NotAllowed


_HANDLERS: Final = frozenset({"investigator", "coordinator", "pharmacist", "unblinded_pharmacist"})


def assign(
    context: Context, found: Record, chosen: Sequence[Stocked], visit_id: int | None
) -> None:
    """Give the kits, locked by `shelf`, to the subject."""
    set_kits(
        context.db,
        [item.id for item in chosen],
        **STEPS["dispense"].values,
        subject_id=found.id,
        visit_id=visit_id,
        dispensed_at=context.now,
    )


def dispensed(
    context: Context,
    name: str,
    found: Record,
    chosen: Sequence[Stocked],
    facts: dict[str, object],
    params: dict[str, Param],
) -> Outcome:
    """The outcome of giving kits: numbers told, types sealed, no SMS with what hand-over asks."""
    secret = {
        f"kit_type_{item.number}": context.seal(f"given|{item.number}", item.kit_type)
        for item in chosen
    }
    whom = Digits(found.number)
    numbers = tuple(Digits(item.number) for item in chosen)
    starts = tuple(Digits(item.number[:4]) for item in chosen)
    sms = Message(f"sms.{name}", {"subject": whom, "kits": starts})
    return Outcome(
        Message(f"said.{name}", {"subject": whom, "kits": numbers, **params}),
        facts,
        secret,
        (Notice(sms, people=(context.actor.user_id,)),),
        subject=found.number,
    )


def unscheduled_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom."""
    return (Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),)


def run_unscheduled(context: Context, answers: Answers) -> Outcome:
    """Give the kits of an unscheduled visit; the plan of visits stays."""
    found = context.facts.the_subject(answers)
    seen = context.facts.visits(found.id)
    period = current_period(context.config, seen)
    arm = current_arm(context, found)
    check_hold(context, DISPENSING, found=found, arm=arm)
    wanted = context.config.unscheduled_kits(arm, period)
    chosen = take(context, wanted, days_left(context, found))
    code = f"unscheduled-{1 + sum(row.status == 'unscheduled' for row in seen)}"
    visit_id = record_visit(context, found, code, "unscheduled", context.facts.today)
    assign(context, found, chosen, visit_id)
    facts = {
        "visit": code,
        "status": "unscheduled",
        "on": context.facts.today,
        "kits": [item.number for item in chosen],
    }
    return dispensed(context, "unscheduled", found, chosen, facts, {})


def days_left(context: Context, found: Record) -> int:
    """Days until the next dispensing may be at its latest: how long a kit given now must last."""
    least = limits(context.config, context.facts.here.country).dnd
    for coming in planned(context.config, context.facts, found):
        if context.config.dispenses_at(coming.visit.code):
            return max(least, (coming.closes - context.facts.today).days)
    return least


def _own_kit(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    found, owner = facts.kit(value), facts.the_subject(answers)
    if found is None or found.subject_id != owner.id or found.disposition != "dispensed":
        raise KitNotUsable(Message("error.kit_not_of_subject", {"kit": Digits(value)}))
    return None


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason, Message(f"choice.replace_{reason}"))
        for place, reason in enumerate(REPLACE_REASONS, start=1)
    )


def replace_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, which kit, and why."""
    return (
        Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),
        Question("kit", Kind.KIT, check=_own_kit, digits=(8, 8)),
        Question("reason", Kind.CHOICE, choices=_reasons),
    )


def run_replace(context: Context, answers: Answers) -> Outcome:
    """Another kit of the same type; the old one is put away by what happened to it."""
    found = context.facts.the_subject(answers)
    check_hold(context, DISPENSING, found=found, arm=current_arm(context, found))
    (old,) = lock_kits(context.db, context.study, [str(answers["kit"])])
    if old.subject_id != found.id or old.disposition != "dispensed":
        raise KitNotUsable(Message("error.kit_not_of_subject", {"kit": Digits(old.number)}))
    chosen = take(context, [type_of(context.keys, old)], days_left(context, found))
    assign(context, found, chosen, old.visit_id)
    step = STEPS[f"replace_{answers['reason']}"]
    set_kits(context.db, [old.id], **step.values, replaced_by=chosen[0].number)
    facts = {
        "kit": old.number,
        "reason": answers["reason"],
        "before": "dispensed",
        "after": step.after,
        "kits": [chosen[0].number],
    }
    params: dict[str, Param] = {"kit": Digits(old.number)}
    return dispensed(context, "replace", found, chosen, facts, params)


DISPENSE = Transaction(
    "dispense",
    "3",
    Permission.DRUG,
    dispense_questions,
    run_dispense,
    EVERYWHERE,
    used=dispenses,
    warns=window_warning,
)
UNSCHEDULED = Transaction(
    "unscheduled",
    "67",
    Permission.DRUG,
    unscheduled_questions,
    run_unscheduled,
    EVERYWHERE,
    used=_has_unscheduled,
)
REPLACE = Transaction(
    "replace", "4", Permission.DRUG, replace_questions, run_replace, EVERYWHERE, used=dispenses
)
