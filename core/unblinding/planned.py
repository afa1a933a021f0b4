"""Planned unblinding: for an analysis, to one person, or for everybody at the end of the study.

Two persons sign it. For an analysis the treatments are open to one statistician or safety person,
until a day; at the end, to everyone who sees the subjects, and only once nobody is treated or can
still be randomized. Whoever is randomized afterwards is not opened by it.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import func, or_, select

from core.access.grants import USER_MAX
from core.access.roles import Permission, load_actor
from core.context import Context
from core.db.models import site, subject
from core.errors import NotFound, Refused
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.status import RANDOMIZED, REASON_CHARACTERS_MAX, SCREENED
from core.transaction import Answers, Choice, Kind, Opens, Outcome, Question, Transaction
from core.unblinding.common import AT_A_DESK, STILL_BLINDED, is_randomizing, notices
from core.unblinding.openings import ANALYSIS, END_OF_STUDY

PURPOSES: Final = (ANALYSIS, END_OF_STUDY)
READERS: Final = ("statistician", "safety")
DAYS_MAX: Final = 366


class NotAtTheEnd(Refused):
    """Somebody is on treatment or could still be randomized: the study is not at its end."""

    code = "not_at_the_end"


def _purposes(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), one, Message(f"choice.purpose_{one}"))
        for place, one in enumerate(PURPOSES, start=1)
    )


def _check_purpose(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if value == END_OF_STUDY:
        check_end(facts)
    return None


def check_end(facts: Facts) -> None:
    """Nobody is treated, in screening or at a site where one could be randomized. Raises
    NotAtTheEnd with how many there are."""
    here = subject.c.study == facts.study
    open_ = or_(subject.c.treatment == "on", subject.c.status.in_((SCREENED, RANDOMIZED)))
    subjects = facts.db.scalar(select(func.count()).select_from(subject).where(here, open_)) or 0
    active = (site.c.study == facts.study) & (site.c.status == "active")
    sites = facts.db.scalar(select(func.count()).select_from(site).where(active)) or 0
    if subjects or sites:
        raise NotAtTheEnd(subjects=int(subjects), sites=int(sites))


def _for_analysis(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("purpose") == ANALYSIS


def _check_reader(
    config: StudyConfig, facts: Facts, answers: Answers, value: int
) -> Message | None:
    """Only to those who are unblinded by their role, for the whole study."""
    unknown = Message("error.not_a_reader", {"number": Digits(str(value))})
    try:
        found = load_actor(facts.db, str(value), facts.now)
    except NotFound:
        return unknown
    held = {one.role for one in found.grants if one.study in (None, facts.study) and not one.site}
    return None if held & set(READERS) else unknown


def _check_until(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    last = facts.today + dt.timedelta(days=DAYS_MAX)
    if not facts.today <= value <= last:
        return Message("error.until", {"first": facts.today, "last": last})
    return None


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """What for, and for an analysis to whom and until when; where the decision is written down."""
    return (
        Question("purpose", Kind.CHOICE, choices=_purposes, check=_check_purpose),
        Question(
            "open_to",
            Kind.NUMBER,
            when=_for_analysis,
            check=_check_reader,
            low=1,
            high=USER_MAX,
        ),
        Question("until", Kind.DATE, when=_for_analysis, check=_check_until),
        Question("documented_in", Kind.TEXT, high=REASON_CHARACTERS_MAX),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Open every treatment there is now. Raises NotAtTheEnd."""
    if answers["purpose"] == END_OF_STUDY:
        check_end(context.facts)
        opens = Opens(END_OF_STUDY, None)
    else:
        opens = Opens(ANALYSIS, str(answers["open_to"]), ends_at=end_of(str(answers["until"])))
    count = select(func.count()).where(
        subject.c.study == context.study, subject.c.randomized_at.is_not(None)
    )
    facts = {
        "purpose": answers["purpose"],
        "open_to": opens.user_id,
        "until": answers.get("until"),
        "documented_in": answers["documented_in"],
        "subjects": context.db.scalar(count),
        "still_blinded": list(STILL_BLINDED) if opens.user_id is not None else [],
    }
    params: dict[str, Param] = {"study": context.study}
    name = str(answers["purpose"])
    return Outcome(
        Message(f"said.unblinded_{name}"),
        facts,
        notices=notices(f"sms.unblinded_{name}", None, params),
        opens=(opens,),
    )


def end_of(day: str) -> dt.datetime:
    """The end of that day in the last time zone on earth: nobody is cut off on the day itself."""
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), dt.UTC) + dt.timedelta(
        hours=36
    )


UNBLIND_STUDY = Transaction(
    "unblind_study",
    "",
    Permission.UNBLIND,
    questions,
    run,
    AT_A_DESK,
    signed=True,
    signers=(Permission.UNBLIND,),
    site=False,
    used=is_randomizing,
    watched=True,
)
