"""Tokens of the API: made and revoked by their owner, shown once, kept as a keyed digest.

A token acts as its owner, with the roles that the owner holds at that moment: who is disabled has
no working token. It signs nothing; a signature takes the secret, as everywhere.
"""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, insert, select, update

from core.access.roles import Actor, load_actor
from core.db.faces import api_token
from core.db.upsert import new_id
from core.errors import InvalidInput, NotAuthenticated, NotFound
from core.ledger.append import append_system
from core.messages import Message
from core.sealed import Keys

if TYPE_CHECKING:
    from core.runtime import Core

DAYS_MAX: Final = 365
NAME_CHARACTERS_MAX: Final = 80
_MARK: Final = "ixrs_"
_RANDOM_BYTES: Final = 32
_TEXT_CHARACTERS_MAX: Final = 100
_USE_NOTED_EVERY: Final = dt.timedelta(minutes=1)
_shown = (
    api_token.c.id,
    api_token.c.name,
    api_token.c.created_at,
    api_token.c.expires_at,
    api_token.c.used_at,
    api_token.c.revoked_at,
)


@dataclass(frozen=True, slots=True)
class Token:
    """What its owner may know of a token: all but the token itself."""

    id: int
    name: str
    created_at: dt.datetime
    expires_at: dt.datetime
    used_at: dt.datetime | None
    revoked_at: dt.datetime | None

    def is_alive(self, now: dt.datetime) -> bool:
        """Whether it opens anything, if its owner is active."""
        return self.revoked_at is None and now < self.expires_at


def make(core: Core, actor: Actor, name: str, days: int, *, channel: str) -> tuple[Token, str]:
    """A new token of this person's, and its text, which is never shown again.

    It lives for `days`, 1 to 365. Raises InvalidInput for `name` or `days`.
    """
    name = name.strip()
    if not (0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable()):
        raise InvalidInput("name", Message("error.text", {"most": NAME_CHARACTERS_MAX}))
    if not 1 <= days <= DAYS_MAX:
        raise InvalidInput("days", Message("error.number", {"low": 1, "high": DAYS_MAX}))
    now = core.now()
    random = base64.urlsafe_b64encode(core.entropy.bytes(_RANDOM_BYTES)).decode().rstrip("=")
    text, expires_at = f"{_MARK}{random}", now + dt.timedelta(days=days)
    with core.writing() as db:
        values = {"token": _digest(core.keys, text), "user_id": actor.user_id, "name": name}
        times = {"created_at": now, "expires_at": expires_at}
        made = new_id(db.execute(insert(api_token), {**values, **times}))
        facts = {"token": made, "name": name, "expires_at": expires_at.isoformat()}
        facts["digest"] = values["token"]
        append_system(db, core, None, "token_made", facts, actor=actor.user_id, channel=channel)
    return Token(made, name, now, expires_at, None, None), text


def tokens_of(db: Connection, user_id: str) -> tuple[Token, ...]:
    """All tokens of a person, revoked and expired ones too, the newest first."""
    query = select(*_shown).where(api_token.c.user_id == user_id).order_by(api_token.c.id.desc())
    return tuple(Token(*row) for row in db.execute(query))


def revoke(core: Core, actor: Actor, token_id: int, *, channel: str) -> None:
    """End a token of this person's at once. Raises NotFound for another's or a revoked one."""
    with core.writing() as db:
        ended = db.execute(
            update(api_token)
            .where(
                api_token.c.id == token_id,
                api_token.c.user_id == actor.user_id,
                api_token.c.revoked_at.is_(None),
            )
            .values(revoked_at=core.now())
        )
        if ended.rowcount != 1:
            raise NotFound
        facts = {"token": token_id}
        append_system(db, core, None, "token_revoked", facts, actor=actor.user_id, channel=channel)


def authenticate(core: Core, text: str) -> tuple[Actor, int]:
    """The owner, with the roles held now, and the token's id. Raises NotAuthenticated: unknown,
    expired or revoked, or of a person who is not active."""
    now = core.now()
    if not text.startswith(_MARK) or len(text) > _TEXT_CHARACTERS_MAX:
        raise NotAuthenticated
    mark = _digest(core.keys, text)
    with core.reading() as db:
        query = select(*_shown, api_token.c.user_id).where(api_token.c.token == mark)
        row = db.execute(query).one_or_none()
        if row is None or not Token(*row[:-1]).is_alive(now):
            raise NotAuthenticated
        try:
            actor = load_actor(db, row.user_id, now)
        except NotFound:
            raise NotAuthenticated from None
    if actor.status != "active":
        raise NotAuthenticated
    if row.used_at is None or now - row.used_at >= _USE_NOTED_EVERY:
        with core.writing() as db:
            db.execute(update(api_token).where(api_token.c.id == row.id).values(used_at=now))
    return actor, row.id


def _digest(keys: Keys, text: str) -> str:
    return keys.mac("api token", text)
