"""The states of a subject, and the questions and checks that every deed on a subject shares."""

from __future__ import annotations

import datetime as dt
from typing import Final

from core.errors import NotRandomized, SiteNotActive, WrongSubjectStatus
from core.facts import Facts, Record
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.transaction import Answers

SCREENED: Final = "screened"
SCREEN_FAILED: Final = "screen_failed"
RANDOMIZED: Final = "randomized"
DISCONTINUED: Final = "discontinued"  # treatment stopped, follow-up goes on
WITHDRAWN: Final = "withdrawn"
LOST: Final = "lost"
COMPLETED: Final = "completed"
ENDED: Final = (WITHDRAWN, LOST, COMPLETED)
REASON_CHARACTERS_MAX: Final = 200


def status_words(status: str) -> Message:
    """A subject's state in words."""
    return Message(f"word.status_{status}")


def check_site_active(facts: Facts) -> None:
    """Nothing is screened or randomized at a site that is not active. Raises SiteNotActive."""
    if facts.site is None or facts.site.status != "active":
        raise SiteNotActive(site=Digits(facts.site.number if facts.site else ""))


def check_status(found: Record, *allowed: str) -> None:
    """The subject is in one of these states. Raises WrongSubjectStatus saying which it is in."""
    if found.status not in allowed:
        raise WrongSubjectStatus(subject=Digits(found.number), status=status_words(found.status))


def check_on_treatment(config: StudyConfig, found: Record) -> None:
    """Drug is given to those who are in the study, randomized or in the run-in before it where it
    randomizes, and have not stopped treatment. Raises NotRandomized or WrongSubjectStatus."""
    if found.status == SCREENED and is_awaiting(config, found):
        raise NotRandomized(subject=Digits(found.number))
    check_status(found, started(config, found))


def is_on_treatment(config: StudyConfig, found: Record) -> bool:
    """Whether `check_on_treatment` would let the subject pass."""
    waits = found.status == SCREENED and is_awaiting(config, found)
    return not waits and bool(found.status == started(config, found))


def started(config: StudyConfig, found: Record) -> str:
    """The state of those who take part: in a study that randomizes, of the randomized; of a
    subject in the run-in, still in screening."""
    return SCREENED if not config.has_randomization or in_run_in(found) else RANDOMIZED


def in_run_in(found: Record) -> bool:
    """Whether the subject is in a phase that comes before randomization."""
    return found.phase is not None and found.randomized_at is None


def is_awaiting(config: StudyConfig, found: Record) -> bool:
    """Whether the subject has no visits yet: not randomized, and not in a run-in."""
    return config.has_randomization and found.randomized_at is None and not in_run_in(found)


def check_randomized(found: Record) -> None:
    """The subject has been randomized, whatever came later. Raises NotRandomized."""
    if found.randomized_at is None:
        raise NotRandomized(subject=Digits(found.number))


def anchor_day(found: Record) -> dt.date | None:
    """The local day that visits count from: entering the phase, randomization, or enrolment
    without one."""
    day: dt.date | None = found.phase_on or found.randomized_on or found.consent_on
    return day


def check_open(facts: Facts) -> None:
    """A paused site goes on treating those it has; a closed one gives nothing. Raises
    SiteNotActive."""
    here = facts.here
    if here.status not in ("active", "paused"):
        raise SiteNotActive(site=Digits(here.number))


def not_in_future(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """A day that has come, at the site."""
    return day_has_come(value, facts.today)


def day_has_come(value: dt.date, today: dt.date) -> Message | None:
    """What is wrong with a day on which something is said to have happened, or nothing."""
    if value > today:
        return Message("error.date_future", {"date": value, "today": today})
    if value < today - dt.timedelta(days=365 * 5):
        return Message("error.date_old", {"date": value})
    return None
