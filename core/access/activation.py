"""Codes: how a person first gets in, and gets in again with a forgotten PIN.

A code is single-use, lives 72 hours, is stored hashed and goes to the registered mobile. The old
PIN works until the code is used.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select, update

from core.access import attempts
from core.access.roles import Actor, load_actor
from core.access.secrets import code_token, hash_secret, password_problem, pin_problem
from core.access.sessions import end_all
from core.access.signin import note_failure
from core.codes import activation_code
from core.db.models import person
from core.errors import InvalidInput, MustWait, NotAuthenticated
from core.ledger.append import append_system
from core.ledger.encoding import instant
from core.messages import Message
from core.outbox import enqueue
from core.transaction import Channel, Notice

if TYPE_CHECKING:
    from core.runtime import Core

CODE_HOURS: Final = 72
_HALF: Final = 32  # of 64 hexadecimal digits: 128 bits to find a code by, 128 to bind it
_WAIT: Final = dt.timedelta(seconds=attempts.WAIT_SECONDS)


def issue_code(db: Connection, core: Core, user_id: str, *, send: bool = True) -> str:
    """Make a fresh code for the person, replacing an unused one, and queue it to the mobile.

    Returned for `ixrs setup`, which has no mobile to send the first one to.
    """
    code = activation_code(core.entropy)
    until = core.now() + dt.timedelta(hours=CODE_HOURS)
    kept = _kept(core, code_token(core.keys, code), user_id, until)
    mine = update(person).where(person.c.user_id == user_id)
    db.execute(mine.values(code_token=kept, code_expires_at=until))
    if send:
        sealed = core.keys.seal(f"outbox|{user_id}", code)
        notice = Notice(Message("sms.code", {"hours": CODE_HOURS}), people=(user_id,))
        enqueue(db, core, notice, None, None, sealed)
    return code


def activate(
    core: Core,
    code: str,
    pin: str,
    *,
    password: str | None = None,
    source: str,
    channel: str = Channel.PHONE,
) -> Actor:
    """Set a new PIN (and password) with a code; unlocks the person too.

    Raises NotAuthenticated for a wrong, used or expired code (the words of a wrong ID), MustWait
    for a source that guessed too often, InvalidInput for a PIN or password that is too easy.
    """
    now, token = core.now(), code_token(core.keys, code)
    from_there = attempts.source_token(core.keys, source)
    with core.writing() as db:
        if attempts.locked_until(db, from_there, now):
            raise MustWait
        # Counted before it is looked at, as `sign_in` does: many guesses at once are no free ones.
        tries = attempts.count(db, from_there, now, _WAIT, attempts.SOURCE_MEMORY)
        if tries > attempts.FAILURES_MAX:
            raise MustWait
        row = _whose(db, core, token)
        right = row is not None and row.code_expires_at > now
        if right:
            attempts.uncount(db, from_there)
        else:  # a guess at a code is on record as a guess at a PIN is
            note_failure(db, core, tries, channel)
    if row is None or not right:
        raise NotAuthenticated
    _check(row.user_id, pin, password)
    kept, first = row.code_token, row.status == "invited"
    return _store(core, row.user_id, kept, pin, password, channel, first=first)


def _kept(core: Core, token: str, user_id: str, until: dt.datetime) -> str:
    """What a row keeps of a code: half to find it by, half that binds it to the person and to its
    end. Copied to another row, or given more time in the database, it opens nothing."""
    bound = core.keys.mac("code of", f"{token}|{user_id}|{instant(until)}")
    return token[:_HALF] + bound[:_HALF]


def _whose(db: Connection, core: Core, token: str) -> Any:
    """The row of the person whose code it is, or None."""
    columns = (person.c.user_id, person.c.status, person.c.code_token, person.c.code_expires_at)
    found = person.c.code_token.startswith(token[:_HALF])
    for row in db.execute(select(*columns).where(found, person.c.status != "disabled")):
        if row.code_token == _kept(core, token, row.user_id, row.code_expires_at):
            return row
    return None


def _check(user_id: str, pin: str, password: str | None) -> None:
    if problem := pin_problem(pin, user_id):
        raise InvalidInput("pin", problem)
    if password is not None and (problem := password_problem(password, user_id)):
        raise InvalidInput("password", problem)


def _store(
    core: Core,
    user_id: str,
    kept: str,
    pin: str,
    password: str | None,
    channel: str,
    *,
    first: bool,
) -> Actor:
    now = core.now()
    values: dict[str, Any] = {"status": "active", "code_token": None}
    values |= {"pin_hash": hash_secret(core.keys, user_id, pin), "pin_set_at": now}
    if password is not None:
        hashed = hash_secret(core.keys, user_id, password)
        values |= {"password_hash": hashed, "password_set_at": now}
    with core.writing() as db:
        used = db.execute(
            update(person)
            .where(person.c.user_id == user_id, person.c.code_token == kept)
            .values(**values)
        )
        if used.rowcount != 1:  # another call has used the code in between
            raise NotAuthenticated
        attempts.forgive(db, attempts.person_token(core.keys, user_id))
        end_all(db, user_id, now)
        event = "activated" if first else "pin_reset"
        append_system(db, core, None, event, {"user_id": user_id}, actor=user_id, channel=channel)
        enqueue(db, core, Notice(Message(f"sms.{event}"), people=(user_id,)), None, None)
        return load_actor(db, user_id, now)
