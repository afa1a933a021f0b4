"""The dose that a subject is on: moved at a visit or between two, held, and taken up again.

A dose is a level of the study file, the same words in every arm; which kits it comes to is for
`StudyConfig.kits_for`. While a dose is held nothing is given.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import subject
from core.errors import DoseHeld, DoseNotHeld
from core.facts import Facts, Record
from core.messages import Digits, Labels, Message, Param
from core.study.schema import StudyConfig
from core.subjects.status import REASON_CHARACTERS_MAX, check_on_treatment
from core.transaction import (
    Answers,
    Channel,
    Choice,
    Kind,
    Outcome,
    Question,
    Transaction,
)

DOSE_REASONS: Final = ("safety", "effect", "subject", "other")
"""An adverse event; too little effect; the subject's wish; another reason, told in `details`."""
_SCREENS: Final = frozenset({Channel.WEB, Channel.API, Channel.COMMAND})


def has_doses(config: StudyConfig) -> bool:
    """Whether there is more than one dose to be on."""
    return config.dosing is not None and len(config.dosing.levels) > 1


def current_dose(config: StudyConfig, found: Record) -> str | None:
    """The code of the level that a row of the subject table is on; None where there are none."""
    if config.dosing is None:
        return None
    dose: str = found.dose or config.dosing.start
    return dose


def labels_of_dose(config: StudyConfig, code: str) -> Labels:
    """The words for a level; KeyError if there is none of that code."""
    if config.dosing is None:
        raise KeyError(code)
    return config.dosing.level(code).labels


def check_dose_held(found: Record) -> None:
    """Nothing is given while the dose is on hold. Raises DoseHeld."""
    if found.dose_held_on is not None:
        raise DoseHeld(subject=Digits(found.number), date=found.dose_held_on)


def dose_choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """The levels that the subject may go to, the present one among them, each under the key of its
    place in the study file."""
    dosing = config.dosing
    if dosing is None:
        return ()
    codes = [level.code for level in dosing.levels]
    now = codes.index(current_dose(config, facts.the_subject(answers)) or dosing.start)
    return tuple(
        Choice(str(place + 1), level.code, _moved(place - now, level.labels))
        for place, level in enumerate(dosing.levels)
        if abs(place - now) <= dosing.step_max
    )


def _moved(steps: int, dose: Labels) -> Message:
    if steps == 0:
        return Message("choice.dose_same", {"dose": dose})
    return Message("choice.dose_up" if steps > 0 else "choice.dose_down", {"dose": dose})


def _other_doses(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    now = current_dose(config, facts.the_subject(answers))
    return tuple(one for one in dose_choices(config, facts, answers) if one.value != now)


def set_dose(context: Context, found: Record, dose: str) -> None:
    """From now on the subject is on this level."""
    context.db.execute(update(subject).where(subject.c.id == found.id).values(dose=dose))


def _check_treated(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    check_on_treatment(config, facts.the_subject({"subject": value}))
    return None


def _check_going(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    found = facts.the_subject({"subject": value})
    check_on_treatment(config, found)
    check_dose_held(found)
    return None


def _check_held(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    found = facts.the_subject({"subject": value})
    check_on_treatment(config, found)
    if found.dose_held_on is None:
        raise DoseNotHeld(subject=Digits(found.number))
    return None


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason, Message(f"choice.because_{reason}"))
        for place, reason in enumerate(DOSE_REASONS, start=1)
    )


_WHY: Final = (
    Question("reason", Kind.CHOICE, choices=_reasons),
    Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
)


def change_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, to which level, and why."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_treated, digits=(1, 16)),
        Question("dose", Kind.CHOICE, choices=_other_doses),
        *_WHY,
    )


def run_change(context: Context, answers: Answers) -> Outcome:
    """The next kits are those of the new level; what the subject has is not called back."""
    found = context.facts.the_subject(answers)
    before, dose = current_dose(context.config, found), str(answers["dose"])
    set_dose(context, found, dose)
    facts = {"before": before, "dose": dose, **_why(answers)}
    labels = labels_of_dose(context.config, dose)
    params: dict[str, Param] = {"subject": Digits(found.number), "dose": labels}
    return Outcome(Message("said.change_dose", params), facts, subject=found.number)


def hold_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, and why."""
    return (Question("subject", Kind.SUBJECT, check=_check_going, digits=(1, 16)), *_WHY)


def run_hold(context: Context, answers: Answers) -> Outcome:
    """Nothing is given, and nothing is sent for the subject, until the dose is resumed."""
    found = context.facts.the_subject(answers)
    today = context.facts.today
    context.db.execute(update(subject).where(subject.c.id == found.id).values(dose_held_on=today))
    facts = {"held_on": today, **_why(answers)}
    said = Message("said.hold_dose", {"subject": Digits(found.number)})
    return Outcome(said, facts, subject=found.number)


def resume_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose."""
    return (Question("subject", Kind.SUBJECT, check=_check_held, digits=(1, 16)),)


def run_resume(context: Context, answers: Answers) -> Outcome:
    """Drug is given again, at the level on which the subject was."""
    found = context.facts.the_subject(answers)
    context.db.execute(update(subject).where(subject.c.id == found.id).values(dose_held_on=None))
    facts = {"held_on": found.dose_held_on, "resumed_on": context.facts.today}
    said = Message("said.resume_dose", {"subject": Digits(found.number)})
    return Outcome(said, facts, subject=found.number)


def _why(answers: Answers) -> dict[str, object]:
    return {"reason": answers["reason"], "details": answers.get("details")}


def _dispenses(config: StudyConfig) -> bool:
    return config.dispenses


CHANGE_DOSE = Transaction(
    "change_dose",
    "",
    Permission.SUBJECTS,
    change_questions,
    run_change,
    _SCREENS,
    used=has_doses,
)
HOLD_DOSE = Transaction(
    "hold_dose", "", Permission.SUBJECTS, hold_questions, run_hold, _SCREENS, used=_dispenses
)
RESUME_DOSE = Transaction(
    "resume_dose",
    "",
    Permission.SUBJECTS,
    resume_questions,
    run_resume,
    _SCREENS,
    used=_dispenses,
)
