"""SMS that come in: a hand-over confirmed, a confirmation asked for again, anything else.

The sender's number only says whose mobile it could be; it proves nothing. So GIVEN is recorded as
unsigned and releases nothing, RESEND goes to the registered mobile of whoever did the deed, and
what one may not see answers as if it did not exist.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select, update

from core.access.contacts import mobile_token, people_at
from core.access.roles import Actor, Permission, load_actor
from core.db.faces import sms_inbound
from core.db.models import kit, receipt, subject, telephone, throttle
from core.db.upsert import insert_missing
from core.errors import InvalidInput, IxrsError, KitNotUsable, Refused, Unavailable, WrongCarton
from core.messages import Digits, Message, Param, message_from_json, to_json
from core.outbox import enqueue
from core.perform import perform, refuse
from core.receipts import receipt_of
from core.sms import marked, repeated
from core.study.versions import latest_config
from core.supply.handover import GIVING, HAND_OVER, wrong_carton
from core.transaction import Channel, Notice, Receipt

if TYPE_CHECKING:
    from core.runtime import Core

WORDS: Final = {"given": "sms.word.given", "resend": "sms.word.resend"}
"""Commands, and the ids of their words in the catalogues."""
UNAVAILABLE: Final = Message("sms.unavailable")
"""For when `answer` raises: nothing was recorded, and the sender may try again."""
HOUR: Final = dt.timedelta(hours=1)
HELPS_MAX: Final = 1  # an hour
RESENDS_MAX: Final = 3  # an hour


@dataclass(frozen=True, slots=True)
class Command:
    """What a text asks for: `word` is given, resend or other."""

    word: str
    confirmation: str = ""
    cartons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came in: the provider's id, who sent it (E.164 mostly), to which number."""

    sid: str
    sender: str
    line: str
    command: Command


@dataclass(frozen=True, slots=True)
class Reply:
    """What is told, and in which language; no message: nothing."""

    message: Message | None
    language: str


def answer(core: Core, received: Received) -> Reply:
    """Do what the message asks, once, and say what to tell the sender. Raises Unavailable.

    The same message again gets the same reply, and nothing is done twice.
    """
    with core.reading() as db:
        known = _stored(db, received.sid)
        if known is not None:
            return known
        now = core.now()
        ids = people_at(db, mobile_token(core.keys, received.sender))
        people = tuple(load_actor(db, user_id, now) for user_id in ids)
        language = people[0].language if people else _language_of(db, core, received.line)
    inbox = _Inbox(core, received, people, language)
    match received.command.word if people else "other":
        case "given":
            return inbox.given()
        case "resend":
            return inbox.resend()
    return inbox.help()


def _stored(db: Connection, sid: str) -> Reply | None:
    row = db.execute(select(sms_inbound.c.reply).where(sms_inbound.c.sid == sid)).one_or_none()
    if row is None:
        return None
    if row.reply is None:
        return Reply(None, "")
    kept = json.loads(row.reply)
    return Reply(message_from_json(kept["text"]), kept["language"])


def _language_of(db: Connection, core: Core, line: str) -> str:
    """The first language of the study that the number belongs to."""
    code = db.scalar(select(telephone.c.study).where(telephone.c.number == line))
    return latest_config(db, core, code).languages[0] if code else ""


class _Inbox:
    """One message that has not been dealt with, from one of `people` (none: a stranger)."""

    def __init__(
        self, core: Core, received: Received, people: tuple[Actor, ...], language: str
    ) -> None:
        self.core, self.received, self.people = core, received, people
        self.language = language
        self.sender = core.keys.mac("sms_sender", received.sender)

    # -- replies, each stored with what was done

    def help(self) -> Reply:
        """A short help, at most once an hour; then nothing."""

        def make(db: Connection) -> Message | None:
            count = _count(db, f"sms_help|{self.sender}", self.core)
            return Message("sms.help") if count <= HELPS_MAX else None

        return self._say(make, "other")

    def _say(self, make: Callable[[Connection], Message | None], word: str) -> Reply:
        with self.core.writing() as db:
            return self._once(db, make, word)

    def _once(
        self,
        db: Connection,
        make: Callable[[Connection], Message | None],
        word: str,
        receipt_id: int | None = None,
    ) -> Reply:
        """Keep the message and make its reply, unless the same message was faster."""
        sid = self.received.sid
        row = {
            "sid": sid,
            "sender": self.sender,
            "word": word,
            "reply": None,
            "receipt_id": receipt_id,
            "at": self.core.now(),
        }
        if insert_missing(db, sms_inbound, row).rowcount == 0:
            return _stored(db, sid) or Reply(None, self.language)
        message = make(db)
        if message is not None:
            kept = json.dumps({"text": to_json(message), "language": self.language})
            db.execute(update(sms_inbound).where(sms_inbound.c.sid == sid).values(reply=kept))
        return Reply(message, self.language)

    # -- RESEND

    def resend(self) -> Reply:
        """Queue the confirmation of one's own deed again, to one's registered mobile."""
        return self._say(self._resent, "resend")

    def _resent(self, db: Connection) -> Message | None:
        count = _count(db, f"sms_resend|{self.sender}", self.core)
        if count > RESENDS_MAX:
            return Message("sms.resend_limit") if count == RESENDS_MAX + 1 else None
        row = db.execute(
            select(receipt).where(
                receipt.c.confirmation == self.received.command.confirmation,
                receipt.c.actor.in_([one.user_id for one in self.people]),
            )
        ).one_or_none()
        done = receipt_of(row) if row is not None else None
        if row is None or not isinstance(done, Receipt) or not self._sees(row):
            return Message("sms.confirmation_unknown")
        notice = Notice(repeated(done), people=(row.actor,))
        enqueue(db, self.core, notice, row.study, row.site)
        return None

    def _sees(self, row: Any) -> bool:
        """Whether the person still works where the deed was done."""
        actor = next(one for one in self.people if one.user_id == row.actor)
        if row.site is None:
            return actor.sees_study(row.study)
        return actor.sees_site(row.study, row.site)

    # -- GIVEN

    def given(self) -> Reply:
        """Confirm the hand-over of the kits of a confirmation number, as the phone would."""
        with self.core.reading() as db:
            deed = _giving(db, self.received.command.confirmation)
        seeing = [one for one in self.people if deed and one.sees_site(deed.study, deed.site)]
        if deed is None or not seeing:
            return self._say(lambda db: Message("sms.confirmation_unknown"), "given")
        able = [one for one in seeing if one.may(Permission.DRUG, deed.study, deed.site)]
        chosen = able or seeing
        if len(chosen) > 1:  # a mobile that several people share: nobody guesses whose deed it is
            return self.help()
        return _HandOver(self, deed, chosen[0]).do()


class _HandOver:
    """One GIVEN by one person: done, refused or not understood, and what is told about it."""

    def __init__(self, inbox: _Inbox, deed: _Giving, actor: Actor) -> None:
        self._inbox, self._deed, self._actor = inbox, deed, actor
        inbox.language = actor.language
        command = inbox.received.command
        self._cartons = command.cartons
        self._given = {"subject": deed.subject, "confirmation": command.confirmation}
        self._given |= {f"carton_{n}": four for n, four in enumerate(command.cartons, start=1)}
        self._replies: list[Reply] = []
        self._request: dict[str, Any] = {
            "actor": actor,
            "study": deed.study,
            "site": deed.site,
            "channel": Channel.SMS,
            "request_id": inbox.received.sid,
            "also": self._also,
        }

    def do(self) -> Reply:
        core = self._inbox.core
        try:
            perform(core, HAND_OVER, self._given, **self._request)
        except InvalidInput as wrong:
            return self._miscounted(wrong)
        except Unavailable:
            raise
        except IxrsError:
            pass
        return self._told()

    def _told(self) -> Reply:
        if self._replies:
            return self._replies[-1]
        return self._inbox._say(lambda db: self._marked(db, Message("sms.given_refused")), "given")

    def _also(self, db: Connection, result: Receipt | Refused) -> None:
        """The reply is written in the deed's own database transaction."""
        receipt_id = result.id if isinstance(result, Receipt) else None
        reply = self._inbox._once(
            db, lambda db: self._marked(db, self._words(db, result)), "given", receipt_id
        )
        self._replies.append(reply)

    def _marked(self, db: Connection, message: Message) -> Message:
        now = self._inbox.core.now()
        return marked(db, message, self._deed.study, self._actor.user_id, now)

    def _words(self, db: Connection, result: Receipt | Refused) -> Message:
        subject_ = Digits(self._deed.subject)
        match result:
            case Receipt():
                params: dict[str, Param] = {
                    "subject": subject_,
                    "count": len(result.facts["kits"]),
                    "confirmation": Digits(result.confirmation),
                }
                return Message("sms.given", params)
            case WrongCarton():
                return Message("sms.do_not_give", {"subject": subject_})
            case KitNotUsable():
                confirmed = any(row.confirmed_at is not None for row in self._kits(db))
                id_ = "sms.given_already" if confirmed else "sms.given_nothing"
                return Message(id_, {"subject": subject_})
        return Message("sms.given_refused")

    def _kits(self, db: Connection) -> list[Any]:
        """The kits of the confirmation number that the subject still has."""
        query = select(kit.c.number, kit.c.confirmed_at).where(
            kit.c.study == self._deed.study,
            kit.c.number.in_(self._deed.kits),
            kit.c.subject_id == self._deed.subject_id,
            kit.c.disposition == "dispensed",
        )
        return list(db.execute(query))

    def _miscounted(self, wrong: InvalidInput) -> Reply:
        """Too few cartons of the right ones: all are asked for. Any other number is a mismatch."""
        if not wrong.field.startswith("carton_"):
            return self._inbox._say(lambda db: Message("sms.confirmation_unknown"), "given")
        with self._inbox.core.reading() as db:
            ends = Counter(row.number[-4:] for row in self._kits(db) if row.confirmed_at is None)
        if Counter(self._cartons) < ends:
            incomplete = Message(
                "sms.given_incomplete",
                {"subject": Digits(self._deed.subject), "count": ends.total()},
            )
            return self._inbox._say(lambda db: self._marked(db, incomplete), "given")
        refused = wrong_carton(self._deed.subject, self._deed.site)
        with contextlib.suppress(Refused):
            refuse(self._inbox.core, HAND_OVER, self._given, refused, **self._request)
        return self._told()


@dataclass(frozen=True, slots=True)
class _Giving:
    """A deed that assigned kits, and the site at which its subject is now."""

    study: str
    site: str
    subject: str
    subject_id: int
    kits: tuple[str, ...]


def _giving(db: Connection, confirmation: str) -> _Giving | None:
    row = db.execute(
        select(receipt.c.study, receipt.c.subject, receipt.c.result, subject.c.site, subject.c.id)
        .join(
            subject,
            (subject.c.study == receipt.c.study) & (subject.c.number == receipt.c.subject),
        )
        .where(
            receipt.c.confirmation == confirmation,
            receipt.c.outcome == "done",
            receipt.c.transaction.in_(GIVING),
        )
    ).one_or_none()
    if row is None:
        return None
    kits = json.loads(row.result)["facts"]["kits"]
    return _Giving(row.study, row.site, row.subject, row.id, tuple(kits))


def _count(db: Connection, what: str, core: Core) -> int:
    """Count one more of this within the hour that began with the first."""
    now, token = core.now(), core.keys.mac("sms_limit", what)
    fresh = {"token": token, "failures": 0, "until": now + HOUR, "at": now}
    insert_missing(db, throttle, fresh)
    row = db.execute(
        select(throttle.c.failures, throttle.c.until)
        .where(throttle.c.token == token)
        .with_for_update()
    ).one()
    over = row.until <= now
    count = 1 if over else int(row.failures) + 1
    until = now + HOUR if over else row.until
    db.execute(
        update(throttle)
        .where(throttle.c.token == token)
        .values(failures=count, until=until, at=now)
    )
    return count
