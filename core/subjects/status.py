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
    """Drug is given to those who are in the study, randomized where it randomizes, and have not
    stopped treatment. Raises NotRandomized or WrongSubjectStatus."""
    if config.has_randomization and found.randomized_at is None and found.status == SCREENED:
        raise NotRandomized(subject=Digits(found.number))
    check_status(found, RANDOMIZED if config.has_randomization else SCREENED)


def anchor_day(found: Record) -> dt.date | None:
    """The local day that visits count from: randomization, or enrolment without one."""
    day: dt.date | None = found.randomized_on or found.consent_on
    return day


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
