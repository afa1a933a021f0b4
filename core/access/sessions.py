"""Signed-in browsers: rows in the database, found by a keyed digest of the cookie's token.

A copy of the table opens nothing, a session ends on the server and not in the browser, and a
reset of PIN and password ends all that the person had.
"""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Update, delete, insert, select, update

from core.db.faces import web_draft, web_session
from core.db.factors import half_signed_in
from core.ledger.append import append_system
from core.transaction import Channel

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.runtime import Core

IDLE: Final = dt.timedelta(minutes=30)
LIFETIME: Final = dt.timedelta(hours=12)
KEPT: Final = dt.timedelta(days=30)
_SEEN_EVERY: Final = dt.timedelta(minutes=1)
_TOKEN_BYTES: Final = 32
_TOKEN_CHARACTERS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session that is open. `token` is the digest that the row is kept under."""

    token: str
    user_id: str
    study: str | None
    site: str | None
    created_at: dt.datetime
    seen_at: dt.datetime


def token_digest(core: Core, token: str) -> str:
    """What is kept of a cookie's token."""
    return core.keys.mac("web session", token)


def start(core: Core, actor: Actor, study: str | None = None, site: str | None = None) -> str:
    """Open a session for someone who has just signed in. Returns the token for the cookie."""
    raw = core.entropy.bytes(_TOKEN_BYTES)
    token = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    now = core.now()
    values = {
        "token": token_digest(core, token),
        "user_id": actor.user_id,
        "study": study,
        "site": site,
        "created_at": now,
        "seen_at": now,
    }
    with core.writing() as db:
        db.execute(insert(web_session), values)
        # The digest is on record: no row can be made to open by the cookie of somebody else.
        facts: dict[str, object] = {"user_id": actor.user_id, "session": values["token"]}
        _record(db, core, "signed_in", facts, actor.user_id, now)
    return token


def find(db: Connection, core: Core, token: str) -> WebSession | None:
    """The session of this cookie, unless it was ended or has run out."""
    if not 0 < len(token) <= _TOKEN_CHARACTERS_MAX:
        return None
    row = db.execute(
        select(web_session).where(web_session.c.token == token_digest(core, token))
    ).one_or_none()
    now = core.now()
    if row is None or row.ended_at is not None:
        return None
    if now - row.seen_at > IDLE or now - row.created_at > LIFETIME:
        return None
    return WebSession(row.token, row.user_id, row.study, row.site, row.created_at, row.seen_at)


def is_seen_late(core: Core, session: WebSession) -> bool:
    """Whether it is time to write down that the session is in use."""
    return core.now() - session.seen_at >= _SEEN_EVERY


def touch(core: Core, session: WebSession) -> None:
    """Write down that the session is in use: at most once a minute, so that reading stays cheap."""
    with core.writing() as db:
        db.execute(_open(session.token).values(seen_at=core.now()))


def choose(core: Core, token: str, study: str, site: str | None) -> None:
    """Remember the study and the site that the person works at. They are checked when used."""
    with core.writing() as db:
        db.execute(_open(token).values(study=study, site=site))


def end(core: Core, session: WebSession) -> None:
    """Sign out."""
    with core.writing() as db:
        ended = db.execute(_open(session.token).values(ended_at=core.now()))
        if ended.rowcount == 1:
            facts: dict[str, object] = {"user_id": session.user_id}
            _record(db, core, "signed_out", facts, session.user_id, core.now())


def end_all(db: Connection, user_id: str, now: dt.datetime) -> None:
    """End every session of a person whose PIN or password is another one from now on."""
    mine = (web_session.c.user_id == user_id) & web_session.c.ended_at.is_(None)
    db.execute(update(web_session).where(mine).values(ended_at=now))
    # What was begun with the old secret, too; not the step in which an aged one is replaced.
    begun = (half_signed_in.c.user_id == user_id) & (half_signed_in.c.renews == "")
    db.execute(delete(half_signed_in).where(begun))


def is_open(db: Connection, token: str) -> bool:
    """Whether the session under this digest has not been ended."""
    row = select(web_session.c.token).where(
        web_session.c.token == token, web_session.c.ended_at.is_(None)
    )
    return db.scalar(row) is not None


def sweep(core: Core) -> None:
    """Forget the sessions of a month ago, and what was filled in during them."""
    before = core.now() - KEPT
    old = select(web_session.c.token).where(web_session.c.created_at < before)
    with core.reading() as db:
        if db.scalar(old.limit(1)) is None:
            return
    with core.writing() as db:
        db.execute(delete(web_draft).where(web_draft.c.session.in_(old)))
        db.execute(delete(web_session).where(web_session.c.created_at < before))


def _open(token: str) -> Update:
    return update(web_session).where(web_session.c.token == token, web_session.c.ended_at.is_(None))


def _record(
    db: Connection, core: Core, event: str, facts: dict[str, object], user_id: str, at: dt.datetime
) -> None:
    append_system(db, core, None, event, facts, actor=user_id, channel=Channel.WEB, at=at)
