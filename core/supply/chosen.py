"""Kits that a deed is about, named by their numbers, by the shipment they came in, or by lot.

Kits named one by one must all be able to take the step; of a shipment or a lot those are meant that
can. The numbers of a lot's kits are of one type, so they are sealed in the ledger, never shown.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, select

from core.context import Context
from core.db.models import kit, lot, shipment
from core.errors import KitNotUsable
from core.facts import Facts
from core.messages import Message
from core.sealed import Sealed
from core.study.schema import StudyConfig
from core.supply.kits import set_kits
from core.supply.lifecycle import STEPS, check_step, state_of
from core.transaction import Answers, Choice, Kind, Question, When

WAYS: Final = ("kits", "shipment", "lot")
AT_SITE: Final = WAYS[:2]
"""What a site may name: a lot could tell it which kits are alike."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The kits that took the step, and what the ledger keeps of the choice."""

    rows: tuple[Any, ...]
    facts: dict[str, object]
    secret: dict[str, Sealed]


def questions(*steps: str, ways: tuple[str, ...] = WAYS) -> tuple[Question, ...]:
    """How the kits are named, and their numbers or that of the shipment or lot; `steps` are those
    of which each kit must be able to take one."""

    def choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
        return tuple(
            Choice(str(place), way, Message(f"choice.chosen_{way}"))
            for place, way in enumerate(ways, start=1)
        )

    def check_kits(
        config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
    ) -> Message | None:
        if not value:
            return Message("error.no_kits")
        rows = [row for row in map(facts.kit, value) if row is not None]
        _check_any(steps, rows, facts.today)
        return None

    def check_source(
        config: StudyConfig, facts: Facts, answers: Answers, value: str
    ) -> Message | None:
        rows = facts.db.execute(_query(facts, str(answers["chosen_by"]), (value,))).all()
        if not _able(steps, rows, facts.today):
            raise KitNotUsable(Message("error.no_kit_of_it"))
        return None

    return (
        Question("chosen_by", Kind.CHOICE, choices=choices),
        Question("kits", Kind.KITS, when=_named("kits"), check=check_kits, digits=(8, 8)),
        Question(
            "shipment", Kind.SHIPMENT, when=_named("shipment"), check=check_source, digits=(1, 16)
        ),
        *(
            (Question("lot", Kind.LOT, when=_named("lot"), check=check_source, digits=(1, 20)),)
            if "lot" in ways
            else ()
        ),
    )


def _named(way: str) -> When:
    def when(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
        return answers.get("chosen_by") == way

    return when


def _query(facts: Facts, way: str, named: tuple[str, ...]) -> Select[Any]:
    """The kits that are named, with their lot's expiry; at a site, or for people of a depot, those
    that are there."""
    query = (
        select(kit, lot.c.expiry)
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(kit.c.study == facts.study)
        .order_by(kit.c.id)
    )
    if facts.site is not None:
        query = query.where(kit.c.site == facts.site.number)
    elif facts.own_depots is not None:
        query = query.where(kit.c.depot.in_(sorted(facts.own_depots)))
    if way == "kits":
        return query.where(kit.c.number.in_(named))
    if way == "lot":
        return query.where(lot.c.number == named[0])
    return query.join(shipment, shipment.c.id == kit.c.shipment_id).where(
        shipment.c.number == named[0]
    )


def _able(steps: tuple[str, ...], rows: Any, today: dt.date) -> list[Any]:
    states = frozenset[str]().union(*(STEPS[step].before for step in steps))
    return [row for row in rows if state_of(row, today) in states]


def _check_any(steps: tuple[str, ...], rows: list[Any], today: dt.date) -> None:
    able = {row.id for row in _able(steps, rows, today)}
    check_step(steps[0], [row for row in rows if row.id not in able], today)


def take_step(context: Context, answers: Answers, step: str) -> Chosen:
    """Lock the kits that the answers name and take the step with each that can.

    Raises KitNotUsable, where one that was named by its number cannot, or none can.
    """
    way = str(answers["chosen_by"])
    value = answers[way]
    named = value if isinstance(value, tuple) else (str(value),)
    today = context.facts.today
    locked = context.db.execute(_query(context.facts, way, named).with_for_update(of=kit)).all()
    if way == "kits":
        check_step(step, locked, today)
    rows = _able((step,), locked, today)
    if not rows:
        raise KitNotUsable(Message("error.no_kit_of_it"))
    set_kits(context.db, [row.id for row in rows], **STEPS[step].values)
    # By number: the order of the table, in which kits are locked, is that of their lots.
    numbers = sorted(row.number for row in rows)
    facts: dict[str, object] = {
        "chosen_by": way,
        "chosen_from": None if way == "kits" else named[0],
        "kits": [] if way == "lot" else numbers,
        "count": len(rows),
    }
    secret = {"kits": context.seal(f"chosen|{named[0]}", " ".join(numbers))} if way == "lot" else {}
    return Chosen(tuple(rows), facts, secret)


def sites_of(rows: tuple[Any, ...]) -> tuple[str, ...]:
    """The sites at which these kits are, in order."""
    return tuple(sorted({row.site for row in rows if row.site is not None}))
