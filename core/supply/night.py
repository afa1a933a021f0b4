"""The night of each study: every site resupplied that needs it, and people told what threatens.

A row of the table `job` is a lease: whoever holds it does the night, site by site, each site a deed
of its own. A worker that dies leaves its lease to lapse, and the next one goes on: what was ordered
counts as on the way, so nothing is ordered twice. A missed night loses nothing, for each looks at
the record anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Connection, or_, select, update

from core.access.roles import SYSTEM
from core.db.models import study_version
from core.db.stock import job
from core.db.upsert import insert_missing
from core.errors import Refused, Unavailable
from core.ledger.append import append_system
from core.messages import Message
from core.outbox import enqueue
from core.perform import perform
from core.study.versions import latest_config
from core.supply.resupply.propose import proposals
from core.supply.resupply.run import RESUPPLY
from core.supply.warnings import notices
from core.transaction import Channel, Notice

if TYPE_CHECKING:
    from core.runtime import Core

JOB: Final = "night"
LEASE: Final = dt.timedelta(minutes=5)
EVENT: Final = "night_done"
"""The event's name in the ledger."""
_STUCK: Final = 3


@dataclass(frozen=True, slots=True)
class Night:
    """A night's work: active sites looked at, shipments ordered, sites refused."""

    sites: int
    orders: int
    refused: int


def night_of(at: str, now: dt.datetime) -> dt.date:
    """The UTC date of the latest night that has begun: nights begin daily at `at`, "HH:MM"."""
    begins = dt.time.fromisoformat(at)
    today = now.astimezone(dt.UTC)
    return today.date() if today.time() >= begins else today.date() - dt.timedelta(days=1)


def last_night(db: Connection, study: str) -> dt.date | None:
    """The last night that was finished, or that had begun when the study was first seen."""
    query = select(job.c.done_for).where(job.c.name == JOB, job.c.study == study)
    found: dt.date | None = db.scalar(query)
    return found


def _always() -> bool:
    return True


def run_due(core: Core, go_on: Callable[[], bool] = _always) -> int:
    """Do the nights that are due, while `go_on` says so between two sites; returns how many.

    A study that is seen for the first time waits for its next night. One that fails does not keep
    the others: an ExceptionGroup is raised at the end. Raises Unavailable at once.
    """
    done, failed = 0, []
    for study, night in _due(core):
        try:
            done += run_night(core, study, night, go_on) is not None
        except Unavailable:
            raise
        except Exception as error:  # told below, when the others are done
            failed.append(error)
    if failed:
        raise ExceptionGroup("nights that were not finished", failed)
    return done


def run_night(
    core: Core, study: str, night: dt.date, go_on: Callable[[], bool] = _always
) -> Night | None:
    """Do a night of a study. None if it is done, another worker is at it, or `go_on` ended it:
    then whoever comes next goes on at once."""
    with core.writing() as db:
        lease = _claim(db, core, study, night)
    if lease is None:
        return None
    with core.reading() as db:
        found = proposals(core, db, study)
    orders = refused = 0
    for one in found:
        if not one.decision.is_order:
            continue
        if not go_on():
            _let_go(core, study, lease)
            return None
        if not _hold(core, study, lease):
            return None
        if _resupply(core, study, one.site, night):
            orders += 1
        else:
            refused += 1
    result = Night(len(found), orders, refused)
    return result if _finish(core, study, night, lease, result) else None


_studies = select(study_version.c.study).distinct().order_by(study_version.c.study)


def _due(core: Core) -> list[tuple[str, dt.date]]:
    """The studies that dispense and whose latest night is not done and not held by a worker."""
    now, out, fresh = core.now(), [], []
    with core.reading() as db:
        rows: dict[str, Any] = {
            row.study: row for row in db.execute(select(job).where(job.c.name == JOB))
        }
        for study in db.scalars(_studies).all():
            config = latest_config(db, core, study)
            night, row = night_of(config.resupply.at, now), rows.get(study)
            if not config.dispenses:
                continue
            if row is None:
                fresh.append((study, night))
            elif _is_free(row, now) and (row.done_for is None or row.done_for < night):
                out.append((study, night))
    for study, night in fresh:
        with core.writing() as db:
            insert_missing(db, job, _row(study, night))
    return out


def _is_free(row: Any, now: dt.datetime) -> bool:
    return row.lease_until is None or row.lease_until <= now


def _row(study: str, done_for: dt.date | None) -> dict[str, Any]:
    return {"name": JOB, "study": study, "done_for": done_for, "attempts": 0}


def _claim(db: Connection, core: Core, study: str, night: dt.date) -> str | None:
    """Take the lease; None if the night is done, or another worker holds it."""
    now, lease = core.now(), core.entropy.bytes(16).hex()
    insert_missing(db, job, _row(study, None))
    taken = db.execute(
        update(job)
        .where(
            job.c.name == JOB,
            job.c.study == study,
            or_(job.c.done_for.is_(None), job.c.done_for < night),
            or_(job.c.lease_until.is_(None), job.c.lease_until <= now),
        )
        .values(lease=lease, lease_until=now + LEASE, attempts=job.c.attempts + 1)
        .returning(job.c.attempts)
    ).one_or_none()
    if taken is None:
        return None
    if taken.attempts == _STUCK:
        told = Notice(Message("sms.night_stuck", {"study": study}), roles=("supply_manager",))
        enqueue(db, core, told, study, None)
    return lease


def _mine(study: str, lease: str) -> ColumnElement[bool]:
    """The study's night, as long as this lease holds it."""
    return (job.c.name == JOB) & (job.c.study == study) & (job.c.lease == lease)


def _hold(core: Core, study: str, lease: str) -> bool:
    """Make the lease last; False if it lapsed and another worker took it."""
    now = core.now()
    with core.reading() as db:
        row = db.execute(select(job.c.lease_until).where(_mine(study, lease))).one_or_none()
    if row is None:
        return False
    if row.lease_until - now > LEASE / 2:
        return True
    with core.writing() as db:
        held = db.execute(update(job).where(_mine(study, lease)).values(lease_until=now + LEASE))
    return held.rowcount == 1


def _let_go(core: Core, study: str, lease: str) -> None:
    with core.writing() as db:
        values = {"lease": None, "lease_until": None, "attempts": job.c.attempts - 1}
        db.execute(update(job).where(_mine(study, lease)).values(values))


def _resupply(core: Core, study: str, site: str, night: dt.date) -> bool:
    """Whether the site was resupplied; a refusal is on record and does not keep the others."""
    try:
        perform(
            core,
            RESUPPLY,
            {"to_site": site},
            actor=SYSTEM,
            study=study,
            site=None,
            channel=Channel.SYSTEM,
            request_id=f"{JOB} {night.isoformat()} {site}",
        )
    except Refused:
        return False
    return True


def _finish(core: Core, study: str, night: dt.date, lease: str, result: Night) -> bool:
    """Put the night on record and tell people, once; False if another worker has."""
    with core.reading() as db:  # what takes long is done before the lock is taken
        told = notices(core, db, study)
    with core.writing() as db:
        ended = db.execute(
            update(job)
            .where(_mine(study, lease))
            .values(done_for=night, lease=None, lease_until=None, attempts=0)
        )
        if ended.rowcount != 1:
            return False
        for notice in told:
            enqueue(db, core, notice, study, notice.site)
        facts = {"night": night, "sites": result.sites}
        append_system(db, core, study, EVENT, facts)
    return True
