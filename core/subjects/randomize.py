"""Randomization: consent and eligibility confirmed, an arm drawn, a randomization number given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, insert, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import subject
from core.db.prepared import Prepared
from core.db.upsert import new_id
from core.errors import AlreadyRandomized, NotEligible
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.randomization.allocate import Drawn, allocate, arm_about, outcomes, record
from core.sealed import Sealed
from core.study.schema import Factor, StudyConfig
from core.subjects.caps import check_caps, over_soft_caps
from core.subjects.cohorts import take_place
from core.subjects.doses import current_dose
from core.subjects.holds import RANDOMIZATION, check_hold
from core.subjects.phases import check_run_in
from core.subjects.screen import EVERYWHERE
from core.subjects.status import RANDOMIZED, SCREENED, check_site_active, check_status
from core.supply.stocked import stocked_outcomes
from core.transaction import (
    Answers,
    Choice,
    Choices,
    Kind,
    Notice,
    Outcome,
    Question,
    Transaction,
    Value,
)

_randomized = Prepared(
    update(subject)
    .where(subject.c.id == bindparam("found_id"))
    .values(
        {
            column: bindparam(column.name)
            for column in (
                subject.c.status,
                subject.c.treatment,
                subject.c.randomized_at,
                subject.c.randomized_on,
                subject.c.randomization_number,
                subject.c.domain,
                subject.c.levels,
                subject.c.arm,
                subject.c.cohort,
                subject.c.phase,
                subject.c.phase_on,
                subject.c.phase_arm,
                subject.c.dose,
            )
        }
    )
)


def is_used(config: StudyConfig) -> bool:
    """Whether the study randomizes."""
    return config.has_randomization


def _check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.the_subject({"subject": value})
    if found.randomized_at is not None:
        raise AlreadyRandomized(
            subject=Digits(found.number), number=Digits(found.randomization_number)
        )
    check_status(found, SCREENED)
    check_run_in(config, found)
    return None


def _must_be_yes(
    config: StudyConfig, facts: Facts, answers: Answers, value: Value
) -> Message | None:
    if value is not True:
        raise NotEligible
    return None


def _by_another(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return "investigator" not in facts.actor.roles_at(facts.study, facts.site_number)


def levels_as_choices(factor: Factor) -> Choices:
    """The levels of a factor, keyed in the order of the study file."""
    made = tuple(
        Choice(str(place), level.value, level.labels)
        for place, level in enumerate(factor.levels, start=1)
    )

    def choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
        return made

    return choices


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, consent, eligibility and who confirmed it, and the factors that are asked."""
    whom = (Question("subject", Kind.SUBJECT, check=_check_subject, digits=(1, 16)),)
    return (
        *(whom if config.screening else ()),
        Question("consent", Kind.YES_NO, check=_must_be_yes),
        Question("eligible", Kind.YES_NO, check=_must_be_yes),
        Question("confirmed_by", Kind.PERSON, when=_by_another, digits=(1, 11)),
        *(
            Question(
                factor.name, Kind.CHOICE, choices=levels_as_choices(factor), title=factor.labels
            )
            for factor in config.asked_factors
        ),
    )


def factor_levels(config: StudyConfig, site: Record, answers: Answers) -> Mapping[str, str]:
    """Every factor's level in the order of the study file, site and country derived."""
    derived = {"site": site.number, "country": site.country}
    return {
        factor.name: derived.get(factor.source) or str(answers[factor.name])
        for factor in config.factors
    }


def run(context: Context, answers: Answers) -> Outcome:
    """Draw, record, and tell the randomization number."""
    check_site_active(context.facts)
    found = context.facts.the_subject(answers) if "subject" in answers else None
    levels = factor_levels(context.config, context.facts.here, answers)
    passed = check_caps(context, levels, counting=True)
    place = take_place(context)
    cohort, among = (place.cohort, place.among) if place else (None, None)
    check_hold(context, RANDOMIZATION, levels=levels, cohort=cohort)
    dose = _first_dose(context.config, found)
    stocked = stocked_outcomes(context, outcomes(context, levels, among=among), dose=dose)
    drawn = allocate(context, levels, stocked=stocked, cohort=cohort, among=among)
    number = found.number if found is not None else drawn.number
    arm = context.keys.seal(arm_about(context.study, number), drawn.arm)
    values = {**_values(context, drawn, levels, arm), "dose": dose}
    if found is not None:
        _randomized.run(context.db, {**values, "found_id": found.id})
        subject_id = found.id
    else:
        subject_id = _enrol(context, number, values)
    record(context, drawn, subject_id)
    return _outcome(context, answers, number, drawn, levels, arm, passed, dose)


def _first_dose(config: StudyConfig, found: Record | None) -> str | None:
    """The dose that the subject reached in a run-in, or else begins with."""
    if found is not None:
        return current_dose(config, found)
    return config.dosing.start if config.dosing else None


def _values(
    context: Context, drawn: Drawn, levels: Mapping[str, str], arm: Sealed
) -> dict[str, object]:
    return {
        "status": RANDOMIZED,
        "treatment": "on",
        "randomized_at": context.now,
        "randomized_on": context.facts.today,
        "randomization_number": drawn.number,
        "domain": drawn.domain,
        "levels": json.dumps(levels),
        "arm": arm.token,
        "cohort": drawn.cohort,
        **dict.fromkeys(("phase", "phase_on", "phase_arm")),  # a run-in is over
    }


def _enrol(context: Context, number: str, values: Mapping[str, object]) -> int:
    """A study without screening: the randomization number is the subject's number."""
    made = context.db.execute(
        insert(subject),
        {
            "study": context.study,
            "number": number,
            "site": context.site,
            "version": context.facts.version,
            "consent_on": context.facts.today,
            **values,
        },
    )
    return new_id(made)


def _outcome(
    context: Context,
    answers: Answers,
    number: str,
    drawn: Drawn,
    levels: Mapping[str, str],
    arm: Sealed,
    passed: Sequence[str],
    dose: str | None,
) -> Outcome:
    facts = {
        "randomization_number": drawn.number,
        "levels": levels,
        "consent": True,
        "eligible": True,
        "confirmed_by": answers.get("confirmed_by", context.actor.user_id),
        "randomized_on": context.facts.today,
        "country": context.facts.here.country,
        **({"soft_caps": list(passed)} if passed else {}),
        **({"cohort": drawn.cohort} if drawn.cohort else {}),
        **({"dose": dose} if dose else {}),
    }
    params: dict[str, Param] = {"subject": Digits(number), "number": Digits(drawn.number)}
    said = "said.randomize" if "subject" in answers else "said.enrol"
    return Outcome(
        Message(said, params),
        facts,
        {"arm": arm, "draw": context.seal(f"draw|{number}", drawn.proof)},
        (
            Notice(Message("sms.randomize", params), people=(context.actor.user_id,)),
            *over_soft_caps(context, passed),
        ),
        subject=number,
    )


RANDOMIZE = Transaction(
    "randomize", "2", Permission.SUBJECTS, questions, run, EVERYWHERE, used=is_used
)
