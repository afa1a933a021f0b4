"""Phases: a run-in before randomization, and what follows it, each entered by a deed of its own.

Whoever enters learns neither the arm before nor the one given here: words, facts, steps and
refusals are those of the phase, whatever the arm. The arm there is sealed, bound to the phase.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, update

from core.access.roles import Permission
from core.context import Context
from core.db.drawing import assignment
from core.db.models import subject
from core.errors import NotRandomizable, PhaseNotExpected
from core.facts import Facts, Record
from core.messages import Digits, Message
from core.randomization.allocate import Drawn, allocate, arm_of, outcomes, record
from core.sealed import Keys, Sealed
from core.study.conduct import Phase
from core.study.phases import RUN_IN, arm_there
from core.study.schema import StudyConfig
from core.subjects.doses import current_dose
from core.subjects.holds import RANDOMIZATION, check_hold
from core.subjects.levels import current_levels
from core.subjects.screen import EVERYWHERE
from core.subjects.status import (
    RANDOMIZED,
    SCREENED,
    check_open,
    check_site_active,
    check_status,
)
from core.supply.stocked import stocked_outcomes
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction


def has_phases(config: StudyConfig) -> bool:
    """Whether the study has parts that are entered by a deed of their own."""
    return bool(config.phases)


def phase_about(study: str, number: str, phase: str) -> str:
    """What the arm of a subject in a phase is bound to."""
    return f"{study}|subject|{number}|{phase}"


def current_arm(context: Context, found: Record) -> str | None:
    """The arm that the subject (a row of the subject table) is on now, opened: that of the phase,
    else the one randomized to. None where nobody is randomized, or not yet."""
    return arm_now(context.keys, context.study, found)


def arm_now(keys: Keys, study: str, found: Record) -> str | None:
    """As `current_arm`, outside of a deed."""
    if found.phase_arm is not None:
        return keys.open(Sealed(found.phase_arm, phase_about(study, found.number, found.phase)))
    return None if found.arm is None else keys.open(arm_of(study, found))


def current_period(config: StudyConfig, visits: Sequence[Any]) -> int | None:
    """The period of a crossover in which somebody with these visits on record is: that of the
    latest one, the first before any. None where there are no periods."""
    if not config.is_crossover:
        return None
    periods = {visit.code: visit.period for visit in config.visits}
    return next((found for row in reversed(visits) if (found := periods.get(row.code))), 1)


def open_phases(config: StudyConfig, found: Record) -> tuple[Phase, ...]:
    """The phases that the subject may enter now: before randomization the run-ins, after it the
    others, always onwards in the order of the file."""
    codes = [phase.code for phase in config.phases]
    later = config.phases[codes.index(found.phase) + 1 :] if found.phase in codes else ()
    ahead = later if found.phase is not None else config.phases
    before = found.randomized_at is None
    return tuple(phase for phase in ahead if (phase.kind == RUN_IN) == before)


def check_run_in(config: StudyConfig, found: Record) -> None:
    """Nobody is randomized before the run-in of the study file. Raises PhaseNotExpected."""
    if found.phase is None and any(phase.kind == RUN_IN for phase in config.phases):
        raise PhaseNotExpected(Message("error.run_in_first", {"subject": Digits(found.number)}))


def _check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.the_subject({"subject": value})
    check_status(found, SCREENED if found.randomized_at is None else RANDOMIZED)
    if not open_phases(config, found):
        raise PhaseNotExpected(subject=Digits(found.number))
    return None


def _choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    ahead = open_phases(config, facts.the_subject(answers))
    return tuple(
        Choice(str(place), phase.code, phase.labels) for place, phase in enumerate(ahead, start=1)
    )


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, and which phase."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_subject, digits=(1, 16)),
        Question("phase", Kind.CHOICE, choices=_choices),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """The subject's visits and kits are those of the phase from today on."""
    found = context.facts.the_subject(answers)
    phase = context.config.phase(str(answers["phase"]))
    if phase.kind == RUN_IN or phase.randomization is not None:
        check_site_active(context.facts)
    else:
        check_open(context.facts)
    levels = levels_now(context, found) if phase.randomization is not None else None
    drawn = _draw(context, found, phase, levels) if levels is not None else None
    arm = _seal(context, found, phase, drawn)
    _enter(context, found, phase, arm, levels)
    secret = {} if arm is None else {"arm": arm}
    if drawn is not None:
        record(context, drawn, found.id)
        secret["draw"] = context.seal(f"draw|{found.number}|{phase.code}", drawn.proof)
    facts = {"phase": phase.code, "entered_on": context.facts.today, "levels": levels}
    said = Message("said.enter_phase", {"subject": Digits(found.number), "phase": phase.labels})
    return Outcome(said, facts, secret, subject=found.number)


def _draw(context: Context, found: Record, phase: Phase, levels: Mapping[str, str]) -> Drawn:
    check_hold(context, RANDOMIZATION, levels=levels, found=found)
    open_to = outcomes(context, levels, stage=phase.code)
    dose = current_dose(context.config, found)
    stocked = stocked_outcomes(context, open_to, phase.code, dose)
    return allocate(context, levels, stocked=stocked, stage=phase.code)


def levels_now(context: Context, found: Record) -> Mapping[str, str]:
    """Every factor's level as it is known today, for a draw made today: corrected where it was
    wrong, site and country those where the subject is now. Raises NotRandomizable where one is
    not known."""
    here = context.facts.here
    derived = {"site": here.number, "country": here.country}
    kept = current_levels(found)
    levels = {
        factor.name: derived.get(factor.source) or kept.get(factor.name)
        for factor in context.config.factors
    }
    known = {name: str(level) for name, level in levels.items() if level is not None}
    if len(known) < len(levels):
        raise NotRandomizable
    return known


def _seal(context: Context, found: Record, phase: Phase, drawn: Drawn | None) -> Sealed | None:
    """The arm there: drawn, given for the earlier one, or that one still; none in a run-in."""
    before = current_arm(context, found)
    if phase.kind == RUN_IN or before is None:
        return None
    arm = drawn.arm if drawn is not None else arm_there(phase, before)
    return context.keys.seal(phase_about(context.study, found.number, phase.code), arm)


def _enter(
    context: Context,
    found: Record,
    phase: Phase,
    arm: Sealed | None,
    levels: Mapping[str, str] | None,
) -> None:
    today, token = context.facts.today, None if arm is None else arm.token
    context.db.execute(
        update(subject)
        .where(subject.c.id == found.id)
        .values(phase=phase.code, phase_on=today, phase_arm=token)
    )
    context.db.execute(
        insert(assignment),
        {
            "subject_id": found.id,
            "phase": phase.code,
            "entered_on": today,
            "at": context.now,
            "arm": token,
            "levels": None if levels is None else json.dumps(levels),
        },
    )


ENTER_PHASE = Transaction(
    "enter_phase", "669", Permission.SUBJECTS, questions, run, EVERYWHERE, used=has_phases
)
