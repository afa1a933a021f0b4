"""Correction of a stratum or covariate: proposed at the site, approved and signed by an
investigator there.

The level a subject was randomized with stays where it is, and counts for caps and later draws stay
with it; what concerns the subject's dose and safety goes by
`core.subjects.levels.current_levels`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import subject
from core.errors import InvalidInput, NotAllowed
from core.facts import Facts
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.levels import corrected_levels, current_levels, randomized_levels
from core.subjects.screen import EVERYWHERE
from core.subjects.status import REASON_CHARACTERS_MAX, check_randomized
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

CORRECTION_REASONS: Final = ("entry", "source", "measured")
"""Entered wrongly; the source document was corrected; assessed or measured again."""


def has_asked_factors(config: StudyConfig) -> bool:
    """Whether anything is asked that a draw goes by."""
    return config.has_randomization and bool(config.asked_factors)


def _check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    check_randomized(facts.the_subject({"subject": value}))
    return None


def _factors(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """The factors asked of this subject: an amendment may have brought others."""
    known = randomized_levels(facts.the_subject(answers))
    asked = [factor for factor in config.asked_factors if factor.name in known]
    return tuple(
        Choice(str(place), factor.name, factor.labels) for place, factor in enumerate(asked, 1)
    )


def _other_levels(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """The levels that are not on record now, each under the key that it has at randomization."""
    factor = config.factor(str(answers["which_factor"]))
    now = current_levels(facts.the_subject(answers))[factor.name]
    return tuple(
        Choice(str(place), level.value, level.labels)
        for place, level in enumerate(factor.levels, start=1)
        if level.value != now
    )


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason, Message(f"choice.correction_{reason}"))
        for place, reason in enumerate(CORRECTION_REASONS, start=1)
    )


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, which factor, what is right, and why it was not."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_subject, digits=(1, 16)),
        Question("which_factor", Kind.CHOICE, choices=_factors),
        Question("right_level", Kind.CHOICE, choices=_other_levels),
        Question("reason", Kind.CHOICE, choices=_reasons),
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def effects(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What the correction changes and what not, told before it is proposed and before it is signed:
    the dose, the caps, the draws to come."""
    name = str(answers["which_factor"])
    factor = config.factor(name)
    caps = (*config.caps.strata, *config.caps.soft.strata)
    is_capped = any(name in cap.levels for cap in caps)
    again = any(phase.randomization is not None for phase in config.phases)
    randomized = randomized_levels(facts.the_subject(answers))[name]
    level = factor.find_level(randomized)
    shown = level.labels if level else randomized
    return (
        *((Message("warn.correction_dose"),) if config.dispenses else ()),
        Message("warn.correction_caps" if is_capped else "warn.correction_no_cap"),
        Message("warn.correction_counts", {"title": factor.labels, "value": shown}),
        *((Message("warn.correction_later"),) if again else ()),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Keep the right level beside the one randomized with."""
    found = context.facts.the_subject(answers)
    # Whoever proposed it did so at the site of that day; the subject may have moved since.
    if not context.actor.may(Permission.CORRECTIONS, context.study, found.site):
        raise NotAllowed
    name, level = str(answers["which_factor"]), str(answers["right_level"])
    randomized, before = randomized_levels(found), current_levels(found)
    if before.get(name) == level:
        raise InvalidInput("right_level", Message("error.choice", {"values": ""}))
    corrected = _without_the_same({**corrected_levels(found), name: level}, randomized)
    context.db.execute(
        update(subject)
        .where(subject.c.id == found.id)
        .values(corrected=json.dumps(corrected) if corrected else None)
    )
    facts = {
        "factor": name,
        "randomized": randomized[name],
        "before": before[name],
        "after": level,
        "reason": answers["reason"],
        "details": answers.get("details"),
    }
    said = Message("said.correct_levels", {"subject": Digits(found.number)})
    return Outcome(said, facts, subject=found.number)


def _without_the_same(
    corrected: Mapping[str, str], randomized: Mapping[str, str]
) -> dict[str, str]:
    """A level corrected back to the one randomized with is as randomized again."""
    return {name: level for name, level in corrected.items() if level != randomized.get(name)}


CORRECT_LEVELS = Transaction(
    "correct_levels",
    "6668",
    Permission.SUBJECTS,
    questions,
    run,
    EVERYWHERE,
    signers=(Permission.CORRECTIONS,),
    used=has_asked_factors,
    warns=effects,
)
