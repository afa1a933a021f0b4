"""Screening: a consenting person gets a screening number, or is recorded as a screen failure."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import site, subject
from core.db.prepared import Prepared
from core.errors import RescreenLimitReached
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.caps import check_caps
from core.subjects.holds import SCREENING, check_hold
from core.subjects.status import (
    SCREEN_FAILED,
    SCREENED,
    check_site_active,
    check_status,
    not_in_future,
)
from core.transaction import (
    Answers,
    Channel,
    Choice,
    Kind,
    Notice,
    Outcome,
    Question,
    Transaction,
)

EVERYWHERE = frozenset({Channel.PHONE, Channel.WEB, Channel.API, Channel.COMMAND})
AT_A_DESK = frozenset({Channel.WEB, Channel.API, Channel.COMMAND})
_AGE_MAX = 120
_taken = Prepared(
    select(subject.c.id).where(
        subject.c.study == bindparam("s"), subject.c.number == bindparam("n")
    )
)


def is_screened(config: StudyConfig) -> bool:
    """Whether the study screens before it randomizes."""
    return config.screening is not None


def _asks_birth(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return config.screening is not None and config.screening.year_of_birth


def _may_rescreen(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return config.screening is not None and config.screening.rescreens_max > 0


def _is_rescreen(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("rescreened") is True


def check_birth(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    """A year in which somebody may be born who lives today."""
    year = facts.today.year
    if not year - _AGE_MAX <= value <= year:
        return Message("error.year_of_birth", {"low": year - _AGE_MAX, "high": year})
    return None


def _check_previous(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.subject(value)
    if found is None or found.status != SCREEN_FAILED:
        return Message("error.rescreen_status", {"subject": Digits(value)})
    return None


def screen_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Consent, year of birth if the study asks, and whose rescreening it is."""
    return (
        Question("consent_date", Kind.DATE, check=not_in_future),
        Question("year_of_birth", Kind.YEAR, when=_asks_birth, check=check_birth, digits=(4, 4)),
        Question("rescreened", Kind.YES_NO, when=_may_rescreen),
        Question(
            "previous_subject",
            Kind.SUBJECT,
            when=_is_rescreen,
            check=_check_previous,
            digits=(1, 16),
        ),
    )


def run_screen(context: Context, answers: Answers) -> Outcome:
    """Give the next screening number of the site."""
    check_site_active(context.facts)
    check_hold(context, SCREENING)
    previous = answers.get("previous_subject")
    rescreens = _check_rescreens(context, str(previous)) if previous else 0
    check_caps(context, None, counting=False)
    number = next_number(context)
    born = answers.get("year_of_birth")
    alike = _likely_duplicates(context, answers) if not previous else ()
    context.db.execute(
        insert(subject),
        {
            "study": context.study,
            "number": number,
            "site": context.site,
            "status": SCREENED,
            "version": context.facts.version,
            "consent_on": answers["consent_date"],
            "year_of_birth": born,
            "rescreen_of": previous,
            "screened_at": context.now,
            "treatment": "none",
        },
    )
    facts = {
        "screening_number": number,
        "consent_date": answers["consent_date"],
        "year_of_birth": born,
        "rescreen_of": previous,
        "rescreens": rescreens,
        "likely_duplicates": list(alike),
    }
    notes, notices = _say_duplicates(context, number, alike)
    said = Message("said.screen", {"subject": Digits(number)})
    return Outcome(said, facts, subject=number, notes=notes, notices=notices)


def next_number(context: Context) -> str:
    """The site's number and a running number of three digits or more, which nobody has who was
    taken over from elsewhere or is at a site whose number begins alike; locks the site's row."""
    while True:
        running = context.db.scalar(
            update(site)
            .where(site.c.study == context.study, site.c.number == context.site)
            .values(subjects=site.c.subjects + 1)
            .returning(site.c.subjects)
        )
        number = f"{context.site}{running:03d}"
        if _taken.first(context.db, {"s": context.study, "n": number}) is None:
            return number


def _check_rescreens(context: Context, previous: str) -> int:
    """How many rescreenings this makes. Raises RescreenLimitReached."""
    found = context.facts.subject(previous)
    count, screening = 1, context.config.screening
    while found is not None and found.rescreen_of:
        count += 1
        found = context.facts.subject(found.rescreen_of)
    again = context.db.scalar(
        select(subject.c.number).where(
            subject.c.study == context.study, subject.c.rescreen_of == previous
        )
    )
    if screening is None or count > screening.rescreens_max or again is not None:
        raise RescreenLimitReached(subject=Digits(previous))
    return count


def _likely_duplicates(context: Context, answers: Answers) -> tuple[str, ...]:
    """Subjects of the site with the same year of birth and day of consent, still in screening."""
    born = answers.get("year_of_birth")
    if born is None:
        return ()
    query = (
        select(subject.c.number)
        .where(
            subject.c.study == context.study,
            subject.c.site == context.site,
            subject.c.year_of_birth == born,
            subject.c.consent_on == answers["consent_date"],
        )
        .order_by(subject.c.id)
        .limit(5)
    )
    return tuple(context.db.scalars(query))


def _say_duplicates(
    context: Context, number: str, alike: tuple[str, ...]
) -> tuple[tuple[Message, ...], tuple[Notice, ...]]:
    if not alike:
        return (), ()
    params: dict[str, Param] = {
        "subject": Digits(number),
        "others": tuple(Digits(other) for other in alike),
    }
    notice = Notice(Message("sms.likely_duplicate", params), roles=("monitor",))
    return (Message("note.likely_duplicate", params),), (notice,)


def _failure_choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    reasons = config.screening.failure_reasons if config.screening else ()
    return tuple(
        Choice(str(place), reason.value, reason.labels)
        for place, reason in enumerate(reasons, start=1)
    )


def _has_reasons(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return bool(config.screening and config.screening.failure_reasons)


def check_screened(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    """The subject is in screening. Raises WrongSubjectStatus."""
    found: Record = facts.the_subject({"subject": value})
    check_status(found, SCREENED)
    return None


def failure_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which subject, and why."""
    return (
        Question("subject", Kind.SUBJECT, check=check_screened, digits=(1, 16)),
        Question("reason", Kind.CHOICE, when=_has_reasons, choices=_failure_choices),
    )


def run_failure(context: Context, answers: Answers) -> Outcome:
    """Close the screening as failed."""
    found = context.facts.the_subject(answers)
    set_status(context.db, found.id, SCREEN_FAILED)
    facts = {"reason": answers.get("reason"), "before": found.status, "after": SCREEN_FAILED}
    said = Message("said.screen_failure", {"subject": Digits(found.number)})
    return Outcome(said, facts, subject=found.number)


def set_status(db: Connection, subject_id: int, status: str) -> None:
    """Put a subject, locked before, into another state."""
    db.execute(update(subject).where(subject.c.id == subject_id).values(status=status))


SCREEN = Transaction(
    "screen", "1", Permission.SUBJECTS, screen_questions, run_screen, EVERYWHERE, used=is_screened
)
SCREEN_FAILURE = Transaction(
    "screen_failure",
    "61",
    Permission.SUBJECTS,
    failure_questions,
    run_failure,
    EVERYWHERE,
    used=is_screened,
)
