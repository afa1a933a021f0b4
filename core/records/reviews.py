"""Signed looks over what went on: which there were, and which are overdue.

Kinds: audit_trail (what was done), access (who may do what), close_out (a site at its end).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, func, insert, select, update

from core.access.roles import Actor, Permission
from core.db.models import site, site_version, study_version
from core.db.records import review
from core.db.stock import job
from core.db.upsert import insert_missing
from core.facts import Record, zone_of
from core.messages import Digits, Message, Param
from core.outbox import enqueue
from core.study.versions import latest_config
from core.transaction import Notice, Reviewed

if TYPE_CHECKING:
    from core.runtime import Core

AUDIT_TRAIL: Final = "audit_trail"
ACCESS: Final = "access"
CLOSE_OUT: Final = "close_out"
JOB: Final = "reviews"
AGAIN_DAYS: Final = 7
_Scope = tuple[str | None, dt.date, dt.date]
"""People are told on the day after a review was due, and every so many days from then on."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A review that should have been signed by the day `due`; of one site, or of the study."""

    kind: str
    due: dt.date
    site: str | None = None

    @property
    def message(self) -> Message:
        """What is overdue, since when."""
        params: dict[str, Param] = {"date": self.due}
        if self.kind == ACCESS:
            return Message("warn.access_overdue", params)
        if self.site is None:
            return Message("warn.review_overdue", params)
        return Message("warn.review_overdue_at", {**params, "site": Digits(self.site)})


def keep_review(
    db: Connection, study: str, made: Reviewed, by: str, sequence: int, now: dt.datetime
) -> None:
    """Write the row of a review whose entry has this sequence."""
    db.execute(
        insert(review),
        {
            "study": study,
            "kind": made.kind,
            "site": made.site,
            "by": by,
            "done_on": made.on,
            "done_at": now,
            "upto": sequence - 1 if made.upto is None else made.upto,
            "sequence": sequence,
        },
    )


def last_review(db: Connection, study: str, kind: str, at: str | None = None) -> Record | None:
    """The newest review of that kind, of the study as a whole or of the site `at`."""
    query = (
        select(review)
        .where(
            review.c.study == study, review.c.kind == kind, review.c.site.is_not_distinct_from(at)
        )
        .order_by(review.c.sequence.desc())
        .limit(1)
    )
    return db.execute(query).one_or_none()


def overdue(core: Core, db: Connection, study: str) -> tuple[Overdue, ...]:
    """The reviews of the audit trail and of who has access that the study file asks for and nobody
    has signed in time, by the date where they belong (UTC for the study as a whole)."""
    config = latest_config(db, core, study)
    found: list[Overdue] = []
    if (trail := config.audit_review) is not None:
        scopes = _scopes(core, db, study, by_site=trail.by == "site")
        found.extend(_late(db, study, AUDIT_TRAIL, trail.every_days, scopes))
    if (access := config.access_review) is not None:
        scopes = _scopes(core, db, study, by_site=False)
        found.extend(_late(db, study, ACCESS, access.every_days, scopes))
    return tuple(found)


def _late(
    db: Connection, study: str, kind: str, every_days: int, scopes: Iterator[_Scope]
) -> Iterator[Overdue]:
    for number, since, today in scopes:
        last = last_review(db, study, kind, number)
        due = (since if last is None else last.done_on) + dt.timedelta(days=every_days)
        if due < today:
            yield Overdue(kind, due, number)


def overdue_for(core: Core, db: Connection, actor: Actor, study: str) -> tuple[Overdue, ...]:
    """Those of them that this person may sign."""
    mine = actor.sites_where(Permission.REVIEW, study)
    access = actor.may(Permission.USERS, study, None)
    if mine is not None and not mine and not access:
        return ()
    return tuple(
        one
        for one in overdue(core, db, study)
        if (access if one.kind == ACCESS else mine is None or one.site in mine)
    )


def _scopes(core: Core, db: Connection, study: str, *, by_site: bool) -> Iterator[_Scope]:
    """What is reviewed by itself, the day from which that counts, and the date there."""
    now = core.now()
    if not by_site:
        first = select(func.min(study_version.c.published_at)).where(study_version.c.study == study)
        began = db.execute(first).scalar_one()
        yield None, began.astimezone(dt.UTC).date(), now.astimezone(dt.UTC).date()
        return
    query = (
        select(site.c.number, site.c.timezone, func.min(site_version.c.effective_on).label("since"))
        .join(
            site_version,
            (site_version.c.study == site.c.study) & (site_version.c.site == site.c.number),
        )
        .where(site.c.study == study, site.c.status.in_(("active", "paused")))
        .group_by(site.c.number, site.c.timezone)
        .order_by(site.c.number)
    )
    for row in db.execute(query):
        yield row.number, row.since, now.astimezone(zone_of(row.timezone)).date()


def remind_due(core: Core) -> int:
    """Tell, once a day at most, whoever has to sign a review that is overdue; returns how many
    studies that concerned.

    May run in any number of workers: the day is taken in the database transaction that tells.
    """
    today = core.now().astimezone(dt.UTC).date()
    with core.reading() as db:
        done = dict(db.execute(select(job.c.study, job.c.done_for).where(job.c.name == JOB)).all())
        studies = db.scalars(select(study_version.c.study).distinct()).all()
    told = 0
    for study in sorted(studies):
        if study in done and done[study] is not None and done[study] >= today:
            continue
        with core.writing() as db:
            told += _remind(db, core, study, today)
    return told


def _remind(db: Connection, core: Core, study: str, today: dt.date) -> bool:
    insert_missing(db, job, {"name": JOB, "study": study, "done_for": None, "attempts": 0})
    mine = (job.c.name == JOB) & (job.c.study == study)
    fresh = job.c.done_for.is_(None) | (job.c.done_for < today)
    taken = db.execute(update(job).where(mine, fresh).values(done_for=today))
    if taken.rowcount != 1:
        return False
    late = [one for one in overdue(core, db, study) if (today - one.due).days % AGAIN_DAYS == 1]
    for one in late:
        enqueue(db, core, _notice(study, one), study, one.site)
    return bool(late)


def _notice(study: str, one: Overdue) -> Notice:
    params: dict[str, Param] = {"study": study, "date": one.due}
    if one.kind == ACCESS:
        return Notice(Message("sms.access_overdue", params), roles=("study_manager",))
    if one.site is None:
        return Notice(Message("sms.review_overdue", params), roles=("study_manager",))
    told = Message("sms.review_overdue_at", {**params, "site": Digits(one.site)})
    return Notice(told, roles=("monitor",), site=one.site)
