"""A small world in a fresh database: four studies, their sites, stock and the named cast.

Ada coordinates site 101, Ivy investigates there, Pat is its pharmacist and Bo the unblinded one;
Cy monitors 101 and 102, Di coordinates 102 and Dan investigates there. Mia manages, Sam supplies,
Quinn releases, Hal is the helpdesk; user 1 is the administrator. Di and Dan work in `combi` only.
Everything is made by real transactions, at 10:00 in New York on Friday 20 November 2026.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterable
from typing import Any, Final

import pytest
from sqlalchemy import Column, Table, select, text

from core.access.activation import activate, issue_code
from core.access.administer import set_up
from core.access.roles import Actor, load_actor
from core.codes import damm
from core.context import Entropy, SeededEntropy, SetClock
from core.db.engine import make_engine
from core.db.models import Base
from core.errors import InvalidInput, Refused
from core.ledger.append import about
from core.perform import perform
from core.receipts import Also
from core.register import find
from core.runtime import Core
from core.sealed import Keys, Sealed
from core.settings import Settings
from core.transaction import Channel, Receipt, Signature
from tests.support.studies import STUDIES

Given = dict[str, Any]
"""Answers by question name, to be written out with ** beside other arguments."""
NOW: Final = dt.datetime(2026, 11, 20, 15, tzinfo=dt.UTC)
TODAY: Final = "2026-11-20"
PIN: Final = "271828"
OTHER_PIN: Final = "314159"
SECRET: Final = "k" * 40
ENCRYPTION: Final = b"e" * 32
PEOPLE: Final = {
    "Admin": "1",
    "Mia": "2",
    "Sam": "3",
    "Quinn": "4",
    "Tess": "5",
    "Ada": "11",
    "Ivy": "12",
    "Bo": "13",
    "Cy": "14",
    "Di": "15",
    "Dan": "16",
    "Pat": "17",
    "Hal": "18",
    "Dee": "19",
    "Opal": "35",
    "Saf": "37",
}
LATER: Final = ("Tess", "Dee", "Opal", "Saf")
"""Who joins in the tests that need them: Tess is the statistician, Dee works at a depot, Opal is an
emergency operator, Saf of safety."""
HOMES: Final = {"Di": "102", "Dan": "102"}
STAFF = (
    ("Mia", "study_manager", ""),
    ("Sam", "supply_manager", ""),
    ("Quinn", "quality", ""),
    ("Hal", "helpdesk", ""),
)
SITE_STAFF = (
    ("Ada", "coordinator", "101"),
    ("Ivy", "investigator", "101"),
    ("Pat", "pharmacist", "101"),
    ("Bo", "unblinded_pharmacist", "101"),
    ("Cy", "monitor", "101 102"),
)
_ELSEWHERE = (("Di", "coordinator", "102"), ("Dan", "investigator", "102"))
SITES: Final = """number,name,country,timezone,language,phone,depot
101,Boston,US,America/New_York,en,+12025550110,{depot}
102,Madrid,ES,Europe/Madrid,en,,{depot}
103,Auckland,NZ,Pacific/Auckland,en,,{depot}
"""
KITS_EACH: Final = 8


def settings(url: str) -> Settings:
    """The settings of every world: its keys are no secret."""
    return Settings(database_url=url, secret_key=SECRET, encryption_keys=(ENCRYPTION,))


def make_core(url: str, *, seed: bytes = b"test", at: dt.datetime = NOW, threads: int = 8) -> Core:
    """A core whose clock stands still and whose chance, nonces included, is reproducible."""
    entropy: Entropy = SeededEntropy(seed)
    keys = Keys(SECRET.encode(), (ENCRYPTION,), entropy)
    engine = make_engine(url, threads=threads)
    return Core(engine, keys, settings(url), clock=SetClock(at), entropy=entropy)


class World:
    """A database with studies in it, and hands to act there as anyone."""

    def __init__(self, core: Core, study: str = "combi", requests: str = "r") -> None:
        self.core = core
        self.study = study
        self._prefix = requests
        self._requests = itertools.count(1)

    @classmethod
    def at(cls, url: str, *, study: str = "combi", threads: int = 8) -> World:
        """The world in the database at `url`, made by `build` or copied from it."""
        return cls(make_core(url, threads=threads), study)

    def of(self, study: str) -> World:
        """The same world, seen in another study."""
        other = World(self.core, study, self._prefix)
        other._requests = self._requests
        return other

    def close(self) -> None:
        """Let go of the database."""
        self.core.engine.dispose()

    # -- time

    def set_time(self, at: dt.datetime) -> None:
        """Put the clock there."""
        clock = self.core.clock
        assert isinstance(clock, SetClock)
        clock.at = at

    def days_later(self, days: float) -> None:
        """Move the clock."""
        self.set_time(self.core.now() + dt.timedelta(days=days))

    # -- acting

    def actor(self, who: str) -> Actor:
        """One of the cast, with the roles held now."""
        with self.core.reading() as db:
            return load_actor(db, PEOPLE[who], self.core.now())

    def do(
        self,
        name: str,
        who: str,
        site: str | None = "home",
        *,
        request_id: str | None = None,
        signed: bool = True,
        channel: Channel = Channel.COMMAND,
        also: Also | None = None,
        **given: str,
    ) -> Receipt:
        """Do a transaction, at the person's own site if it is one of a site."""
        transaction, actor = find(name), self.actor(who)
        if site == "home":
            site = HOMES.get(who, "101") if transaction.site else None
        return perform(
            self.core,
            transaction,
            given,
            actor=actor,
            study=self.study,
            site=site,
            channel=channel,
            request_id=request_id or f"{self._prefix}{next(self._requests)}",
            signature=self.signature(who, name) if signed else None,
            also=also,
        )

    def signature(self, who: str, meaning: str) -> Signature:
        """What `sign` gives for the right PIN, without the time that it takes."""
        return Signature(PEOPLE[who], who, meaning, self.core.now(), "PIN")

    def refused(self, code: str, name: str, who: str, *args: Any, **given: Any) -> Refused:
        """Do it and be refused with this code."""
        with pytest.raises(Refused) as caught:
            self.do(name, who, *args, **given)
        assert caught.value.code == code, caught.value.message
        return caught.value

    def wrong(self, field: str, name: str, who: str, *args: Any, **given: Any) -> InvalidInput:
        """Do it and be told that this answer is wrong, with nothing put on record."""
        before = self.dump()
        with pytest.raises(InvalidInput) as caught:
            self.do(name, who, *args, **given)
        assert caught.value.field == field, (caught.value.field, caught.value.message)
        assert self.dump() == before
        return caught.value

    # -- reading

    def rows(self, query: str, **params: Any) -> list[Any]:
        """The rows of a query; `:study` stands for the study."""
        with self.core.reading() as db:
            return list(db.execute(text(query), {"study": self.study, **params}).all())

    def one(self, query: str, **params: Any) -> Any:
        """The only value of a query."""
        ((value,),) = self.rows(query, **params)
        return value

    def subject(self, number: str | None) -> Any:
        """A row of the subject table."""
        (row,) = self.rows("SELECT * FROM subject WHERE study = :study AND number = :n", n=number)
        return row

    def kit(self, number: str) -> Any:
        """A row of the kit table."""
        (row,) = self.rows("SELECT * FROM kit WHERE study = :study AND number = :n", n=number)
        return row

    def entry(self, sequence: int) -> dict[str, Any]:
        """What the ledger says at a place of the study's chain."""
        query = "SELECT body FROM ledger WHERE study = :study AND sequence = :n"
        body: dict[str, Any] = json.loads(self.one(query, n=sequence))
        return body

    def last_entry(self) -> dict[str, Any]:
        """The newest entry of the study's chain."""
        return self.entry(self.one("SELECT max(sequence) FROM ledger WHERE study = :study"))

    def secrets(self, sequence: int) -> dict[str, list[str]]:
        """The sealed part of an entry, opened: name to salt and text."""
        query = "SELECT secret FROM ledger WHERE study = :study AND sequence = :n"
        token = bytes(self.one(query, n=sequence))
        opened = self.core.keys.open(Sealed(token, about(self.study, sequence)))
        found: dict[str, list[str]] = json.loads(opened)
        return found

    def arm(self, number: str | None) -> str:
        """The arm of a subject, opened."""
        token = bytes(self.subject(number).arm)
        return self.core.keys.open(Sealed(token, f"{self.study}|subject|{number}"))

    def kit_type(self, number: str) -> str:
        """The type of a kit, opened."""
        token = bytes(self.kit(number).kit_type)
        return self.core.keys.open(Sealed(token, f"{self.study}|kit|{number}"))

    def messages(self) -> list[tuple[str, str | None, str | None]]:
        """What was queued: message id, user ID and roles, oldest first."""
        found = self.rows("SELECT message, user_id, roles FROM outbox ORDER BY id")
        return [(json.loads(row.message)["message"], row.user_id, row.roles) for row in found]

    def dump(self, *, ids: bool = True) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table; without `ids`, without the numbers that a database gives out
        (PostgreSQL leaves gaps in them after a rollback)."""
        with self.core.reading() as db:
            return {
                table.name: sorted(
                    (tuple(row) for row in db.execute(select(*_columns(table, ids=ids)))), key=repr
                )
                for table in Base.metadata.sorted_tables
            }

    # -- what tests begin with

    def let_in(self, who: str) -> None:
        """The person keys an activation code, and has the PIN."""
        with self.core.writing() as db:
            code = issue_code(db, self.core, PEOPLE[who], send=False)
        activate(self.core, code, PIN, source="test")

    def screen(self, who: str = "Ada", **given: Any) -> str:
        """A subject in screening; returns the number."""
        answers: dict[str, Any] = {"consent_date": TODAY, **given}
        if self.study == "combi":
            answers = {"year_of_birth": "1961", "rescreened": "no", **answers}
        number = self.do("screen", who, **answers).subject
        assert number is not None
        return number

    def randomize(self, number: str | None = None, who: str = "Ivy", **given: Any) -> Receipt:
        """Randomize, a new subject where the study has screening."""
        answers: dict[str, Any] = {"consent": "yes", "eligible": "yes", "sex": "F", **given}
        if self.study == "combi":
            answers["subject"] = number or self.screen("Di" if HOMES.get(who) else "Ada")
        return self.do("randomize", who, **answers)

    def randomized(self, who: str = "Ivy", **given: Any) -> str:
        """A randomized subject; returns the number."""
        number = self.randomize(who=who, **given).subject
        assert number is not None
        return number

    def dispense(self, number: str, visit: str = "V1", who: str = "Ada") -> tuple[str, ...]:
        """Dispense at a visit; returns the kits' numbers."""
        return tuple(self.do("dispense", who, subject=number, visit=visit).facts["kits"])

    def ship(self, kits_each: int, site: str = "101", *, receive: str | None = "Ada") -> str:
        """A shipment on its way, and received unless nobody does."""
        made = self.do("create_shipment", "Sam", to_site=site, kits_each=str(kits_each))
        number = str(made.facts["shipment"])
        day = self.core.now().date().isoformat()
        self.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=day)
        if receive:
            self.receive(number, receive)
        return number

    def receive(self, number: str, who: str = "Ada", **given: Any) -> Receipt:
        """Receive a shipment, well unless said otherwise."""
        day = self.core.now().date().isoformat()
        answers: dict[str, Any] = {"received_date": day, "logger": "no_alarm"}
        answers |= {"damaged": "", "missing": "", **given}
        if answers["missing"]:
            answers = {"to_follow": "no", **answers}
        return self.do("receive", who, shipment=number, **answers)

    def release(self, lot: str) -> None:
        """Release a lot, by Sam and Quinn."""
        proposed = self.do("release_lot", "Sam", lot=lot, certificate="77")
        self.do("approve", "Quinn", proposal=str(proposed.facts["proposal"]))

    def stock(
        self,
        lots: Iterable[tuple[str, str, str]],
        each: int,
        *,
        countries: str = "US ES NZ",
        start: int = 0,
    ) -> dict[str, list[str]]:
        """Import and release lots (number, kit type, expiry) of `each` kits; numbers by lot."""
        lots = list(lots)
        rows = [f"{lot},{kind},{expiry},{countries}" for lot, kind, expiry in lots]
        header = "lot,kit_type,expiry,countries"
        self.do("import_lots", "Sam", file="\n".join([header, *rows]))
        made: dict[str, list[str]] = {}
        lines, place = ["kit_number,sequence,kit_type,lot"], start
        for lot, kind, _ in lots:
            for _ in range(each):
                place += 1
                made.setdefault(lot, []).append(kit_number(place))
                lines.append(f"{kit_number(place)},{place},{kind},{lot}")
        self.do("import_kits", "Sam", file="\n".join(lines))
        for lot, _, _ in lots:
            self.release(lot)
        return made


def _columns(table: Table, *, ids: bool) -> list[Column[Any]]:
    keys = ("id", "subject_id", "visit_id", "lot_id", "shipment_id", "receipt_id")
    return [column for column in table.c if ids or column.name not in keys]


def kit_number(place: int) -> str:
    """The number of the n-th kit: scattered, with its check digit."""
    body = f"{(place * 7_654_321 + 1_234_567) % 10_000_000:07d}"
    return body + damm(body)


def users(rows: Iterable[tuple[str, str, str]]) -> str:
    """A file for `import_users`: who, role, sites."""
    header = "user_id,name,email,mobile,role,sites,language"
    lines = [
        f"{PEOPLE[who]},{who},{who.lower()}@example.org,+120255501{PEOPLE[who]:0>2},{role},{at},en"
        for who, role, at in rows
    ]
    return "\n".join([header, *lines])


def build(url: str) -> None:
    """Make the world in a migrated, empty database."""
    world = World(make_core(url, seed=b"build"), requests="b")
    core = world.core
    _, code = set_up(core)
    activate(core, code, PIN, source="build")
    for study, source in STUDIES.items():
        here = world.of(study)
        here.do("import_users", "Admin", file=users(STAFF))
        depot = "900" if "[[depots]]" in source else ""
        here.do("publish", "Mia", file=source)
        here.do("import_sites", "Mia", file=SITES.format(depot=depot))
        staff = SITE_STAFF + (_ELSEWHERE if study == "combi" else ())
        here.do("import_users", "Admin", file=users(staff))
        for number in ("101", "102"):
            here.do("activate_site", "Mia", to_site=number, approval_date=TODAY)
    for who in PEOPLE:
        if who != "Admin" and who not in LATER:
            world.let_in(who)
    for study in ("combi", "drug"):
        here = world.of(study)
        # Left at the depot: another eight of each. No number is a kit of both studies.
        start = 0 if study == "combi" else 10_000
        lots = [("5001", "A", "2028-06"), ("5002", "B", "2028-06")]
        here.stock(lots, 3 * KITS_EACH, start=start)
        here.ship(KITS_EACH)
        if study == "combi":
            here.ship(KITS_EACH, "102", receive="Di")
    world.close()
