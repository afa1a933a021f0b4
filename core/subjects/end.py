"""The end of treatment or of the study for one subject, and a subject's move to another site."""

from __future__ import annotations

from typing import Final

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import subject
from core.errors import SiteNotActive, WrongSubjectStatus
from core.facts import Facts
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.study.versions import latest_version
from core.subjects.screen import EVERYWHERE
from core.subjects.status import (
    COMPLETED,
    DISCONTINUED,
    ENDED,
    LOST,
    RANDOMIZED,
    SCREEN_FAILED,
    SCREENED,
    WITHDRAWN,
    check_status,
    not_in_future,
    status_words,
)
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

ENDS: Final = (DISCONTINUED, WITHDRAWN, LOST, COMPLETED)
"""In the order of their keys. Discontinuing stops treatment only; the others end the study."""


def _from(config: StudyConfig, end: str) -> tuple[str, ...]:
    """The states from which an end may be recorded."""
    started = RANDOMIZED if config.has_randomization else SCREENED
    if end == DISCONTINUED:
        return (started,)
    if end == COMPLETED:
        return (started, DISCONTINUED)
    return (SCREENED, RANDOMIZED, DISCONTINUED)


def _check_open(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    check_status(facts.the_subject({"subject": value}), SCREENED, RANDOMIZED, DISCONTINUED)
    return None


def _ends(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), end, Message(f"choice.end_{end}"))
        for place, end in enumerate(ENDS, start=1)
    )


def _check_end(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    check_status(facts.the_subject(answers), *_from(config, value))
    return None


def _causes(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason.value, reason.labels)
        for place, reason in enumerate(config.discontinuation_reasons, start=1)
    )


def _has_cause(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return bool(config.discontinuation_reasons) and answers.get("what_ended") == DISCONTINUED


def end_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, what has ended, why if it is treatment, and since when."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_open, digits=(1, 16)),
        Question("what_ended", Kind.CHOICE, choices=_ends, check=_check_end),
        Question("cause", Kind.CHOICE, when=_has_cause, choices=_causes),
        Question("end_date", Kind.DATE, check=not_in_future),
    )


def run_end(context: Context, answers: Answers) -> Outcome:
    """Record the end; the subject gets no more drug."""
    found = context.facts.the_subject(answers)
    end = str(answers["what_ended"])
    check_status(found, *_from(context.config, end))
    context.db.execute(
        update(subject)
        .where(subject.c.id == found.id)
        .values(
            status=end,
            treatment="stopped" if found.treatment == "on" else found.treatment,
            ended_on=answers["end_date"] if end in ENDED else None,
        )
    )
    facts = {
        "before": found.status,
        "after": end,
        "cause": answers.get("cause"),
        "end_date": answers["end_date"],
    }
    said = Message("said.end", {"subject": Digits(found.number), "status": status_words(end)})
    return Outcome(said, facts, subject=found.number)


def _check_target(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if facts.the_subject(answers).site == value:
        return Message("error.same_site", {"site": Digits(value)})
    return None


def _check_movable(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.the_subject({"subject": value})
    if found.status in (SCREEN_FAILED, *ENDED):
        raise WrongSubjectStatus(subject=Digits(value), status=status_words(found.status))
    return None


def move_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, and to which site."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_movable, digits=(1, 16)),
        Question("to_site", Kind.SITE, check=_check_target, digits=(1, 11)),
    )


def run_move(context: Context, answers: Answers) -> Outcome:
    """The subject goes on at the other site, with the number, arm and version it has."""
    found = context.facts.the_subject(answers)
    target = context.facts.find_site(str(answers["to_site"]))
    if target is None or target.status != "active":
        raise SiteNotActive(site=Digits(str(answers["to_site"])))
    context.db.execute(update(subject).where(subject.c.id == found.id).values(site=target.number))
    said = Message(
        "said.move_subject", {"subject": Digits(found.number), "site": Digits(target.number)}
    )
    facts = {"before": found.site, "after": target.number}
    return Outcome(said, facts, subject=found.number)


def _check_version(
    config: StudyConfig, facts: Facts, answers: Answers, value: int
) -> Message | None:
    newest, now = latest_version(facts.db, facts.study), facts.the_subject(answers).version
    if not now < value <= newest:
        return Message("error.version", {"low": now + 1, "high": newest})
    return None


def version_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, and to which version of the study file."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_movable, digits=(1, 16)),
        Question("version", Kind.NUMBER, check=_check_version, low=1, high=999, digits=(1, 3)),
    )


def run_version(context: Context, answers: Answers) -> Outcome:
    """From now on the subject follows another version; nothing recorded changes."""
    found = context.facts.the_subject(answers)
    context.db.execute(
        update(subject).where(subject.c.id == found.id).values(version=answers["version"])
    )
    said = Message(
        "said.move_to_version",
        {"subject": Digits(found.number), "version": int(str(answers["version"]))},
    )
    facts = {"before": found.version, "after": answers["version"]}
    return Outcome(said, facts, subject=found.number)


END = Transaction("end", "64", Permission.SUBJECTS, end_questions, run_end, EVERYWHERE)
MOVE_SUBJECT = Transaction(
    "move_subject", "663", Permission.SITES, move_questions, run_move, EVERYWHERE, site=False
)
MOVE_TO_VERSION = Transaction(
    "move_to_version",
    "6665",
    Permission.SITES,
    version_questions,
    run_version,
    EVERYWHERE,
    site=False,
)
