"""Counting wrong secrets: five in a row lock a person, five from a source make it wait.

An attempt is counted before the secret is looked at and forgiven afterwards if it was right, so
that many tries at once are not many free tries. Unknown IDs are counted just as known ones, so
that nobody learns which exist.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import Connection, delete, select, update

from core.db.models import throttle
from core.db.upsert import insert_missing
from core.sealed import Keys

FAILURES_MAX: Final = 5
LOCK_MINUTES: Final = 30
WAIT_SECONDS: Final = 60
SOURCE_MEMORY: Final = dt.timedelta(minutes=15)
LOCKS_MEMORY: Final = dt.timedelta(hours=1)
"""Locks that follow one another within this time are many together."""


def person_token(keys: Keys, user_id: str) -> str:
    """The key under which tries at a user ID, known or not, are counted."""
    return keys.mac("attempts", f"person|{user_id}")


def source_token(keys: Keys, source: str) -> str:
    """The key under which failures from a caller or an address are counted."""
    return keys.mac("attempts", f"source|{source}")


def locked_until(db: Connection, token: str, now: dt.datetime) -> dt.datetime | None:
    """Until when the person is locked or the source waits, or None."""
    until: dt.datetime | None = db.scalar(select(throttle.c.until).where(throttle.c.token == token))
    return until if until and until > now else None


def count(
    db: Connection,
    token: str,
    now: dt.datetime,
    hold: dt.timedelta,
    memory: dt.timedelta | None = None,
) -> int:
    """Count one more failure; the fifth and each later one hold from now. Returns the count.

    A hold that has run out starts the count anew, and so does `memory` without a failure: a
    source is many people, and a person's failures in a row are never forgotten by waiting.
    """
    insert_missing(db, throttle, {"token": token, "failures": 0, "until": None, "at": now})
    row = db.execute(
        select(throttle.c.failures, throttle.c.until, throttle.c.at)
        .where(throttle.c.token == token)
        .with_for_update()
    ).one()
    over = bool(row.until and row.until <= now) or bool(memory and row.at + memory <= now)
    failures = 1 if over else int(row.failures) + 1
    until = now + hold if failures >= FAILURES_MAX else None
    db.execute(
        update(throttle)
        .where(throttle.c.token == token)
        .values(failures=failures, until=until, at=now)
    )
    return failures


def uncount(db: Connection, token: str) -> None:
    """Take back the failure that was counted before the secret proved right."""
    db.execute(
        update(throttle)
        .where(throttle.c.token == token, throttle.c.failures > 0)
        .values(failures=throttle.c.failures - 1, until=None)
    )


def forgive(db: Connection, token: str) -> None:
    """Forget the failures: the secret was right, or a code has unlocked the person."""
    db.execute(delete(throttle).where(throttle.c.token == token))
