"""Dispensing: at a planned visit and at an unscheduled one."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.access.roles import Permission
from core.context import Context
from core.errors import NoKitAvailable, NotAllowed, VisitNotExpected
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig, Visit
from core.subjects.doses import (
    check_dose_held,
    current_dose,
    dose_choices,
    has_doses,
    labels_of_dose,
    set_dose,
)
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
from core.supply.kits import Stocked, choose, set_kits, shelf
from core.supply.lifecycle import STEPS
from core.transaction import Answers, Choice, Kind, Notice, Outcome, Question, Transaction


def dispenses(config: StudyConfig) -> bool:
    """Whether the study gives drug."""
    return config.dispenses


def gives_in_part(config: StudyConfig) -> bool:
    """Whether what there is of several kits is given."""
    return config.dispensing.partial and config.study.blinding == "open"


def _has_unscheduled(config: StudyConfig) -> bool:
    extra = config.unscheduled
    return extra is not None and (any(extra.kits.values()) or extra.dose)


def check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    """The subject is on treatment. Raises NotRandomized, WrongSubjectStatus, DoseHeld."""
    found = facts.the_subject({"subject": value})
    check_on_treatment(config, found)
    check_dose_held(found)
    return None


def without_drug(visit: Visit) -> Message:
    """Nothing is given at this visit."""
    return Message("error.visit_without_drug_next", {"visit": visit.labels})


def _dispensing_visit(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    coming = next_visit(config, facts, facts.the_subject(answers))
    if not config.dispenses_at(coming.visit.code):
        raise VisitNotExpected(without_drug(coming.visit))
    return next_as_choice(config, facts, answers)


def _is_titrated(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return has_doses(config) and config.visit(str(answers["visit"])).titration


def dispense_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, at which visit, and on which dose where the visit may move it."""
    return (
        Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),
        Question("visit", Kind.VISIT, choices=_dispensing_visit),
        Question("dose", Kind.CHOICE, when=_is_titrated, choices=dose_choices),
    )


def run_dispense(context: Context, answers: Answers) -> Outcome:
    """Choose the kits for the visit and the dose, and assign them."""
    found, config = context.facts.the_subject(answers), context.config
    coming = next_visit(config, context.facts, found)
    code, today = coming.visit.code, context.facts.today
    days = check_window(coming, today)
    arm = current_arm(context, found)
    check_hold(context, DISPENSING, found=found, arm=arm)
    before = current_dose(config, found)
    dose = str(answers["dose"]) if "dose" in answers else before
    wanted = config.kits_for(code, arm, dose)
    if not wanted:
        raise VisitNotExpected(without_drug(coming.visit))
    lasting = days_to_last(config, context.facts.here.country, code, arm, dose)
    chosen = take(context, wanted, lasting)
    given = dose if coming.visit.dose else None
    visit_id = record_visit(context, found, code, "dispensed", today, days, given)
    if given is not None and given != found.dose:
        set_dose(context, found, given)
    assign(context, found, chosen, visit_id)
    facts: dict[str, object] = {
        "visit": code,
        "status": "dispensed",
        "on": today,
        "kits": [item.number for item in chosen],
        "deviation_days": days,
        **({"dose": dose, "dose_before": before} if given else {}),
    }
    params: dict[str, Param] = {"visit": coming.visit.labels}
    return with_doses(
        context, dispensed(context, "dispense", found, chosen, facts, params), given, wanted
    )


def with_doses(
    context: Context, outcome: Outcome, dose: str | None, wanted: Sequence[str]
) -> Outcome:
    """The same, with a word on the dose that was given, and on the kits that were not there."""
    facts, notes = dict(outcome.facts), list(outcome.notes)
    if dose is not None:
        notes.append(Message("note.dose", {"dose": labels_of_dose(context.config, dose)}))
    lacking = len(wanted) - len(outcome.secret)
    if lacking:
        facts["kits_lacking"] = lacking
        notes.append(Message("note.kits_lacking", {"count": lacking}))
    return replace(outcome, facts=facts, notes=tuple(notes))


def take(context: Context, wanted: Sequence[str], days: int) -> tuple[Stocked, ...]:
    """Kits of these types that last `days` from today on: all of them, or what there is of them
    where the study gives in part. Raises NoKitAvailable in the same words whichever is lacking,
    NotAllowed where the kits are another role's to give."""
    check_open(context.facts)
    check_handler(context, wanted)
    good_until = context.facts.today + dt.timedelta(days)
    stock = shelf(context)
    if gives_in_part(context.config):
        # What is lacking tells the type, so a blinded study gives all or nothing.
        there = Counter(item.kit_type for item in stock if item.expiry >= good_until)
        wanted = list((Counter(wanted) & there).elements())
    chosen = choose(stock, wanted, good_until, context.entropy.below)
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
        confirmed_at=None,
        replaced_by=None,
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
    config, today = context.config, context.facts.today
    dose = current_dose(config, found)
    wanted = config.unscheduled_kits(arm, period, dose)
    chosen = take(context, wanted, days_left(context, found))
    code = f"unscheduled-{1 + sum(row.status == 'unscheduled' for row in seen)}"
    given = dose if config.unscheduled and config.unscheduled.dose else None
    visit_id = record_visit(context, found, code, "unscheduled", today, dose=given)
    assign(context, found, chosen, visit_id)
    facts: dict[str, object] = {
        "visit": code,
        "status": "unscheduled",
        "on": today,
        "kits": [item.number for item in chosen],
        **({"dose": given} if given else {}),
    }
    outcome = dispensed(context, "unscheduled", found, chosen, facts, {})
    return with_doses(context, outcome, given, wanted)


def days_left(context: Context, found: Record) -> int:
    """Days until the next dispensing may be at its latest: how long a kit given now must last."""
    least = limits(context.config, context.facts.here.country).dnd
    for coming in planned(context.config, context.facts, found):
        if context.config.dispenses_at(coming.visit.code):
            return max(least, (coming.closes - context.facts.today).days)
    return least


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
