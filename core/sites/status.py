"""A site's life: pending, active, paused, closed, each change signed and dated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from sqlalchemy import insert, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import site, site_version
from core.errors import WrongSiteStatus
from core.facts import Facts
from core.messages import Digits, Message
from core.records.close_out import close_out_missing
from core.study.schema import StudyConfig
from core.study.versions import latest_version, site_version_on
from core.subjects.screen import EVERYWHERE
from core.subjects.status import day_has_come
from core.transaction import Answers, Check, Kind, Outcome, Question, Transaction, Warns

FROM: Final = {
    "active": ("pending", "paused"),
    "paused": ("active",),
    "closed": ("active", "paused"),
}


def _check_from(after: str) -> Check:
    def check(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
        found = facts.find_site(value)
        if found is None or found.status not in FROM[after]:
            status = Message(f"word.site_{found.status if found else 'pending'}")
            raise WrongSiteStatus(site=Digits(value), status=status)
        return None

    return check


def _has_come_there(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    return day_has_come(value, facts.today_at(str(answers["to_site"])))


def _questions(after: str) -> Callable[[StudyConfig], tuple[Question, ...]]:
    def questions(config: StudyConfig) -> tuple[Question, ...]:
        return (
            Question("to_site", Kind.SITE, check=_check_from(after), digits=(1, 11)),
            Question("approval_date", Kind.DATE, check=_has_come_there),
        )

    return questions


def _change(after: str, name: str) -> Callable[[Context, Answers], Outcome]:
    def run(context: Context, answers: Answers) -> Outcome:
        number = str(answers["to_site"])
        here = (site.c.study == context.study) & (site.c.number == number)
        before = context.db.execute(
            select(site.c.status).where(here).with_for_update()
        ).scalar_one()
        if before not in FROM[after]:
            raise WrongSiteStatus(site=Digits(number), status=Message(f"word.site_{before}"))
        on = answers["approval_date"]
        assert isinstance(on, dt.date)  # noqa: S101 - the kind of the question says so
        context.db.execute(update(site).where(here).values(status=after, status_on=on))
        facts = {"site": number, "before": before, "after": after, "approval_date": on}
        if after == "active":
            facts["version"] = _adopt_first(context, number, on)
        return Outcome(Message(f"said.{name}", {"site": Digits(number)}), facts)

    return run


def _adopt_first(context: Context, number: str, on: dt.date) -> int:
    """The version in effect at the site; a new site begins with the newest."""
    today = context.facts.today_at(number)
    found = site_version_on(context.db, context.study, number, today)
    if found is not None:
        return found
    newest = latest_version(context.db, context.study)
    _adopt(context, number, newest, on)
    return newest


def _adopt(context: Context, number: str, version: int, on: dt.date) -> None:
    context.db.execute(
        insert(site_version),
        {"study": context.study, "site": number, "version": version, "effective_on": on},
    )


def _check_new_version(
    config: StudyConfig, facts: Facts, answers: Answers, value: int
) -> Message | None:
    newest = latest_version(facts.db, facts.study)
    adopted = facts.db.scalars(
        select(site_version.c.version).where(
            site_version.c.study == facts.study,
            site_version.c.site == str(answers["to_site"]),
        )
    ).all()
    low = max(adopted, default=0) + 1
    if not low <= value <= newest:
        return Message("error.version", {"low": low, "high": newest})
    return None


def version_questions(config: StudyConfig) -> tuple[Question, ...]:
    """At which site, which version, from which day on (today or later)."""
    return (
        Question("to_site", Kind.SITE, digits=(1, 11)),
        Question("version", Kind.NUMBER, check=_check_new_version, low=1, high=999, digits=(1, 3)),
        Question("effective_date", Kind.DATE, check=_not_past),
    )


def _not_past(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    today = facts.today_at(str(answers["to_site"]))
    if value < today:
        return Message("error.date_past", {"date": value, "today": today})
    return None


def run_version(context: Context, answers: Answers) -> Outcome:
    """The version holds at the site from its approval date on, for subjects who come then."""
    number, on = str(answers["to_site"]), answers["effective_date"]
    version = int(str(answers["version"]))
    assert isinstance(on, dt.date)  # noqa: S101 - the kind of the question says so
    _adopt(context, number, version, on)
    facts = {"site": number, "version": version, "effective_date": on}
    said = Message("said.approve_version", {"site": Digits(number), "version": version, "date": on})
    return Outcome(said, facts)


def _transaction(name: str, key: str, after: str, warns: Warns | None = None) -> Transaction:
    return Transaction(
        name,
        key,
        Permission.SITES,
        _questions(after),
        _change(after, name),
        EVERYWHERE,
        signed=True,
        site=False,
        warns=warns,
    )


ACTIVATE_SITE = _transaction("activate_site", "664", "active")
PAUSE_SITE = _transaction("pause_site", "665", "paused")
CLOSE_SITE = _transaction("close_site", "667", "closed", close_out_missing)
APPROVE_VERSION = Transaction(
    "approve_version",
    "668",
    Permission.SITES,
    version_questions,
    run_version,
    EVERYWHERE,
    signed=True,
    site=False,
)
