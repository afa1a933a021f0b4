"""The response of a subject to treatment, asked once: it feeds the methods that listen, and where
doses escalate it is the toxicity that limits them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, insert, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.drawing import response
from core.errors import (
    AlreadyResponded,
    InvalidInput,
    NoResponse,
    NotAllowed,
    NotRandomized,
)
from core.facts import Facts, Record
from core.messages import Digits, Message
from core.randomization.allocate import hear
from core.study.schema import StudyConfig
from core.subjects.corrections import CORRECTION_REASONS
from core.subjects.screen import AT_A_DESK, EVERYWHERE
from core.subjects.status import day_has_come
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction


def asks_response(config: StudyConfig) -> bool:
    """Whether the study asks for a response."""
    return config.response is not None


def find_response(db: Connection, subject_id: int) -> Record | None:
    """The answer on record for a subject."""
    query = select(response).where(response.c.subject_id == subject_id)
    return db.execute(query).one_or_none()


def _check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.the_subject({"subject": value})
    if found.randomized_at is None:
        raise NotRandomized(Message("error.no_response_yet", {"subject": Digits(value)}))
    if find_response(facts.db, found.id) is not None:
        raise AlreadyResponded(subject=Digits(value))
    return None


def check_day(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """A day from randomization to today."""
    found = facts.the_subject(answers)
    since = found.randomized_on
    if value < since:
        return Message("error.date_before_randomization", {"date": value, "since": since})
    # By the subject's own site: whoever approves a correction works for the study as a whole.
    return day_has_come(value, facts.today_at(found.site))


def answer_question(config: StudyConfig) -> Question:
    """The question of the study file, to be answered yes or no."""
    title = config.response.labels if config.response else None
    return Question("answer", Kind.YES_NO, title=title)


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, the day it was assessed, and the answer."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_subject, digits=(1, 16)),
        Question("assessed_on", Kind.DATE, check=check_day),
        answer_question(config),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Keep the answer, and let the method hear it."""
    found = context.facts.the_subject(answers)
    success = answers["answer"] is True
    context.db.execute(
        insert(response),
        {
            "subject_id": found.id,
            "answer": success,
            "on": answers["assessed_on"],
            "at": context.now,
        },
    )
    hear(context, found, success)
    words = Message("word.yes" if success else "word.no")
    said = Message("said.respond", {"subject": Digits(found.number), "answer": words})
    facts = {"answer": success, "assessed_on": answers["assessed_on"]}
    return Outcome(said, facts, subject=found.number)


def _check_answered(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if find_response(facts.db, facts.the_subject({"subject": value}).id) is None:
        raise NoResponse(subject=Digits(value))
    return None


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason, Message(f"choice.correction_{reason}"))
        for place, reason in enumerate(CORRECTION_REASONS, start=1)
    )


def correction_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, what is right, and why it was not."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_answered, digits=(1, 16)),
        Question("assessed_on", Kind.DATE, check=check_day),
        answer_question(config),
        Question("reason", Kind.CHOICE, choices=_reasons),
    )


def run_correction(context: Context, answers: Answers) -> Outcome:
    """Put right what is on record. Counts of a cohort go by it from now on; a method that listened
    keeps what it heard, so that every draw stays the one that was made."""
    found = context.facts.the_subject(answers)
    if not context.actor.may(Permission.CORRECTIONS, context.study, found.site):
        raise NotAllowed
    before = find_response(context.db, found.id)
    if before is None:
        raise NoResponse(subject=Digits(found.number))
    answer, on = answers["answer"] is True, answers["assessed_on"]
    if (before.answer, before.on) == (answer, on):
        raise InvalidInput("answer", Message("error.same_response"))
    context.db.execute(
        update(response).where(response.c.subject_id == found.id).values(answer=answer, on=on)
    )
    words = Message("word.yes" if answer else "word.no")
    said = Message("said.correct_response", {"subject": Digits(found.number), "answer": words})
    facts = {
        "before": before.answer,
        "after": answer,
        "assessed_before": before.on,
        "assessed_on": on,
        "reason": answers["reason"],
    }
    return Outcome(said, facts, subject=found.number)


RESPOND = Transaction(
    "respond", "6667", Permission.SUBJECTS, questions, run, EVERYWHERE, used=asks_response
)
CORRECT_RESPONSE = Transaction(
    "correct_response",
    "",
    Permission.SUBJECTS,
    correction_questions,
    run_correction,
    AT_A_DESK,
    signers=(Permission.CORRECTIONS,),
    used=asks_response,
)
