"""Messages to people: rows written with the deed, sent afterwards.

A row names a message id and its parameters, never a treatment; the words are made when it is
sent, in the reader's language. Who is meant by a role is found out at the same moment.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, Update, and_, bindparam, insert, or_, select, update

from core.db.faces import sms_event
from core.db.models import outbox
from core.db.prepared import Prepared
from core.messages import Digits, Message, message_from_json, to_json
from core.sealed import Sealed
from core.transaction import Notice

if TYPE_CHECKING:
    from core.runtime import Core

_COLUMNS = (
    outbox.c.study,
    outbox.c.site,
    outbox.c.user_id,
    outbox.c.roles,
    outbox.c.depot,
    outbox.c.by,
    outbox.c.message,
    outbox.c.secret,
    outbox.c.to,
    outbox.c.status,
    outbox.c.rank,
    outbox.c.attempts,
    outbox.c.due_at,
    outbox.c.created_at,
)
_insert = Prepared(insert(outbox).values({one: bindparam(one.name) for one in _COLUMNS}).inline())


SMS: Final = "sms"
MAIL: Final = "email"
LEASE: Final = dt.timedelta(minutes=5)
AGE_MAX: Final = dt.timedelta(days=3)  # as long as an activation code lives
_RETRY_SECONDS_FIRST: Final = 5
_RETRY_SECONDS_MAX: Final = 900


def enqueue(
    db: Connection,
    core: Core,
    notice: Notice,
    study: str | None,
    site: str | None,
    secret: Sealed | None = None,
) -> None:
    """Queue a notice: a row for each person named, and one for the roles; the same once more for
    who is to get it by e-mail too.

    `secret` is sealed text that stands for `{code}` in the message; it is bound to
    "outbox|<user id>" and dropped when the message is done with.
    """
    now = core.now()
    common = {
        **_fresh(notice.message, study, site, now),
        "depot": notice.depot,
        "secret": secret.token if secret else None,
    }
    rows = [{**common, "user_id": user_id} for user_id in notice.people]
    if notice.roles:
        rows.append({**common, "roles": " ".join(notice.roles)})
    if notice.by_mail and core.settings.smtp_url:
        rows += [{**row, "by": MAIL, "secret": None} for row in rows]
    for row in rows:
        _insert.run(db, row)


def enqueue_to(db: Connection, core: Core, message: Message, user_id: str, number: str) -> None:
    """Queue an SMS to a number (E.164) that is this person's no more."""
    to = core.keys.seal(number_about(user_id), number).token
    row = _fresh(message, None, None, core.now())
    _insert.run(db, {**row, "user_id": user_id, "to": to})


def number_about(user_id: str | None) -> str:
    """What a number that is a person's no more is bound to."""
    return f"outbox|{user_id}|to"


def enqueue_mail(db: Connection, core: Core, message: Message, study: str, depot: str) -> None:
    """Queue an e-mail to a depot: where it goes is looked up in the study file when it is sent."""
    row = _fresh(message, study, None, core.now())
    _insert.run(db, {**row, "by": MAIL, "depot": depot})


def _fresh(
    message: Message, study: str | None, site: str | None, now: dt.datetime
) -> dict[str, Any]:
    """What every new row has in common."""
    return {
        "study": study,
        "site": site,
        "user_id": None,
        "roles": None,
        "depot": None,
        "by": SMS,
        "message": json.dumps(to_json(message)),
        "status": Status.QUEUED,
        "rank": 0,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
        "secret": None,
        "to": None,
    }


class Status(StrEnum):
    """Where a row stands. `SENT`, `FAILED`, `SUPPRESSED`, `UNKNOWN` and `SPREAD` are final."""

    QUEUED = "queued"
    CLAIMED = "claimed"  # a worker has it, and hasn't yet spoken to the provider
    SENDING = "sending"  # it may have reached the provider: never send it again
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"  # the number has unsubscribed
    UNKNOWN = "unknown"  # no answer came: whether it was sent will be told by a callback, or not
    SPREAD = "spread"  # to roles: rows for the people who hold them took its place


# One total order, so that any order of the provider's callbacks ends in the same state.
RANKS: Final[Mapping[str, int]] = {
    "accepted": 1,
    "scheduled": 1,
    "queued": 2,
    "sending": 3,
    "sent": 4,
    "failed": 5,
    "undelivered": 6,
    "delivered": 7,
    "read": 8,
}


_SUPPRESSED: Final = "sms.suppressed"
_ALERT_AGAIN: Final = dt.timedelta(days=1)
_REPORTABLE: Final = (Status.SENDING, Status.SENT, Status.UNKNOWN)


def raised(rank: int, reported: str) -> int:
    """The rank after the provider reported a status; an unknown status changes nothing."""
    return max(rank, RANKS.get(reported, 0))


@dataclass(frozen=True, slots=True)
class NotSent:
    """It certainly wasn't sent. `again`: trying later may help."""

    error: str
    again: bool
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer, or none that tells: it may have been sent."""

    error: str


def wait_before(attempts: int) -> dt.timedelta:
    """How long to wait after so many attempts: doubled each time, up to a quarter of an hour."""
    seconds = min(_RETRY_SECONDS_FIRST * 2 ** min(attempts - 1, 10), _RETRY_SECONDS_MAX)
    return dt.timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that this worker holds until the lease ends; `attempts` is the claim's own number."""

    id: int
    study: str | None
    site: str | None
    depot: str | None
    user_id: str | None
    roles: tuple[str, ...]
    message: Message
    secret: Sealed | None
    attempts: int
    created_at: dt.datetime
    to: Sealed | None = None


_held = (outbox.c.id == bindparam("held_id")) & (outbox.c.attempts == bindparam("held_attempts"))
_begin = update(outbox).where(_held, outbox.c.status == Status.CLAIMED)
_settle = update(outbox).where(_held, outbox.c.status.in_((Status.CLAIMED, Status.SENDING)))


def claim(
    db: Connection, now: dt.datetime, lease: dt.timedelta, limit: int = 10, *, by: str = SMS
) -> list[Claimed]:
    """Take up to `limit` due rows that are sent `by` SMS or e-mail, the oldest first; commit
    before sending them.

    A row whose worker died before it began to send is due again; one that died while sending
    becomes unknown, since it may have been sent.
    """
    lapsed = outbox.c.lease_until <= now
    db.execute(
        update(outbox)
        .where(outbox.c.status == Status.SENDING, outbox.c.by == by, lapsed)
        .values(status=Status.UNKNOWN, secret=None, lease_until=None, error="worker_lost")
    )
    due = (
        select(outbox.c.id)
        .where(
            outbox.c.by == by,
            or_(
                and_(outbox.c.status == Status.QUEUED, outbox.c.due_at <= now),
                and_(outbox.c.status == Status.CLAIMED, lapsed),
            ),
        )
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)  # drops out on SQLite, where writers queue
    )
    taken = db.execute(
        update(outbox)
        .where(outbox.c.id.in_(due))
        .values(
            status=Status.CLAIMED,
            lease_until=now + lease,
            attempts=outbox.c.attempts + 1,
        )
        .returning(*outbox.c)
    ).all()
    return [_claimed(row) for row in sorted(taken, key=lambda row: row.id)]


def _claimed(row: Row[Any]) -> Claimed:
    about = f"outbox|{row.user_id}"
    return Claimed(
        id=row.id,
        study=row.study,
        site=row.site,
        depot=row.depot,
        user_id=row.user_id,
        roles=tuple((row.roles or "").split()),
        message=message_from_json(json.loads(row.message)),
        secret=Sealed(row.secret, about) if row.secret else None,
        attempts=row.attempts,
        created_at=row.created_at,
        to=Sealed(row.to, number_about(row.user_id)) if row.to else None,
    )


def begin_sending(db: Connection, row: Claimed) -> bool:
    """Note, before the provider is spoken to, that it is; False if the claim was lost meanwhile."""
    return _change(db, _begin, row, status=Status.SENDING)


def mark_sent(db: Connection, row: Claimed, provider_sid: str) -> None:
    """The provider has taken it."""
    _change(db, _settle, row, **_final(Status.SENT), provider_sid=provider_sid)


def mark_failed(db: Connection, row: Claimed, error: str, status: Status = Status.FAILED) -> None:
    """It was not and will not be sent; `error` is the provider's code or a word of ours."""
    _change(db, _settle, row, **_final(status), error=error)


def mark_unknown(db: Connection, row: Claimed, error: str) -> None:
    """No answer came: it is not sent again; a status callback may still tell."""
    _change(db, _settle, row, **_final(Status.UNKNOWN), error=error)


def retry_later(db: Connection, row: Claimed, due_at: dt.datetime, error: str) -> None:
    """It was certainly not sent: try again then."""
    values = {"status": Status.QUEUED, "due_at": due_at, "lease_until": None, "error": error}
    _change(db, _settle, row, **values)


def spread(
    db: Connection, row: Claimed, people: Sequence[str], now: dt.datetime, *, by: str = SMS
) -> None:
    """Put a row for each of these people in the place of one that was addressed to roles."""
    if not _change(db, _settle, row, **_final(Status.SPREAD)):
        return
    common = _fresh(row.message, row.study, row.site, now)
    for user_id in people:
        _insert.run(db, {**common, "user_id": user_id, "by": by})


def reported(
    db: Connection, id_: int, provider_sid: str, status: str, at: dt.datetime, error: str | None
) -> bool:
    """Take the provider's word for a row's status: it is kept, and the rank only rises.

    A message that was being sent, or whose fate was unknown, was sent: so any order of reports
    and of our own work ends in the same state. False for a row that isn't there, that was never
    sent, or that was sent as another message.
    """
    row = db.execute(
        select(outbox.c.rank, outbox.c.status, outbox.c.provider_sid)
        .where(outbox.c.id == id_)
        .with_for_update()
    ).one_or_none()
    if row is None or row.status not in _REPORTABLE or row.provider_sid not in (None, provider_sid):
        return False
    event = {"outbox_id": id_, "sid": provider_sid, "status": status, "error": error, "at": at}
    db.execute(insert(sms_event).values(event))
    values: dict[str, Any] = {"rank": raised(row.rank, status), "provider_sid": provider_sid}
    if row.status != Status.SENT:
        values |= {**_final(Status.SENT), "error": None}
    db.execute(update(outbox).where(outbox.c.id == id_).values(**values))
    return True


def alert_suppressed(db: Connection, core: Core, row: Claimed) -> None:
    """Tell the site, once a day, that this person gets no messages: the number has unsubscribed.

    A message of the installation itself (a code) is told to those who help people in.
    """
    since = core.now() - _ALERT_AGAIN
    earlier = select(outbox.c.id).where(
        outbox.c.user_id == row.user_id,
        outbox.c.status == Status.SUPPRESSED,
        outbox.c.created_at > since,
        outbox.c.id != row.id,
    )
    if row.message.id == _SUPPRESSED or row.user_id is None or db.scalar(earlier.limit(1)):
        return
    roles = ("coordinator", "investigator") if row.site else ("helpdesk", "administrator")
    notice = Notice(Message(_SUPPRESSED, {"user_id": Digits(row.user_id)}), roles=roles)
    enqueue(db, core, notice, row.study, row.site)


def _final(status: Status) -> dict[str, Any]:
    return {"status": status, "secret": None, "to": None, "lease_until": None}


def _change(db: Connection, statement: Update, row: Claimed, **values: Any) -> bool:
    """Change the row if this claim still holds it: a slow worker must not undo another's work."""
    held = {"held_id": row.id, "held_attempts": row.attempts}
    return db.execute(statement.values(**values), held).rowcount == 1
