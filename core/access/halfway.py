"""Between two steps of a sign-in on the web: the second factor, or a secret that is too old.

What has been proven so far is kept in a row of its own, under a keyed digest of a token that lives
a few minutes; the session begins only after the last step, under a token of its own.
"""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Update, delete, insert, select, update

from core.access import factors, passkeys
from core.access.factors import factors_of
from core.access.renewal import renew
from core.access.roles import Actor, load_actor
from core.db.factors import half_signed_in, totp
from core.errors import LockedOut, NotAuthenticated, NotFound
from core.transaction import Channel

if TYPE_CHECKING:
    from core.runtime import Core

LIFETIME: Final = dt.timedelta(minutes=10)
SIGN_IN: Final = "sign_in"
ADD_APP: Final = "add_app"
ADD_PASSKEY: Final = "add_passkey"
_TOKEN_BYTES: Final = 32
_TOKEN_CHARACTERS_MAX: Final = 64
_TRIES_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Halfway:
    """How far somebody has come. `renews` is the secret that has to be a new one: pin, password,
    or empty; `proven`: the second factor was given, or there is none."""

    token: str
    user_id: str
    challenge: str
    renews: str
    proven: bool


def start(core: Core, actor: Actor, *, purpose: str = SIGN_IN, renews: str = "") -> str:
    """Begin the steps that are left for someone whose first factor was right. Returns the token
    for the cookie."""
    random = core.entropy.bytes(2 * _TOKEN_BYTES)
    token = base64.urlsafe_b64encode(random[:_TOKEN_BYTES]).decode().rstrip("=")
    now = core.now()
    values = {
        "token": _digest(core, token),
        "user_id": actor.user_id,
        "purpose": purpose,
        "challenge": random[_TOKEN_BYTES:].hex(),
        "renews": renews,
        "failures": 0,
        "expires_at": now + LIFETIME,
    }
    with core.writing() as db:
        proven = purpose != SIGN_IN or not factors_of(db, actor.user_id)
        db.execute(delete(half_signed_in).where(half_signed_in.c.expires_at <= now))
        if purpose == ADD_APP:  # a key that somebody may have seen before is never put into use
            unused = (totp.c.user_id == actor.user_id) & totp.c.confirmed_at.is_(None)
            db.execute(delete(totp).where(unused))
        db.execute(insert(half_signed_in), {**values, "proven": proven})
    return token


def is_needed(core: Core, actor: Actor) -> bool:
    """Whether the person has a second factor."""
    with core.reading() as db:
        return bool(factors_of(db, actor.user_id))


def find(db: Connection, core: Core, token: str, *, purpose: str = SIGN_IN) -> Halfway:
    """Who has come how far with this token. Raises NotFound once it has run out."""
    if not 0 < len(token) <= _TOKEN_CHARACTERS_MAX:
        raise NotFound
    row = db.execute(
        select(half_signed_in).where(
            half_signed_in.c.token == _digest(core, token),
            half_signed_in.c.purpose == purpose,
            half_signed_in.c.expires_at > core.now(),
        )
    ).one_or_none()
    if row is None or row.failures >= _TRIES_MAX:
        raise NotFound
    return Halfway(row.token, row.user_id, row.challenge, row.renews, row.proven)


def prove_app(core: Core, half: Halfway, code: str) -> None:
    """The second factor by a code of the app. Raises NotAuthenticated, LockedOut."""
    try:
        factors.prove_app(core, half.user_id, code)
    except (NotAuthenticated, LockedOut):
        _count(core, half)
        raise
    _proven(core, half)


def prove_passkey(core: Core, half: Halfway, answer: str) -> None:
    """The second factor by a passkey; `answer` is what the browser made of the challenge, JSON.
    Raises NotAuthenticated, LockedOut."""
    try:
        passkeys.prove(core, half.user_id, half.challenge, answer)
    except (NotAuthenticated, LockedOut):
        _count(core, half)
        raise
    _proven(core, half)


def choose_anew(core: Core, half: Halfway, new: str) -> None:
    """The secret that takes the place of the one too old. Raises as `renewal.renew` does, and
    NotFound before the second factor was given."""
    if not half.proven or not half.renews:
        raise NotFound
    renew(core, half.user_id, new, channel=Channel.WEB)
    with core.writing() as db:
        db.execute(_mine(half).values(renews=""))


def complete(core: Core, half: Halfway) -> Actor:
    """All steps are done: the person, once. Raises NotFound where one is left."""
    done = delete(half_signed_in).where(
        half_signed_in.c.token == half.token,
        half_signed_in.c.proven.is_(True),
        half_signed_in.c.renews == "",
    )
    with core.writing() as db:
        if db.execute(done).rowcount != 1:
            raise NotFound
        return load_actor(db, half.user_id, core.now())


def forget(core: Core, half: Halfway) -> None:
    """What was begun is over: the token opens nothing any more."""
    with core.writing() as db:
        db.execute(delete(half_signed_in).where(half_signed_in.c.token == half.token))


def _proven(core: Core, half: Halfway) -> None:
    with core.writing() as db:
        db.execute(_mine(half).values(proven=True))


def _count(core: Core, half: Halfway) -> None:
    with core.writing() as db:
        db.execute(_mine(half).values(failures=half_signed_in.c.failures + 1))


def _mine(half: Halfway) -> Update:
    return update(half_signed_in).where(half_signed_in.c.token == half.token)


def _digest(core: Core, token: str) -> str:
    return core.keys.mac("half signed in", token)
