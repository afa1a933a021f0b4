"""Treatments told by telephone: as a recording at an address that works once, or in words.

The address is a keyed digest of the call and the turn: the turn told again gives the same one, and
no state or table holds it (the table has a digest of it). Whoever asks for it a second time, or
too late, gets nothing, and those who watch are told.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, or_, select, update

from core.access.roles import load_actor
from core.db.blind import opening, reveal
from core.db.models import call
from core.db.upsert import insert_missing
from core.errors import NotFound
from core.messages import Labels
from core.randomization.williams import williams
from core.study.schema import IN_SEQUENCE, StudyConfig
from core.transaction import Channel
from core.unblinding.failures import failed
from core.unblinding.openings import covering, find_subject
from core.unblinding.reading import enter_reading, unseal

if TYPE_CHECKING:
    from core.runtime import Core

SECONDS: Final = 120
RECORDING: Final = "recording"
VOICE: Final = "voice"


@dataclass(frozen=True)
class Told:
    """What is to be said, in which language; `among` are all treatments of the study, and `phased`
    is whether an earlier one may be told too. A treatment doesn't show when this is logged."""

    treatment: Labels = field(repr=False)
    earlier: Labels | None = field(repr=False)
    among: tuple[Labels, ...] = field(repr=False)
    phased: bool
    language: str


def treatments(config: StudyConfig) -> tuple[Labels, ...]:
    """The names of all that a subject may be randomized to, in the order of the file."""
    codes = [arm.code for arm in config.arms]
    if config.is_crossover:
        orders = williams(len(codes))
        codes = [IN_SEQUENCE.join(codes[place] for place in order) for order in orders]
    return tuple(config.labels_of(one) for one in codes)


def config_of(core: Core, db: Connection, study: str, subject: str) -> StudyConfig:
    """The study file that a treatment is told by: the subject's. Raises NotFound."""
    found = find_subject(db, study, subject)
    if found is None:
        raise NotFound
    return core.config(db, study, found.version)


def token_of(core: Core, sid: str, turn: int) -> str:
    """What the address of the recording of this turn ends in: 64 hex digits."""
    return core.keys.mac("recording", f"{sid}|{turn}")


def prepare(
    core: Core,
    db: Connection,
    *,
    sid: str,
    turn: int,
    language: str,
    user_id: str,
    study: str,
    subject: str,
) -> bool:
    """Let the treatment be told once in this turn, within two minutes; in the session that writes
    the turn. False where it is not open to this person."""
    now = core.now()
    found, actor = find_subject(db, study, subject), load_actor(db, user_id, now)
    site = found.site if found is not None else None
    by = covering(db, actor, study, now, subject=subject, site=site)
    if by is None:
        return False
    values = {
        "token": _kept(core, token_of(core, sid, turn)),
        "opening_id": by.id,
        "call_sid": sid,
        "turn": turn,
        "language": language,
        "created_at": now,
        "expires_at": now + dt.timedelta(seconds=SECONDS),
    }
    insert_missing(db, reveal, values)
    return True


def fetch(core: Core, token: str) -> Told:
    """What the recording at this address says, once. Raises NotFound; for an address that was used
    or has run out that is on record, and alerted."""
    with core.writing() as db:
        row = _row(db, core, token)
        if row is None:
            raise NotFound
        told = _claim(core, db, row) and _enter(core, db, row)
        if told is None:
            who = {"actor": row.user_id, "subject": row.subject}
            failed(core, db, row.study, "fetched_again", channel=Channel.PHONE, **who)
    if not told:
        raise NotFound
    return _told(core, row)


def say(core: Core, sid: str, turn: int) -> Told:
    """What is said in words in this turn: a turn told again, within its two minutes, says it again
    and is no second reading. Raises NotFound."""
    with core.writing() as db:
        row = _row(db, core, token_of(core, sid, turn))
        if row is None or row.expires_at <= core.now():
            raise NotFound
        told = row.fetched_at is not None or (_claim(core, db, row) and _enter(core, db, row))
    if not told:
        raise NotFound
    return _told(core, row)


def was_told(db: Connection, sid: str, subject: str) -> bool:
    """Whether the treatment of this subject was told in this call."""
    query = (
        select(reveal.c.turn)
        .join(opening, opening.c.id == reveal.c.opening_id)
        .where(
            reveal.c.call_sid == sid,
            reveal.c.fetched_at.is_not(None),
            or_(opening.c.subject == subject, opening.c.subject.is_(None)),
        )
    )
    return db.scalar(query.limit(1)) is not None


def _kept(core: Core, token: str) -> str:
    return core.keys.mac("reveal", token)


def _row(db: Connection, core: Core, token: str) -> Any:
    """The row of an address, with the study and whose call it was."""
    query = (
        select(reveal, opening.c.study, opening.c.subject, call.c.user_id)
        .join(opening, opening.c.id == reveal.c.opening_id)
        .join(call, call.c.sid == reveal.c.call_sid)
        .where(reveal.c.token == _kept(core, token))
    )
    return db.execute(query).one_or_none()


def _claim(core: Core, db: Connection, row: Any) -> bool | None:
    """Use the address up; None if it is used, or has run out."""
    now = core.now()
    fresh = reveal.c.fetched_at.is_(None) & (reveal.c.expires_at > now)
    taken = update(reveal).where(reveal.c.token == row.token, fresh).values(fetched_at=now)
    return True if db.execute(taken).rowcount == 1 else None


def _enter(core: Core, db: Connection, row: Any) -> bool:
    """The reading's own entry; False where the treatment isn't open to the caller any more."""
    actor = load_actor(db, row.user_id, core.now())
    about = {"subject": row.subject, "channel": Channel.PHONE}
    return enter_reading(core, db, actor, row.study, **about) is not None


def _told(core: Core, row: Any) -> Told:
    with core.reading() as db:
        config = config_of(core, db, row.study, row.subject)
        treatment, earlier = unseal(core, db, row.study, subject=row.subject)
    return Told(treatment, earlier, treatments(config), bool(config.phases), row.language)
