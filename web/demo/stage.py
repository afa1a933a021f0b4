"""The stage on which the demo's history is played: the core under a clock that is set.

Every deed goes through `perform` as it would on the day it is dated; the ledger says that it was
simulated.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from core import outbox
from core.access.activation import activate
from core.access.roles import Actor, load_actor
from core.access.signin import sign
from core.calls import mark_told
from core.context import SetClock
from core.db.models import kit, receipt, shipment
from core.db.models import outbox as outbox_table
from core.errors import Refused
from core.inbound import Command, Received, answer
from core.messages import Message
from core.outbox import Status
from core.perform import perform
from core.register import find
from core.runtime import Core
from core.sealed import Sealed
from core.study.versions import UNPUBLISHED, newest_version
from core.transaction import Channel, Receipt
from web.demo.cast import ADMINISTRATOR, Hospital, Member, mobile_of, new_password, new_pin

T = TypeVar("T")
Play = Generator[dt.datetime, None, T]
"""A story: it yields the moment at which it goes on."""

DAYS: Final = 140
ACTIVATING_THREADS: Final = 2
_LEASE: Final = dt.timedelta(minutes=1)


class HistoryWrong(Exception):
    """The history did not go as it was written: a fault in the demo or in the core."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a person of the demo signs in with."""

    pin: str
    password: str


class Stage:
    """The core, its clock, and everybody's secrets. `now` is the present moment, where it ends."""

    def __init__(self, core: Core, clock: SetClock, now: dt.datetime) -> None:
        self.core, self.clock, self.now = core, clock, now
        self.secrets: dict[str, Secrets] = {}
        self._count = 0

    def activate_all(self, codes: dict[str, str], ticked: Callable[[], None]) -> None:
        """Everybody sets PIN and password with the code from the SMS; hashing takes the time."""
        made = {
            user_id: Secrets(new_pin(self.core.entropy, user_id), new_password(self.core.entropy))
            for user_id in codes
        }
        self.secrets.update(made)

        def one(user_id: str) -> None:
            mine = made[user_id]
            source = f"demo {user_id}"
            activate(self.core, codes[user_id], mine.pin, password=mine.password, source=source)
            ticked()

        with ThreadPoolExecutor(ACTIVATING_THREADS) as pool:
            list(pool.map(one, codes))

    def codes(self, members: Iterable[Member]) -> dict[str, str]:
        """The activation codes that wait in the outbox for these people."""
        query = select(outbox_table.c.user_id, outbox_table.c.secret).where(
            outbox_table.c.secret.is_not(None),
            outbox_table.c.user_id.in_([member.user_id for member in members]),
        )
        with self.core.reading() as db:
            rows = db.execute(query.order_by(outbox_table.c.id)).all()
        open_ = self.core.keys.open
        return {row.user_id: open_(Sealed(row.secret, f"outbox|{row.user_id}")) for row in rows}

    def do(self, who: str, name: str, study: str, site: str | None = None, **given: str) -> Receipt:
        """Do a transaction as this person, signed where it takes a signature."""
        transaction = find(name)
        actor = self.actor(who)
        channel = Channel.PHONE if Channel.PHONE in transaction.channels else Channel.COMMAND
        signature = None
        if transaction.signed or name in self._signed(study):
            secret = self.secrets[who].pin
            signature = sign(
                self.core, actor, secret, meaning=name, source=mobile(who), channel=channel.value
            )
        self._count += 1
        return perform(
            self.core,
            transaction,
            given,
            actor=actor,
            study=study,
            site=site,
            channel=channel,
            request_id=f"demo-{self._count}",
            signature=signature,
            also=self._heard,
        )

    def refused(
        self, code: str, who: str, name: str, study: str, site: str | None = None, **given: str
    ) -> None:
        """Do what will be refused, for this reason. Raises HistoryWrong if it isn't."""
        try:
            self.do(who, name, study, site, **given)
        except Refused as refusal:
            if refusal.code == code:
                return
            raise HistoryWrong(f"{name} was refused as {refusal.code}, not {code}") from refusal
        raise HistoryWrong(f"{name} was not refused as {code}")

    def text(self, who: str, line: str, command: Command) -> Message | None:
        """What is answered to an SMS from this person's mobile to a number of ours."""
        self._count += 1
        sid = f"SM{self._count:032x}"
        return answer(self.core, Received(sid, mobile(who), line, command)).message

    def on_shelf(self, study: str, site: str) -> list[str]:
        """The numbers of the kits at a site that may be given, in the order of the numbers."""
        query = select(kit.c.number).where(
            kit.c.study == study,
            kit.c.site == site,
            kit.c.disposition == "available",
            kit.c.custody == "at_rest",
            kit.c.quality == "none",
        )
        with self.core.reading() as db:
            return sorted(db.scalars(query))

    def ordered(self, study: str) -> list[str]:
        """The numbers of the shipments that no depot has confirmed."""
        query = select(shipment.c.number).where(
            shipment.c.study == study, shipment.c.status == "requested"
        )
        with self.core.reading() as db:
            return sorted(db.scalars(query))

    def play(self, stories: Iterable[Play[None]], ticked: Callable[[int], None]) -> None:
        """Play all stories in the order of their moments. `ticked` is told of days gone by."""
        waiting: list[tuple[dt.datetime, int, Play[None]]] = []
        for place, story in enumerate(stories):
            _wait(waiting, place, story)
        while waiting:
            moment, place, story = heapq.heappop(waiting)
            if moment > self.now:
                raise HistoryWrong(f"a story runs ahead of the present: {moment}")
            if moment > self.clock.at:
                ticked((moment.date() - self.clock.at.date()).days)
                self.clock.at = moment
            _wait(waiting, place, story)

    def drop_messages(self) -> None:
        """What the history would have sent is not sent now: nobody waits for it."""
        with self.core.writing() as db:
            for row in outbox.claim(db, self.core.now(), _LEASE, limit=100_000):
                outbox.mark_failed(db, row, "simulated", Status.SUPPRESSED)

    def _heard(self, db: Connection, result: Receipt | Refused) -> None:
        """The caller heard the end of it: nobody is told of it again at the next call."""
        if isinstance(result, Receipt):
            mark_told(db, (result.id,), self.clock.at)
            return
        mine = receipt.c.request_id == f"demo-{self._count}"
        mark_told(db, list(db.scalars(select(receipt.c.id).where(mine))), self.clock.at)

    def actor(self, user_id: str) -> Actor:
        """The person, with the roles held at the moment that the clock shows."""
        with self.core.reading() as db:
            return load_actor(db, user_id, self.core.now())

    def _signed(self, study: str) -> frozenset[str]:
        with self.core.reading() as db:
            version = newest_version(db, study) or UNPUBLISHED
            return self.core.config(db, study, version).signatures


def mobile(user_id: str) -> str:
    """The number that the person calls from; the administrator has none on record."""
    return "+12125550199" if user_id == ADMINISTRATOR else mobile_of(user_id)


def _wait(
    waiting: list[tuple[dt.datetime, int, Play[None]]], place: int, story: Play[None]
) -> None:
    moment = next(story, None)
    if moment is not None:
        heapq.heappush(waiting, (moment, place, story))


@dataclass(frozen=True)
class Place:
    """A site as its stories see it: days count from the site's own today, negative before it."""

    stage: Stage
    study: str
    site: str
    zone: ZoneInfo
    caller: str  # who calls, unless another is named
    investigator: str

    @classmethod
    def of(
        cls, stage: Stage, study: str, hospital: Hospital, caller: str, investigator: str
    ) -> Place:
        """The place of that hospital."""
        zone = ZoneInfo(hospital.zone)
        return cls(stage, study, hospital.number, zone, caller, investigator)

    @property
    def today(self) -> dt.date:
        """The present day at the site."""
        return self.stage.now.astimezone(self.zone).date()

    def at(self, day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
        """The moment of that local time."""
        on = self.today + dt.timedelta(days=day)
        return dt.datetime.combine(on, dt.time(hour, minute), self.zone).astimezone(dt.UTC)

    def ago(self, minutes: int) -> dt.datetime:
        """So many minutes before the present moment."""
        return self.stage.now - dt.timedelta(minutes=minutes)

    def local(self) -> str:
        """The date at the site at the moment that the clock shows."""
        return self.stage.clock.at.astimezone(self.zone).date().isoformat()

    def do(self, name: str, who: str = "", **given: str) -> Receipt:
        """Do a transaction at the site."""
        return self.stage.do(who or self.caller, name, self.study, self.site, **given)
