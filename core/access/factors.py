"""The second factor of the web: a code of an app (TOTP, RFC 6238) or a passkey (WebAuthn).

It is the person's own choice, and then it is asked at each sign-in on the web. Its failures are
counted on their own: a right PIN or password in between forgives none of them.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import Connection, delete, insert, select, update

from core.access import attempts
from core.db.factors import half_signed_in, passkey, totp
from core.errors import InvalidInput, LockedOut, NotAuthenticated, NotFound
from core.ledger.append import append_system
from core.messages import Digits, Message
from core.outbox import enqueue
from core.sealed import Keys, Sealed
from core.transaction import Channel, Notice

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.runtime import Core

APP: Final = "totp"
PASSKEY: Final = "passkey"
STEP_SECONDS: Final = 30
CODE_DIGITS: Final = 6
_KEY_BYTES: Final = 20  # as long as SHA-1's output, RFC 4226 section 4
_STEPS_OFF: Final = 1  # a clock half a minute slow or fast
_LOCK: Final = dt.timedelta(minutes=attempts.LOCK_MINUTES)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner sees it."""

    credential: str
    name: str
    added_at: dt.datetime
    used_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person is asked for beside PIN or password."""

    app_since: dt.datetime | None
    passkeys: tuple[Passkey, ...]

    def __bool__(self) -> bool:
        return self.app_since is not None or bool(self.passkeys)


@dataclass(frozen=True, slots=True)
class AppKey:
    """The key to put into an app: to type, and as the address in the square code."""

    text: str
    address: str


def factors_of(db: Connection, user_id: str) -> Factors:
    """The second factors in use."""
    since = db.scalar(select(totp.c.confirmed_at).where(totp.c.user_id == user_id))
    columns = (passkey.c.credential, passkey.c.name, passkey.c.added_at, passkey.c.used_at)
    mine = select(*columns).where(passkey.c.user_id == user_id).order_by(passkey.c.added_at)
    return Factors(since, tuple(Passkey(*row) for row in db.execute(mine)))


def begin_app(core: Core, actor: Actor) -> AppKey:
    """The key for an app, which is in use once a code of it was typed (`confirm_app`). The same
    one until then. Raises NotFound where an app is in use."""
    with core.writing() as db:
        mine = totp.c.user_id == actor.user_id
        row = db.execute(select(totp).where(mine)).one_or_none()
        if row is not None and row.confirmed_at is not None:
            raise NotFound
        if row is None:
            key = core.entropy.bytes(_KEY_BYTES)
            sealed = core.keys.seal(app_about(actor.user_id), key.hex()).token
            db.execute(insert(totp), {"user_id": actor.user_id, "secret": sealed, "last_step": 0})
        else:
            key = _key(core.keys, actor.user_id, row.secret)
    text = base64.b32encode(key).decode()
    query = urlencode({"secret": text, "issuer": "IxRS"})
    return AppKey(text, f"otpauth://totp/IxRS:{quote(actor.user_id)}?{query}")


def confirm_app(core: Core, actor: Actor, code: str) -> None:
    """The app is in use from now on: its code is right. Raises InvalidInput("code"), NotFound."""
    now = core.now()
    with core.writing() as db:
        row = _app(db, actor.user_id)
        if row is None or row.confirmed_at is not None:
            raise NotFound
        step = _step_of(_key(core.keys, actor.user_id, row.secret), code, row.last_step, now)
        if step is None:
            raise InvalidInput("code", Message("error.factor_code"))
        mine = update(totp).where(totp.c.user_id == actor.user_id)
        db.execute(mine.values(confirmed_at=now, last_step=step))
        tell(db, core, "factor_added", actor.user_id, APP)


def remove_app(core: Core, actor: Actor) -> None:
    """The owner takes the app out of use. Raises NotFound."""
    with core.writing() as db:
        gone = db.execute(delete(totp).where(totp.c.user_id == actor.user_id))
        if gone.rowcount != 1:
            raise NotFound
        tell(db, core, "factor_removed", actor.user_id, APP)


def remove_passkey(core: Core, actor: Actor, credential: str) -> None:
    """The owner takes a passkey out of use. Raises NotFound, for another's too."""
    mine = (passkey.c.user_id == actor.user_id) & (passkey.c.credential == credential)
    with core.writing() as db:
        if db.execute(delete(passkey).where(mine)).rowcount != 1:
            raise NotFound
        tell(db, core, "factor_removed", actor.user_id, PASSKEY)


def forget_all(db: Connection, user_id: str) -> tuple[str, ...]:
    """Take every second factor of a person away. Returns the kinds there were."""
    found = []
    for kind, table in ((APP, totp), (PASSKEY, passkey)):
        if db.execute(delete(table).where(table.c.user_id == user_id)).rowcount:
            found.append(kind)
    db.execute(delete(half_signed_in).where(half_signed_in.c.user_id == user_id))
    return tuple(found)


def prove_app(core: Core, user_id: str, code: str) -> None:
    """The code is of this person's app, and was not used. Raises NotAuthenticated, LockedOut."""
    now = core.now()
    claim(core, user_id)
    with core.writing() as db:
        row = _app(db, user_id)
        step = None
        if row is not None and row.confirmed_at is not None:
            step = _step_of(_key(core.keys, user_id, row.secret), code, row.last_step, now)
        if step is not None:
            db.execute(update(totp).where(totp.c.user_id == user_id).values(last_step=step))
            forgive(db, core, user_id)
            return
    fail(core, user_id, APP)


def claim(core: Core, user_id: str) -> None:
    """Count a try at a second factor as a failure until it proves right, as `sign_in` does with
    secrets. Raises LockedOut."""
    now, token = core.now(), _token(core.keys, user_id)
    with core.writing() as db:
        if attempts.locked_until(db, token, now):
            raise LockedOut
        if attempts.count(db, token, now, _LOCK) > attempts.FAILURES_MAX:
            raise LockedOut


def forgive(db: Connection, core: Core, user_id: str) -> None:
    """The second factor was right."""
    attempts.forgive(db, _token(core.keys, user_id))


def fail(core: Core, user_id: str, kind: str) -> NoReturn:
    """Put a wrong second factor on record. Always raises: NotAuthenticated, or LockedOut after the
    last try, with an alert: whoever got here has the person's PIN or password."""
    facts = {"user_id": user_id, "of": kind}
    with core.writing() as db:
        append_system(db, core, None, "factor_failed", facts, channel=Channel.WEB)
        locked = attempts.locked_until(db, _token(core.keys, user_id), core.now())
        if locked:
            append_system(
                db, core, None, "factor_locked", {"user_id": user_id}, channel=Channel.WEB
            )
            told = Message("sms.factor_locked", {"user_id": Digits(user_id)})
            notice = Notice(told, roles=("administrator", "helpdesk"), people=(user_id,))
            enqueue(db, core, notice, None, None)
    raise LockedOut if locked else NotAuthenticated


def tell(db: Connection, core: Core, event: str, user_id: str, kind: str) -> None:
    """A factor was added or removed: on record, and told to its owner."""
    facts = {"user_id": user_id, "of": kind}
    append_system(db, core, None, event, facts, actor=user_id, channel=Channel.WEB)
    notice = Notice(Message(f"sms.{event}"), people=(user_id,), by_mail=True)
    enqueue(db, core, notice, None, None)


def _app(db: Connection, user_id: str) -> Any:
    mine = select(totp).where(totp.c.user_id == user_id)
    return db.execute(mine.with_for_update()).one_or_none()


def _step_of(key: bytes, code: str, last: int, now: dt.datetime) -> int | None:
    """The time step whose code this is: about now, and after the last one used."""
    app = TOTP(key, CODE_DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 (what apps know, RFC 6238)
    step = int(now.timestamp()) // STEP_SECONDS
    for one in range(step - _STEPS_OFF, step + _STEPS_OFF + 1):
        made = app.generate(one * STEP_SECONDS)
        if one > last and hmac.compare_digest(made, code.encode("utf-8", "replace")):
            return one
    return None


def app_about(user_id: str) -> str:
    """What the key of a person's app is bound to."""
    return f"totp|{user_id}"


def _key(keys: Keys, user_id: str, sealed: bytes) -> bytes:
    return bytes.fromhex(keys.open(Sealed(sealed, app_about(user_id))))


def _token(keys: Keys, user_id: str) -> str:
    return keys.mac("attempts", f"factor|{user_id}")
