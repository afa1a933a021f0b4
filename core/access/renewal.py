"""A PIN or password that is too old: a new one is chosen at the sign-in, before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from core.access.roles import Actor, load_actor
from core.access.secrets import hash_secret, is_secret, password_problem, pin_problem
from core.access.sessions import end_all
from core.access.signin import is_aged, is_pin
from core.db.models import person
from core.errors import InvalidInput, NotAuthenticated
from core.ledger.append import append_system
from core.messages import Message
from core.outbox import enqueue
from core.transaction import Channel, Notice

if TYPE_CHECKING:
    from core.runtime import Core

_EVENT: Final = "secret_renewed"


def renewal_problem(core: Core, user_id: str, old: str | None, new: str) -> Message | None:
    """What is wrong with a new PIN (six digits) or password, or nothing; `old` is the hash of the
    one that it takes the place of."""
    problem = pin_problem(new, user_id) if is_pin(new) else password_problem(new, user_id)
    if problem is None and is_secret(core.keys, old, user_id, new):
        return Message("error.secret_same")
    return problem


def new_pin_problem(core: Core, user_id: str, pin: str) -> Message | None:
    """What is wrong with a PIN that this person wants from now on: its form, or that it is the
    one there was."""
    if problem := pin_problem(pin, user_id):
        return problem
    with core.reading() as db:
        old = db.scalar(select(person.c.pin_hash).where(person.c.user_id == user_id))
    return renewal_problem(core, user_id, old, pin)


def renew(core: Core, user_id: str, new: str, *, channel: str = Channel.PHONE) -> Actor:
    """The new PIN (six digits) or password of someone whose old one was right just now and too
    old (`SecretAged`); the person has signed in with it.

    Raises InvalidInput("new_secret") for one that is too easy or the same as before, and
    NotAuthenticated where the old one is not too old, or the person may not sign in any more.
    """
    with core.reading() as db:
        kept = db.execute(select(person).where(person.c.user_id == user_id)).one_or_none()
    if kept is None or kept.status != "active" or not is_aged(core, kept, new):
        raise NotAuthenticated
    of_pin = is_pin(new)
    old = kept.pin_hash if of_pin else kept.password_hash
    if problem := renewal_problem(core, user_id, old, new):
        raise InvalidInput("new_secret", problem)
    now, hashed = core.now(), hash_secret(core.keys, user_id, new)
    values: dict[str, Any] = {"password_hash": hashed, "password_set_at": now}
    if of_pin:
        values = {"pin_hash": hashed, "pin_set_at": now}
    column = person.c.pin_hash if of_pin else person.c.password_hash
    with core.writing() as db:
        # Only in place of the one looked at: a code that was used meanwhile has gone before.
        mine = (person.c.user_id == user_id) & (column == old) & (person.c.status == "active")
        if db.execute(update(person).where(mine).values(**values)).rowcount != 1:
            raise NotAuthenticated
        end_all(db, user_id, now)
        facts = {"user_id": user_id, "of": "pin" if of_pin else "password"}
        append_system(db, core, None, _EVENT, facts, actor=user_id, channel=channel)
        enqueue(db, core, Notice(Message(f"sms.{_EVENT}"), people=(user_id,)), None, None)
        return load_actor(db, user_id, now)
