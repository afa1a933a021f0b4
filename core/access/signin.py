"""Signing in and signing, on any channel: the same words, the same counting, the same locks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, bindparam, select

from core.access import attempts
from core.access.roles import Actor, load_actor
from core.access.secrets import is_secret
from core.db.models import person
from core.errors import LockedOut, MustWait, NotAuthenticated, NotFound
from core.facts import is_keyed
from core.ledger.append import append_system
from core.messages import Digits, Message
from core.outbox import enqueue
from core.transaction import Channel, Notice, Signature

if TYPE_CHECKING:
    from core.runtime import Core

_kept = select(person.c.pin_hash, person.c.password_hash, person.c.status).where(
    person.c.user_id == bindparam("id")
)
_LOCK: Final = dt.timedelta(minutes=attempts.LOCK_MINUTES)
_WAIT: Final = dt.timedelta(seconds=attempts.WAIT_SECONDS)


def sign_in(
    core: Core, user_id: str, secret: str, *, source: str, channel: str = Channel.PHONE
) -> Actor:
    """The person whose ID and PIN (or password) these are.

    `source` is the caller's number or address. Raises NotAuthenticated (the same words for an
    unknown ID and a wrong secret), LockedOut, MustWait.
    """
    kept, status = _claim(core, user_id, source)
    right = is_secret(core.keys, kept[0] if _is_pin(secret) else kept[1], secret)
    if not right or status != "active":
        _count_failure(core, user_id, source, channel, known=status is not None)
        raise NotAuthenticated
    with core.writing() as db:
        attempts.forgive(db, attempts.person_token(core.keys, user_id))
        try:
            return load_actor(db, user_id, core.now())
        except NotFound:
            raise NotAuthenticated from None


def sign(
    core: Core, actor: Actor, secret: str, *, meaning: str, source: str, channel: str
) -> Signature:
    """A signature: the PIN or password given once more. Raises as `sign_in` does."""
    signer = sign_in(core, actor.user_id, secret, source=source, channel=channel)
    method = "PIN" if _is_pin(secret) else "password"
    return Signature(signer.user_id, signer.name, meaning, core.now(), method)


def _is_pin(secret: str) -> bool:
    return len(secret) == 6 and secret.isdigit()


def _claim(
    core: Core, user_id: str, source: str
) -> tuple[tuple[str | None, str | None], str | None]:
    """Count this attempt as a failure until it proves right, and fetch what is kept."""
    now = core.now()
    mine = attempts.person_token(core.keys, user_id)
    with core.writing() as db:
        if attempts.locked_until(db, attempts.source_token(core.keys, source), now):
            raise MustWait
        if attempts.locked_until(db, mine, now):
            raise LockedOut
        if attempts.count(db, mine, now, _LOCK) > attempts.FAILURES_MAX:
            raise LockedOut  # others at the same moment have used up the tries; this one is undone
        row = db.execute(_kept, {"id": user_id}).one_or_none() if is_keyed(user_id) else None
    if row is None:
        return (None, None), None
    return (row.pin_hash, row.password_hash), row.status


def _count_failure(core: Core, user_id: str, source: str, channel: str, *, known: bool) -> None:
    now = core.now()
    with core.writing() as db:
        from_there = attempts.source_token(core.keys, source)
        tries = attempts.count(db, from_there, now, _WAIT, attempts.SOURCE_MEMORY)
        if tries == attempts.FAILURES_MAX:
            _alert(db, core, "source_waits", {}, channel)
        if not known:
            return
        append_system(db, core, None, "sign_in_failed", {"user_id": user_id}, channel=channel)
        if attempts.locked_until(db, attempts.person_token(core.keys, user_id), now):
            _alert(db, core, "person_locked", {"user_id": user_id}, channel)
            enqueue(db, core, Notice(Message("sms.locked"), people=(user_id,)), None, None)


def _alert(db: Connection, core: Core, event: str, facts: dict[str, str], channel: str) -> None:
    """On record, and an urgent message to the administrators (21 CFR 11.300(d))."""
    append_system(db, core, None, event, facts, channel=channel)
    told = {name: Digits(value) for name, value in facts.items()}
    notice = Notice(Message(f"sms.{event}", told), roles=("administrator", "helpdesk"))
    enqueue(db, core, notice, None, None)
