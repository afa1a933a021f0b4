"""An installation that is thrown away: its own database, clock, keys and people, one of each role.

Chance and clock are set, so that the same study file is rehearsed the same way each time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from core.access.administer import FIRST_USER, set_up
from core.access.roles import ROLES, Actor, load_actor
from core.codes import checked_number
from core.context import SeededEntropy, SetClock
from core.db.drawing import response
from core.db.engine import make_engine
from core.db.migrate import upgrade
from core.db.models import kit, ledger, subject
from core.errors import InvalidInput, IxrsError
from core.facts import Facts
from core.interview import Ask, Complete, advance
from core.messages import Message
from core.perform import perform
from core.register import find
from core.runtime import Core
from core.sealed import Keys, Sealed
from core.settings import Settings
from core.study.schema import StudyConfig, Visit
from core.subjects.phases import arm_now
from core.subjects.schedule import next_visit
from core.supply.handover import waiting
from core.transaction import Channel, Kind, Question, Receipt, Signature, Transaction
from core.validation.steps import BY_HAND, FAILED, PASSED, Part, Step

SITE: Final = "101"
OTHER_SITE: Final = "102"
BEGIN: Final = dt.date(2026, 1, 5)
_HOUR: Final = dt.time(10)
_ZONES: Final = {"US": "America/New_York", "ES": "Europe/Madrid", "GB": "Europe/London",
                 "DE": "Europe/Berlin", "FR": "Europe/Paris", "JP": "Asia/Tokyo"}  # fmt: skip
_FIRST: Final = 2001
_BIRTH_YEARS: Final = 40
Given = dict[str, Any]
Say = Callable[[Message], str]
"""Puts a message into words."""


class Unexpected(Exception):
    """A step that everything after it needs was refused: the rest cannot be rehearsed."""


@contextmanager
def bench(config: StudyConfig, source: str, say: Say) -> Iterator[Bench]:
    """A bench for this study file, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="ixrs-rehearsal-") as folder:
        url = f"sqlite:///{Path(folder) / 'rehearsal.db'}"
        upgrade(url)
        seed = hashlib.sha256(source.encode()).digest()
        settings = Settings(url, seed.hex(), (seed,))
        keys = Keys(seed.hex().encode(), (seed,), SeededEntropy(seed + b"keys"))
        clock = SetClock(_moment(BEGIN, "UTC"))
        core = Core(
            make_engine(url, threads=1), keys, settings,
            clock=clock, entropy=SeededEntropy(seed), simulated=True,
        )  # fmt: skip
        try:
            set_up(core)
            yield Bench(core, clock, config, source, say)
        finally:
            core.engine.dispose()


class Bench:
    """Hands to act as anybody of the study, noting each step in the part of the script that is
    being played."""

    def __init__(
        self, core: Core, clock: SetClock, config: StudyConfig, source: str, say: Say
    ) -> None:
        self.core, self.config, self.source = core, config, source
        self._clock, self._say = clock, say
        self.study = config.code
        self.country = _country(config)
        self.zone = _ZONES.get(self.country, "UTC")
        self.people = {role: str(_FIRST + place) for place, role in enumerate(ROLES)}
        self.people["administrator"] = FIRST_USER
        self.parts: list[Part] = []
        self._requests = 0

    # -- the script

    def begin(self, title: str, about: str) -> None:
        """The next part of the script begins."""
        self.parts.append(Part(title, about))

    def do(
        self, role: str, deed: str, expected: str, *, site: str | None = SITE,
        shown: str = "", **given: str,
    ) -> Receipt:  # fmt: skip
        """A step that must succeed; `shown` stands in the script for a file. Raises Unexpected, the
        step noted as failed, if it does not."""
        transaction = find(deed)
        at = site if transaction.site else None
        complete = dict(given)
        try:
            complete = self.complete(role, transaction, at, given)
            done = self._perform(role, transaction, at, complete)
        except IxrsError as error:
            seen = self._why(error)
            self.note(role, deed, _told(complete, shown), expected, seen, ended=FAILED)
            raise Unexpected(f"{deed}: {seen}") from error
        named = f", subject {done.subject}" if done.subject else ""
        kits = done.facts.get("kits")
        listed = f", kits {', '.join(kits)}" if isinstance(kits, list) and done.subject else ""
        seen = f"confirmation {done.confirmation}{named}{listed}"
        self.note(role, deed, _told(complete, shown), expected, seen)
        return done

    def refused(
        self, role: str, deed: str, code: str, why: str, *, site: str | None = SITE, **given: str
    ) -> None:
        """A step that must be refused with this code; `why` in words."""
        transaction = find(deed)
        at = site if transaction.site else None
        complete = dict(given)
        try:
            complete = self.complete(role, transaction, at, given)
            self._perform(role, transaction, at, complete)
            seen = "done"
        except IxrsError as error:
            seen = error.code
        expected = f"Refused: {why} ({code})"
        self.note(role, deed, complete, expected, seen, ended=PASSED if seen == code else FAILED)

    def check(self, what: str, expected: str, seen: str, *, passed: bool) -> None:
        """A step that looks at something."""
        self.note("", what, {}, expected, seen, ended=PASSED if passed else FAILED)

    def by_hand(self, role: str, deed: str, expected: str, why: str) -> None:
        """A step that cannot be rehearsed here."""
        self.note(role, deed, {}, expected, why, ended=BY_HAND)

    def note(
        self, role: str, deed: str, answers: Mapping[str, str], expected: str, seen: str,
        *, ended: str = PASSED,
    ) -> None:  # fmt: skip
        """Write the step down."""
        part = self.parts[-1]
        number = f"{len(self.parts)}.{len(part.steps) + 1}"
        told = tuple((name, value) for name, value in answers.items() if value)
        part.steps.append(Step(number, role, deed, told, expected, seen, ended))

    # -- acting

    def actor(self, role: str) -> Actor:
        """The person of that role."""
        user = self.people[role]
        with self.core.reading() as db:
            return load_actor(db, user, self.core.now())

    def complete(
        self, role: str, transaction: Transaction, site: str | None, given: Mapping[str, str]
    ) -> dict[str, str]:
        """The answers, with those that are not given and make no difference here."""
        answers, actor = dict(given), self.actor(role)
        while True:
            with self.core.reading() as db:
                found = advance(self.core, db, transaction, actor, self.study, site, answers)
            match found:
                case Complete():
                    return answers
                case Ask(question, choices):
                    answers[question.name] = choices[0].value if choices else self._any(question)
                case _:
                    raise InvalidInput(found.name, found.message)

    def _any(self, question: Question) -> str:
        """An answer that is in order."""
        match question.kind:
            case Kind.DATE:
                return self.today.isoformat()
            case Kind.YES_NO:
                return "no" if question.name in ("rescreened", "to_follow") else "yes"
            case Kind.YEAR:
                return str(self.today.year - _BIRTH_YEARS)
            case Kind.PERSON:
                return self.people["investigator"]
            case Kind.NUMBER | Kind.DECIMAL:
                return str(question.low or 0)
            case Kind.TEXT:
                return "acceptance test"
            case _:
                return ""

    def _why(self, error: IxrsError) -> str:
        """What was said instead."""
        problems = error.message.params.get("problems", ())
        listed = problems if isinstance(problems, tuple) else ()
        each = [one for one in (error.message, *listed) if isinstance(one, Message)]
        return f"{error.code}: {' '.join(self._say(one) for one in each)}"

    def _perform(
        self, role: str, transaction: Transaction, site: str | None, given: Given
    ) -> Receipt:
        actor = self.actor(role)
        self._requests += 1
        signed = transaction.signed or transaction.name in self.config.signatures
        mark = Signature(actor.user_id, actor.name, transaction.name, self.core.now(), "PIN")
        return perform(
            self.core, transaction, given, actor=actor, study=self.study, site=site,
            channel=Channel.COMMAND, request_id=str(self._requests),
            signature=mark if signed else None,
        )  # fmt: skip

    def approve(self, proposed: Receipt, expected: str) -> Receipt:
        """Another person with the right to it approves a proposal."""
        transaction = find(proposed.transaction)
        first = self.people
        by = next(
            role
            for role, held in ROLES.items()
            if transaction.signers[-1] in held and first[role] != self._who(proposed)
        )
        number = str(proposed.facts["proposal"])
        return self.do(by, "approve", expected, site=None, proposal=number)

    def _who(self, proposed: Receipt) -> str:
        query = select(ledger.c.actor).where(
            ledger.c.study == self.study, ledger.c.sequence == proposed.sequence
        )
        with self.core.reading() as db:
            return str(db.scalar(query))

    # -- time and what is on record

    @property
    def today(self) -> dt.date:
        """The day at the sites."""
        return self.core.now().astimezone(ZoneInfo(self.zone)).date()

    def go_to(self, day: dt.date) -> None:
        """Morning of that day at the sites; never backwards."""
        self._clock.at = max(self._clock.at + dt.timedelta(minutes=1), _moment(day, self.zone))

    def row(self, number: str) -> Any:
        """A subject's row."""
        query = select(subject).where(subject.c.study == self.study, subject.c.number == number)
        with self.core.reading() as db:
            return db.execute(query).one()

    def counted(self) -> int:
        """How many subjects were enrolled at the site."""
        query = select(func.count()).where(
            subject.c.study == self.study,
            subject.c.treatment != "none" if self.config.has_randomization else subject.c.id > 0,
        )
        with self.core.reading() as db:
            return int(db.scalar(query) or 0)

    def treated(self) -> str:
        """The subject enrolled last of those on treatment."""
        query = select(subject.c.number).where(
            subject.c.study == self.study, subject.c.treatment == "on"
        )
        with self.core.reading() as db:
            found = db.scalars(query.order_by(subject.c.id.desc()).limit(1)).first()
        if found is None:
            raise Unexpected("nobody is on treatment")
        return str(found)

    def waiting(self, number: str) -> tuple[str, ...]:
        """The kits of the subject that wait for their hand-over to be confirmed, in order."""
        row = self.row(number)
        with self.core.reading() as db:
            return tuple(one.number for one in waiting(self._facts(db), row))

    def unanswered(self) -> tuple[str, ...]:
        """The randomized subjects whose response is not on record."""
        query = (
            select(subject.c.number)
            .outerjoin(response, response.c.subject_id == subject.c.id)
            .where(subject.c.randomized_at.is_not(None), response.c.subject_id.is_(None))
        )
        with self.core.reading() as db:
            return tuple(db.scalars(query.order_by(subject.c.id)))

    def _facts(self, db: Connection) -> Facts:
        return Facts(
            db, self.core, actor=self.actor("coordinator"), study=self.study, site=SITE,
            now=self.core.now(),
        )  # fmt: skip

    def window(self, number: str, visit: Visit) -> tuple[dt.date, dt.date, dt.date]:
        """First, due and last day of the subject's next visit, which this is."""
        row = self.row(number)
        with self.core.reading() as db:
            coming = next_visit(self.config, self._facts(db), row)
        if coming.visit.code != visit.code:
            raise Unexpected(f"{coming.visit.code} comes before {visit.code}")
        return coming.opens, coming.due, coming.closes

    def kit_type(self, number: str) -> str:
        """The type of a kit, opened."""
        query = select(kit.c.kit_type).where(kit.c.study == self.study, kit.c.number == number)
        with self.core.reading() as db:
            token = bytes(db.execute(query).scalar_one())
        return self.core.keys.open(Sealed(token, f"{self.study}|kit|{number}"))

    def sees(self, arms: list[str | None]) -> str:
        """How many arms were drawn, in words that tell none."""
        return f"{len(arms)} subjects, {len(set(arms))} arms"

    def arm(self, number: str) -> str | None:
        """The arm of a subject, opened: nobody is blinded to a rehearsal."""
        return arm_now(self.core.keys, self.study, self.row(number))

    def kit_numbers(self, count: int) -> list[str]:
        """New kit numbers."""
        found: dict[str, None] = {}
        while len(found) < count:
            found[checked_number(self.core.entropy, 8)] = None
        return list(found)


def _told(answers: Mapping[str, str], shown: str) -> Mapping[str, str]:
    """The answers for the script; `shown` stands for a file."""
    return {**answers, "file": shown} if shown else answers


def _country(config: StudyConfig) -> str:
    for factor in config.factors:
        if factor.source == "country" and factor.levels:
            return factor.levels[0].value
    return next(iter(config.countries), "US")


def _moment(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.combine(day, _HOUR, ZoneInfo(zone)).astimezone(dt.UTC)
