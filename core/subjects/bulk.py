"""`import_subjects`: a trial that began elsewhere goes on here, with the arms drawn there.

Each subject has an entry of its own in the ledger, with the arm sealed, by which `verify` holds the
record; no draw of ours is claimed. Rows and entries are in the order of days and numbers, since
the order of a file may be that of its arms.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update

from core.access.roles import Permission
from core.bulk import file_question, store
from core.context import Context
from core.db.models import site, subject, visit
from core.facts import zone_of
from core.ledger.append import Entry, append_many
from core.messages import Message
from core.randomization.drawn import TAKE_OVER, arm_about
from core.sealed import Sealed
from core.subjects.caps import count_others
from core.subjects.randomize import is_used
from core.subjects.screen import AT_A_DESK
from core.subjects.status import RANDOMIZED
from core.subjects.taken_over import TakenOver, read_subjects
from core.transaction import Answers, Outcome, Transaction


def run(context: Context, answers: Answers) -> Outcome:
    """Add every subject of the file, or none. Raises InvalidInput."""
    _lock_draws(context.db)
    file = str(answers["file"])
    found = read_subjects(context, file)
    count_others(context, ((one.place.site, one.levels) for one in found))
    _count_at_sites(context, found)
    visits = sum(len(one.visits) for one in found)
    arms = [context.keys.seal(arm_about(context.study, one.number), one.arm) for one in found]
    rows = len(found) + visits
    values = (_values(context, one, arm) for one, arm in zip(found, arms, strict=True))
    store(context.db, subject, values, rows)
    store(context.db, visit, _visits(context, found), rows, len(found))
    entries = [_entry(context, one, arm) for one, arm in zip(found, arms, strict=True)]
    salts = context.entropy.bytes(16 * len(entries))
    append_many(context.db, context.keys, context.study, entries, salts)
    facts = {
        "subjects": len(found),
        "visits": visits,
        "sites": sorted({one.place.site.number for one in found}),
    }
    # Of a short file the digest gives the arms away to whoever knows the rest of it.
    mark = hashlib.sha256(file.encode()).hexdigest()
    secret = {"file_sha256": context.seal("import_subjects|file", mark)}
    return Outcome(Message("said.import_subjects", {"count": len(found)}), facts, secret)


def _lock_draws(db: Connection) -> None:
    """Nobody is randomized meanwhile: a list that grows just now must not take a number of the
    file, nor a cap be counted for the first time. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("LOCK TABLE counter, allocator IN SHARE ROW EXCLUSIVE MODE"))


def _count_at_sites(context: Context, found: Sequence[TakenOver]) -> None:
    """Screening goes on after the last running number that a site's subjects have."""
    last: dict[str, int] = {}
    for one in found:
        number, at = one.number, one.place.site
        running = number.removeprefix(at.number)
        if running != number and len(running) >= 3 and f"{int(running):03d}" == running:
            last[at.number] = max(last.get(at.number, at.subjects), int(running))
    if last:
        further = (
            update(site)
            .where(site.c.study == context.study, site.c.number == bindparam("at"))
            .values(subjects=bindparam("last"))
        )
        context.db.execute(further, [{"at": at, "last": run} for at, run in sorted(last.items())])


def _values(context: Context, one: TakenOver, arm: Sealed) -> Mapping[str, Any]:
    at = one.place.site
    # Only the day is known: its beginning, at the site.
    start = dt.datetime.combine(one.randomized_on, dt.time(), zone_of(at.timezone))
    return {
        "study": context.study,
        "number": one.number,
        "site": at.number,
        "status": RANDOMIZED,
        "version": one.place.version,
        "screened_at": start if one.place.config.screening else None,
        "randomized_at": start,
        "randomized_on": one.randomized_on,
        "randomization_number": one.randomization_number,
        "domain": one.place.design.domain(one.levels, at.number, None),
        "levels": json.dumps(one.levels),
        "arm": arm.token,
        "treatment": "on",
        "dose": one.dose,
    }


def _visits(context: Context, found: Sequence[TakenOver]) -> list[Mapping[str, Any]]:
    known = select(subject.c.number, subject.c.id).where(subject.c.study == context.study)
    ids = {row.number: row.id for row in context.db.execute(known)}
    return [
        {
            "subject_id": ids[one.number],
            "code": held.code,
            "status": held.status,
            "on": held.on,
            "deviation_days": held.deviation_days,
        }
        for one in found
        for held in one.visits
    ]


def _entry(context: Context, one: TakenOver, arm: Sealed) -> Entry:
    facts = {
        "randomization_number": one.randomization_number,
        "randomized_on": one.randomized_on,
        "levels": one.levels,
        "country": one.place.site.country,
        "dose": one.dose,
        "visits": [
            {
                "visit": held.code,
                "status": held.status,
                "on": held.on,
                "deviation_days": held.deviation_days,
            }
            for held in one.visits
        ],
    }
    return Entry(
        TAKE_OVER,
        "done",
        context.channel.value,
        context.now,
        actor=context.actor.user_id,
        site=one.place.site.number,
        subject=one.number,
        version=one.place.version,
        facts=facts,
        secret={"arm": arm},
        simulated=context.core.simulated,
    )


IMPORT_SUBJECTS = Transaction(
    TAKE_OVER,
    "",
    Permission.LISTS,
    file_question,
    run,
    AT_A_DESK,
    signed=True,
    site=False,
    used=is_used,
)
