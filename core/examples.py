"""Answers that would be accepted just now: for call sheets, from what is on record.

Found by trying: candidates for each question in turn, the questions walked as always, and at the
end the deed itself, run and rolled back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Select, select

from core.access.roles import Actor
from core.access.secrets import pin_problem
from core.context import Context
from core.db.models import grant, kit, lot, proposal, shipment, site, subject
from core.errors import IxrsError
from core.facts import Facts
from core.interview import Ask, Complete, Wrong, check_allowed, check_sight, walk
from core.register import transactions
from core.supply.handover import waiting
from core.transaction import Channel, Kind, Question, Signature, Transaction

if TYPE_CHECKING:
    from core.runtime import Core

CANDIDATES_MAX: Final = 200
TRIALS_MAX: Final = 5000


class _Undo(Exception):
    """Ends the trial: everything in it is rolled back."""


def find_answers(
    core: Core, transaction: Transaction, actor: Actor, study: str, site: str | None
) -> dict[str, str] | None:
    """Raw answers, by question in asking order, with which the deed would be done; None if there
    are none just now. Nothing is changed: the trial is rolled back."""
    found: dict[str, str] | None = None
    try:
        with core.writing() as db:
            check_sight(actor, transaction, study, site)
            check_allowed(actor, transaction, study, site)
            trial = _Trial(core, db, transaction, actor, study, site)
            found = trial.search({})
            raise _Undo
    except _Undo:
        return found


class _Trial:
    """A depth-first search through the questions of one transaction."""

    def __init__(
        self,
        core: Core,
        db: Connection,
        transaction: Transaction,
        actor: Actor,
        study: str,
        site: str | None,
    ) -> None:
        self._core, self._db, self._transaction = core, db, transaction
        self._actor, self._study, self._site = actor, study, site
        self._left = TRIALS_MAX
        # Sheets made together should not all name the same subject.
        self._turn = transactions().index(transaction)

    def search(self, given: dict[str, str]) -> dict[str, str] | None:
        """Complete `given`, or None."""
        facts = Facts(
            self._db,
            self._core,
            actor=self._actor,
            study=self._study,
            site=self._site,
            now=self._core.now(),
        )
        try:
            found = walk(self._transaction, facts, given)
        except IxrsError:
            return None
        if isinstance(found, Wrong):
            return None
        if isinstance(found, Complete):
            return given if self._would_do(facts, found) else None
        for candidate in self._candidates(found, facts, given):
            self._left -= 1
            if self._left < 0:
                return None
            if done := self.search({**given, found.question.name: candidate}):
                return done
        return None

    def _would_do(self, facts: Facts, complete: Complete) -> bool:
        if self._transaction.signers:
            return True
        signed = Signature(self._actor.user_id, self._actor.name, "", facts.now, "")
        context = Context(
            self._core,
            self._db,
            facts.config,
            facts,
            facts.now,
            self._actor,
            self._study,
            self._site,
            Channel.PHONE,
            signed,
        )
        point = self._db.begin_nested()
        try:
            self._transaction.run(context, complete.answers)
        except IxrsError:
            return False
        finally:
            point.rollback()
        return True

    def _candidates(self, ask: Ask, facts: Facts, given: dict[str, str]) -> Iterable[str]:
        question = ask.question
        if ask.choices:
            return [choice.value for choice in ask.choices]
        numbers = _NUMBERED.get(question.kind)
        if numbers is not None:
            return _rotated(list(self._db.scalars(numbers(self, facts))), self._turn)
        return _PLAIN[question.kind](question, facts, given, self._core)

    def _subjects(self, facts: Facts) -> Select[tuple[Any]]:
        query = select(subject.c.number).where(subject.c.study == self._study)
        if self._site is not None:
            query = query.where(subject.c.site == self._site)
        return query.order_by(subject.c.id).limit(CANDIDATES_MAX)

    def _kits(self, facts: Facts) -> Select[tuple[Any]]:
        return (
            select(kit.c.number)
            .where(kit.c.study == self._study, kit.c.site == self._site)
            .order_by(kit.c.subject_id.is_(None), kit.c.id.desc())
            .limit(CANDIDATES_MAX)
        )

    def _shipments(self, facts: Facts) -> Select[tuple[Any]]:
        query = select(shipment.c.number).where(shipment.c.study == self._study)
        if self._site is not None:
            query = query.where(shipment.c.site == self._site)
        return query.order_by(shipment.c.id.desc()).limit(CANDIDATES_MAX)

    def _lots(self, facts: Facts) -> Select[tuple[Any]]:
        return select(lot.c.number).where(lot.c.study == self._study).limit(CANDIDATES_MAX)

    def _sites(self, facts: Facts) -> Select[tuple[Any]]:
        query = select(site.c.number).where(site.c.study == self._study)
        return query.order_by(site.c.number).limit(CANDIDATES_MAX)

    def _proposals(self, facts: Facts) -> Select[tuple[Any]]:
        query = select(proposal.c.number).where(
            proposal.c.study == self._study, proposal.c.decided_at.is_(None)
        )
        return query.limit(CANDIDATES_MAX)

    def _people(self, facts: Facts) -> Select[tuple[Any]]:
        query = select(grant.c.user_id).where(
            grant.c.role == "investigator", grant.c.study == self._study
        )
        return query.distinct().order_by(grant.c.user_id).limit(CANDIDATES_MAX)


def _rotated(items: Sequence[str], turn: int) -> list[str]:
    start = turn % len(items) if items else 0
    return [*items[start:], *items[:start]]


_NUMBERED: Final[dict[Kind, Callable[[_Trial, Facts], Select[tuple[Any]]]]] = {
    Kind.SUBJECT: _Trial._subjects,
    Kind.KIT: _Trial._kits,
    Kind.SHIPMENT: _Trial._shipments,
    Kind.LOT: _Trial._lots,
    Kind.SITE: _Trial._sites,
    Kind.PROPOSAL: _Trial._proposals,
    Kind.PERSON: _Trial._people,
}


def _dates(question: Question, facts: Facts, given: dict[str, str], core: Core) -> Iterator[str]:
    for days in (0, 1, 7):
        yield (facts.today - dt.timedelta(days=days)).isoformat()


def _numbers(question: Question, facts: Facts, given: dict[str, str], core: Core) -> Iterator[str]:
    low, high = question.low or 0, question.high or 9
    for value in range(low, min(high, low + 20) + 1):
        yield str(value)


def _years(question: Question, facts: Facts, given: dict[str, str], core: Core) -> Iterator[str]:
    yield str(facts.today.year - 60)


def _yes_no(question: Question, facts: Facts, given: dict[str, str], core: Core) -> Iterator[str]:
    # What must be confirmed is confirmed; what leads to more questions is not needed.
    first = "no" if question.name == "rescreened" else "yes"
    yield first
    yield "no" if first == "yes" else "yes"


def _cartons(question: Question, facts: Facts, given: dict[str, str], core: Core) -> Iterator[str]:
    place = int(question.name.rpartition("_")[2])
    found = facts.subject(given["subject"])
    if found is not None:
        yield from (row.number[-4:] for row in waiting(facts, found)[place - 1 : place])


def _pins(question: Question, facts: Facts, given: dict[str, str], core: Core) -> Iterator[str]:
    while True:
        pin = str(core.entropy.below(10**6)).zfill(6)
        if pin_problem(pin, facts.actor.user_id) is None:
            yield pin


def _nothing(question: Question, facts: Facts, given: dict[str, str], core: Core) -> Iterator[str]:
    yield ""


_PLAIN: Final = {
    Kind.DATE: _dates,
    Kind.NUMBER: _numbers,
    Kind.YEAR: _years,
    Kind.DECIMAL: _numbers,
    Kind.YES_NO: _yes_no,
    Kind.CARTON: _cartons,
    Kind.PIN: _pins,
    Kind.KITS: _nothing,
    Kind.PASSWORD: _nothing,
    Kind.MOBILE: _nothing,
    Kind.TEXT: _nothing,
    Kind.FILE: _nothing,
}
