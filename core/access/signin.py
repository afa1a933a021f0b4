"""Signing in and signing, on any channel: the same words, the same counting, the same locks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, select, update

from core.access import attempts
from core.access.roles import Actor, load_actor
from core.access.secrets import is_secret
from core.db.models import person
from core.db.prepared import Prepared
from core.errors import IxrsError, LockedOut, MustWait, NotAuthenticated, NotFound
from core.facts import is_keyed
from core.ledger.append import append_system
from core.messages import Digits, Message
from core.outbox import enqueue
from core.transaction import Channel, Notice, Signature

if TYPE_CHECKING:
    from core.runtime import Core

_kept = Prepared(
    select(
        person.c.pin_hash,
        person.c.pin_set_at,
        person.c.password_hash,
        person.c.password_set_at,
        person.c.status,
        person.c.created_at,
        person.c.signed_in_at,
    ).where(person.c.user_id == bindparam("id"))
)
_came = Prepared(
    update(person).where(person.c.user_id == bindparam("id")).values(signed_in_at=bindparam("at"))
)
_LOCK: Final = dt.timedelta(minutes=attempts.LOCK_MINUTES)
_WAIT: Final = dt.timedelta(seconds=attempts.WAIT_SECONDS)
_NOTED_EVERY: Final = dt.timedelta(minutes=1)
_LOOKED_AFTER_BY: Final = ("administrator", "helpdesk")
_FAILED: Final = "sign_in_failed"
_EMERGENCY_FAILED: Final = "emergency_sign_in_failed"


class SecretAged(IxrsError):
    """The PIN or password is right and too old: a new one is chosen before anything else, see
    `core.access.renewal`. `actor` is whose it is."""

    code = "secret_aged"

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        super().__init__()


def sign_in(
    core: Core, user_id: str, secret: str, *, source: str, channel: str = Channel.PHONE
) -> Actor:
    """The person whose ID and PIN (or password) these are.

    `source` is the caller's number or address. Raises NotAuthenticated (the same words for an
    unknown ID and a wrong secret), LockedOut, MustWait, SecretAged (nothing is
    wrong, nothing counted).
    """
    kept = _claim(core, user_id, source)
    return _prove(core, kept, user_id, secret, source, channel, _FAILED)


def sign_in_emergency(core: Core, user_id: str, pin: str, *, source: str) -> Actor:
    """`sign_in` where a code is to be broken: whatever goes wrong is on record and alerted.

    Whoever is held, by a lock or as a source, hears so whatever was keyed: nothing is looked at
    and nothing made longer; the operators help. Raises as `sign_in` does.
    """
    try:
        kept = _claim(core, user_id, source)
    except (LockedOut, MustWait) as held:
        with core.writing() as db:
            known = is_keyed(user_id) and _kept.first(db, {"id": user_id}) is not None
            whose = user_id if known else None
            _record(db, core, _EMERGENCY_FAILED, whose, held.code, Channel.PHONE)
        raise
    return _prove(core, kept, user_id, pin, source, Channel.PHONE, _EMERGENCY_FAILED)


def sign(
    core: Core,
    actor: Actor,
    secret: str,
    *,
    meaning: str,
    source: str,
    channel: str,
    emergency: bool = False,
) -> Signature:
    """A signature: the PIN or password given once more; one that has come of age meanwhile is
    good until the next sign-in. Otherwise raises as `sign_in` does; `emergency`: on the emergency
    line, as `sign_in_emergency` does."""
    try:
        if emergency:
            signer = sign_in_emergency(core, actor.user_id, secret, source=source)
        else:
            signer = sign_in(core, actor.user_id, secret, source=source, channel=channel)
    except SecretAged as aged:
        signer = aged.actor
    method = "PIN" if is_pin(secret) else "password"
    return Signature(signer.user_id, signer.name, meaning, core.now(), method)


def is_pin(secret: str) -> bool:
    """Whether it can only be a PIN: a password is longer."""
    return len(secret) == 6 and secret.isdigit()


def is_aged(core: Core, kept: Any, secret: str) -> bool:
    """Whether the secret of this row of `person`, PIN or password as the one given, is too old."""
    set_at = kept.pin_set_at if is_pin(secret) else kept.password_set_at
    since: dt.datetime = set_at or kept.created_at
    return core.now() - since >= dt.timedelta(days=core.settings.secret_days)


def _prove(
    core: Core, kept: Any, user_id: str, secret: str, source: str, channel: str, failed: str
) -> Actor:
    """The person, if the secret is that of `kept`, the row that `_claim` found; `failed` names the
    event that goes on record otherwise."""
    hashed = None if kept is None else kept.pin_hash if is_pin(secret) else kept.password_hash
    right = is_secret(core.keys, hashed, user_id, secret)
    if kept is None or not right or kept.status not in ("active", "locked"):
        _count_failure(core, user_id, source, channel, failed, known=kept is not None)
        raise NotAuthenticated
    now = core.now()
    with core.writing() as db:
        if kept.status == "active":
            attempts.forgive(db, attempts.person_token(core.keys, user_id))
            actor = _come(db, user_id, kept.signed_in_at, now)
            if not is_aged(core, kept, secret):
                return actor
            held: IxrsError = SecretAged(actor)
        else:  # only whoever has the secret learns that it was locked by hand
            held = LockedOut()
        if failed == _EMERGENCY_FAILED or kept.status == "locked":
            _record(db, core, failed, user_id, held.code, channel)
    raise held


def _come(db: Connection, user_id: str, last: dt.datetime | None, now: dt.datetime) -> Actor:
    if last is None or now - last >= _NOTED_EVERY:
        _came.run(db, {"id": user_id, "at": now})
    try:
        return load_actor(db, user_id, now)
    except NotFound:
        raise NotAuthenticated from None


def _claim(core: Core, user_id: str, source: str) -> Any:
    """Count this attempt as a failure until it proves right, and fetch what is kept; None: nobody
    has this ID."""
    now = core.now()
    mine = attempts.person_token(core.keys, user_id)
    with core.writing() as db:
        if attempts.locked_until(db, attempts.source_token(core.keys, source), now):
            raise MustWait
        if attempts.locked_until(db, mine, now):
            raise LockedOut
        if attempts.count(db, mine, now, _LOCK) > attempts.FAILURES_MAX:
            raise LockedOut  # others at the same moment have used up the tries; this one is undone
        return _kept.first(db, {"id": user_id if is_keyed(user_id) else ""})


def _count_failure(
    core: Core, user_id: str, source: str, channel: str, failed: str, *, known: bool
) -> None:
    """The failure on record. An ID that nobody has is written of as one that somebody has, without
    the ID itself (it may be a secret in the wrong place): the same statements, the same time."""
    now = core.now()
    whose = user_id if known else None
    with core.writing() as db:
        from_there = attempts.source_token(core.keys, source)
        tries = attempts.count(db, from_there, now, _WAIT, attempts.SOURCE_MEMORY)
        note_failure(db, core, tries, channel, user_id=whose, event=failed)
        if attempts.locked_until(db, attempts.person_token(core.keys, user_id), now):
            _tell_of_lock(db, core, whose, channel)


def note_failure(
    db: Connection,
    core: Core,
    tries: int,
    channel: str,
    *,
    user_id: str | None = None,
    event: str = _FAILED,
) -> None:
    """A wrong secret on record, that of `user_id` or of nobody; the fifth of the `tries` from one
    source is told at once."""
    if tries == attempts.FAILURES_MAX:
        _alert(db, core, "source_waits", {}, channel)
    _record(db, core, event, user_id, "not_authenticated", channel)


def _tell_of_lock(db: Connection, core: Core, user_id: str | None, channel: str) -> None:
    """On record, to those who look after accounts, and to the person; where there is none, a row
    of the same making for each of the two roles."""
    if user_id is not None:
        _alert(db, core, "person_locked", {"user_id": user_id}, channel)
        enqueue(db, core, Notice(Message("sms.locked"), people=(user_id,)), None, None)
    else:
        append_system(db, core, None, "unknown_locked", {}, channel=channel)
        for role in _LOOKED_AFTER_BY:
            enqueue(db, core, Notice(Message("sms.unknown_locked"), roles=(role,)), None, None)
    now, locks = core.now(), core.keys.mac("attempts", "locks")
    if attempts.count(db, locks, now, _WAIT, attempts.LOCKS_MEMORY) == attempts.FAILURES_MAX:
        _alert(db, core, "many_locks", {}, channel)


def _record(
    db: Connection, core: Core, event: str, user_id: str | None, why: str, channel: str
) -> None:
    """A sign-in that failed; one for an emergency is alerted each time."""
    append_system(db, core, None, event, {"user_id": user_id, "why": why}, channel=channel)
    if event == _EMERGENCY_FAILED:
        told = {"user_id": Digits(user_id) if user_id else Message("word.unknown")}
        notice = Notice(Message(f"sms.{event}", told), roles=_LOOKED_AFTER_BY)
        enqueue(db, core, notice, None, None)


def _alert(db: Connection, core: Core, event: str, facts: dict[str, str], channel: str) -> None:
    """On record, and an urgent message to those who look after accounts (21 CFR 11.300(d))."""
    append_system(db, core, None, event, facts, channel=channel)
    told = {name: Digits(value) for name, value in facts.items()}
    notice = Notice(Message(f"sms.{event}", told), roles=_LOOKED_AFTER_BY)
    enqueue(db, core, notice, None, None)
