"""Telephone calls on record: their turns, what was told in them, and the entry that seals them.

A turn is a row of its own stream, written in the same database transaction as the deed it does;
the ledger gets one entry a call, at its end, so that listening never waits for writing.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update

from core.db import models
from core.db.models import call, call_turn, kit, person, receipt
from core.db.upsert import insert_missing
from core.errors import NotFound, Refused
from core.ledger.append import append_system
from core.messages import Digits, Message, Moment, Param
from core.receipts import receipt_of
from core.register import find
from core.sealed import Sealed
from core.transaction import Channel

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.runtime import Core

UNTOLD_DAYS: Final = 30
UNTOLD_MAX: Final = 3
CALL_HOURS_MAX: Final = 4
_SILENT = "repeat"  # saying something again is nothing to be told of


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as stored: the keyed digest of what was heard, the sealed state after it ("" while a
    request is at work on it), the receipt of the deed it did."""

    number: int
    heard: str
    state: str
    receipt_id: int | None
    at: dt.datetime


def heard_digest(core: Core, sid: str, turn: int, heard: str) -> str:
    """What is kept of the keys of a turn; PINs have been taken out before."""
    return core.keys.mac("heard", f"{sid}|{turn}|{heard}")


def seal_state(core: Core, sid: str, turn: int, text: str) -> str:
    """The state of a turn as it is stored: it holds what was answered so far."""
    token = core.keys.seal(f"call|{sid}|{turn}", text).token
    return base64.b64encode(token).decode()


def open_state(core: Core, sid: str, turn: Turn) -> str:
    """The state that `seal_state` sealed. Raises IntegrityBreach."""
    token = base64.b64decode(turn.state)
    return core.keys.open(Sealed(token, f"call|{sid}|{turn.number}"))


def begin(db: Connection, core: Core, sid: str, line: str, study: str | None, caller: str) -> None:
    """Note a call that has come in; nothing happens if it is noted already."""
    values = {
        "sid": sid,
        "line": line,
        "study": study,
        "caller_token": core.keys.mac("caller", caller),
        "started_at": core.now(),
    }
    insert_missing(db, call, values)


_turns = (
    select(call_turn, call.c.ended_at)
    .join(call, call.c.sid == call_turn.c.call_sid)
    .where(
        call_turn.c.call_sid == bindparam("sid"),
        call_turn.c.turn.in_((bindparam("before"), bindparam("this"))),
    )
    .order_by(call_turn.c.turn)
)


def turns(db: Connection, sid: str, turn: int) -> tuple[Turn | None, Turn | None, bool]:
    """The turn before this one and this one, as far as they are stored; whether the call is over,
    and with it sealed in the ledger."""
    rows = db.execute(_turns, {"sid": sid, "before": turn - 1, "this": turn}).all()
    found = {row.turn: Turn(row.turn, row.heard, row.state, row.receipt_id, row.at) for row in rows}
    is_over = any(row.ended_at is not None for row in rows)
    return found.get(turn - 1), found.get(turn), is_over


def claim(db: Connection, sid: str, turn: int, heard: str, now: dt.datetime) -> bool:
    """Take a turn whose work counts each time it is done (a PIN is tried); False if it is taken."""
    values = {"call_sid": sid, "turn": turn, "heard": heard, "state": "", "at": now}
    return insert_missing(db, call_turn, values).rowcount == 1


def take_over(db: Connection, sid: str, turn: Turn, now: dt.datetime) -> bool:
    """Take a turn whose first worker died; False if it is done, or taken over by another."""
    where = (call_turn.c.call_sid == sid) & (call_turn.c.turn == turn.number)
    later = max(now, turn.at + dt.timedelta(microseconds=1))  # of several takers, one wins
    taken = db.execute(
        update(call_turn)
        .where(where, call_turn.c.state == "", call_turn.c.at == turn.at)
        .values(at=later)
    )
    return taken.rowcount == 1


def release(db: Connection, sid: str, turn: int) -> None:
    """Give a claimed turn back: its work failed before anything was done."""
    db.execute(
        delete(call_turn).where(
            call_turn.c.call_sid == sid, call_turn.c.turn == turn, call_turn.c.state == ""
        )
    )


_fill = (
    update(call_turn)
    .where(
        call_turn.c.call_sid == bindparam("s"),
        call_turn.c.turn == bindparam("t"),
        call_turn.c.state == "",
    )
    .values(state=bindparam("new"), receipt_id=bindparam("r"))
)


def write_turn(
    db: Connection,
    sid: str,
    turn: int,
    heard: str,
    state: str,
    now: dt.datetime,
    receipt_id: int | None = None,
) -> bool:
    """Store a turn. False if the same turn was stored by another request: then that one holds."""
    row = {
        "call_sid": sid,
        "turn": turn,
        "heard": heard,
        "state": state,
        "receipt_id": receipt_id,
        "at": now,
    }
    if insert_missing(db, call_turn, row).rowcount == 1:
        return True
    filled = db.execute(_fill, {"s": sid, "t": turn, "new": state, "r": receipt_id})
    return filled.rowcount == 1


def note_who(db: Connection, sid: str, user_id: str | None, study: str | None, lang: str) -> None:
    """Who called, about which study, in which language, as soon as it is known."""
    db.execute(
        update(call)
        .where(call.c.sid == sid)
        .values(user_id=user_id, study=study or call.c.study, language=lang)
    )


def study_of(db: Connection, sid: str) -> str | None:
    """The study that a call is about: the one dialled, until another was chosen."""
    found: str | None = db.scalar(select(call.c.study).where(call.c.sid == sid))
    return found


def mark_told(db: Connection, receipts: Sequence[int], now: dt.datetime) -> None:
    """The caller has gone on after these were said, so they were heard."""
    if receipts:
        db.execute(
            update(receipt)
            .where(receipt.c.id.in_(receipts), receipt.c.told_at.is_(None))
            .values(told_at=now)
        )


def last_turn(db: Connection, sid: str) -> Turn | None:
    """The newest turn of a call."""
    row = db.execute(
        select(call_turn)
        .where(call_turn.c.call_sid == sid, call_turn.c.state != "")
        .order_by(call_turn.c.turn.desc())
        .limit(1)
    ).one_or_none()
    return Turn(row.turn, row.heard, row.state, row.receipt_id, row.at) if row else None


def end(db: Connection, core: Core, sid: str, status: str) -> bool:
    """The call is over: seal its turns in the ledger. False if it was over, or never began."""
    now = core.now()
    closed = db.execute(
        update(call)
        .where(call.c.sid == sid, call.c.ended_at.is_(None))
        .values(ended_at=now, status=status)
    )
    if closed.rowcount != 1:
        return False
    row = db.execute(select(call).where(call.c.sid == sid)).one()
    count, digest = _seal(db, sid)
    facts = {
        "call": sid,
        "line": row.line,
        "status": status,
        "turns": count,
        "digest": digest,
        "started_at": row.started_at,
    }
    append_system(
        db, core, row.study, "call_ended", facts, actor=row.user_id, channel=Channel.PHONE
    )
    return True


def _seal(db: Connection, sid: str) -> tuple[int, str]:
    """How many turns there were, and the SHA-256 of them in order."""
    rows = db.execute(
        select(call_turn.c.turn, call_turn.c.heard, call_turn.c.state, call_turn.c.receipt_id)
        .where(call_turn.c.call_sid == sid)
        .order_by(call_turn.c.turn)
    ).all()
    return len(rows), turns_digest(rows)


def turns_digest(rows: Sequence[Sequence[Any]]) -> str:
    """The SHA-256 of turns in their order, as the call's entry has it: number, digest of what was
    heard, sealed state, receipt."""
    text = json.dumps([list(row) for row in rows], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sweep(core: Core, close: Callable[[Connection, str], None] | None = None) -> int:
    """End calls whose final status never came. Returns how many. `close` is what a face has to put
    on record of a call that is over, in the same session."""
    before = core.now() - dt.timedelta(hours=CALL_HOURS_MAX)
    with core.reading() as db:
        query = select(call.c.sid).where(call.c.ended_at.is_(None), call.c.started_at < before)
        sids = list(db.scalars(query.order_by(call.c.started_at).limit(200)))
    count = 0
    for sid in sids:
        with core.writing() as db:
            if end(db, core, sid, "lost"):
                count += 1
                if close is not None:
                    close(db, sid)
    return count


@dataclass(frozen=True, slots=True)
class Untold:
    """A deed by telephone whose result its caller did not hear, and how to tell of it."""

    receipt_id: int
    notes: tuple[Message, ...]
    transaction: str


def untold_to(db: Connection, core: Core, actor: Actor, sid: str) -> tuple[Untold, ...]:
    """What this person did by telephone and never heard the end of, in earlier calls."""
    rows = db.execute(
        _untold(core)
        .where(receipt.c.actor == actor.user_id, ~receipt.c.request_id.startswith(f"{sid}:"))
        .order_by(receipt.c.id.desc())
        .limit(UNTOLD_MAX)
    ).all()
    return tuple(
        Untold(row.id, told, row.transaction)
        for row in reversed(rows)
        if actor.sees_study(row.study) and (told := _tell(db, row, None))
    )


def untold_about(
    db: Connection, core: Core, actor: Actor, study: str, site: str | None, subject: str
) -> tuple[Message, ...]:
    """What colleagues did for this subject by telephone and never heard the end of, as far as
    this person might have done it too. Hearing it does not make it told to the colleague."""
    rows = db.execute(
        _untold(core)
        .add_columns(person.c.name)
        .join(person, person.c.user_id == receipt.c.actor)
        .where(
            receipt.c.study == study,
            receipt.c.subject == subject,
            receipt.c.site == site,
            receipt.c.outcome != "refused",
            receipt.c.actor != actor.user_id,
        )
        .order_by(receipt.c.id.desc())
        .limit(UNTOLD_MAX)
    ).all()
    return tuple(
        note
        for row in reversed(rows)
        if actor.may(find(row.transaction).permission, study, site)
        for note in _tell(db, row, row.name)
    )


def _untold(core: Core) -> Any:
    since = core.now() - dt.timedelta(days=UNTOLD_DAYS)
    place = models.site
    here = (place.c.study == receipt.c.study) & (place.c.number == receipt.c.site)
    query = select(receipt, place.c.timezone).select_from(receipt.outerjoin(place, here))
    return query.where(
        receipt.c.channel == Channel.PHONE.value,
        receipt.c.told_at.is_(None),
        receipt.c.outcome.is_not(None),
        receipt.c.transaction != _SILENT,
        receipt.c.at >= since,
    )


def _tell(db: Connection, row: Any, name: str | None) -> tuple[Message, ...]:
    known = receipt_of(row)
    if isinstance(known, Refused):
        params = _params(row, row.timezone or "UTC", known.message)
        return (Message("note.untold_refused", params),)
    params = _params(row, known.zone, known.said)
    params["confirmation"] = Digits(known.confirmation)
    if name is None:
        note = Message("note.untold", params)
    else:
        note = Message("note.untold_colleague", {**params, "name": name})
    return (note, *_hand_over(db, row.study, known.facts.get("kits"), row.transaction))


def _params(row: Any, zone: str, said: Message) -> dict[str, Param]:
    deed = Message(f"deed.{row.transaction}")
    return {"at": Moment(row.at, zone), "deed": deed, "said": said}


_GIVING: Final = ("dispense", "unscheduled", "replace")


def _hand_over(db: Connection, study: str, kits: Any, transaction: str) -> tuple[Message, ...]:
    """Whether the kits given then have been handed over since."""
    if transaction not in _GIVING or not kits:
        return ()
    waiting = db.scalar(
        select(kit.c.id)
        .where(kit.c.study == study, kit.c.number.in_(kits), kit.c.confirmed_at.is_(None))
        .limit(1)
    )
    return (Message("note.handed_over" if waiting is None else "note.not_handed_over"),)


def receipt_id_of(db: Connection, study: str, user_id: str, request_id: str) -> int:
    """The receipt of a request by telephone. Raises NotFound."""
    found = db.scalar(
        select(receipt.c.id).where(
            receipt.c.study == study,
            receipt.c.actor == user_id,
            receipt.c.channel == Channel.PHONE.value,
            receipt.c.request_id == request_id,
        )
    )
    if found is None:
        raise NotFound
    return int(found)
