"""Who gets which kits is seen by nobody blinded: two worlds with two arms' kits exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from core.errors import NoKitAvailable
from core.messages import Message
from core.supply import accountability, dispense, ordering
from core.supply.kits import type_of
from core.supply.pick import pick
from tests.support.hands import Hands
from tests.support.shipments import shelf
from tests.support.swap import (
    BLINDED,
    LINE,
    LOTS,
    NUMBER,
    OFFICE,
    OTHER,
    day_of,
    set_up,
)
from tests.support.swap_readings import Reading, commands, messages, readings, record
from tests.support.swap_story import SURE, brief, live
from tests.support.world import PEOPLE, World
from tests.support.world_fixtures import copy_sqlite
from tests.web.test_cli import environment

Worlds = tuple[Hands, Hands]
MakeWorlds = Callable[..., Worlds]
EACH: Final = 10
"""Of each lot, where all of it comes to the site at once."""
_REFUSED: Final = {"wrong_shipment_status", "dose_held", "no_kit_available", "invalid_input"}


@pytest.fixture
def make_worlds(sqlite_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeWorlds:
    """Makes the two worlds, as `set_up` is told."""
    for who, (number, _) in OFFICE.items():
        monkeypatch.setitem(PEOPLE, who, number)

    def make(**given: Any) -> Worlds:
        made = []
        for exchanged in (False, True):
            file = tmp_path / f"{exchanged}.db"
            copy_sqlite(sqlite_world, file)
            world = set_up(World.at(f"sqlite:///{file}"), exchanged=exchanged, **given)
            made.append(Hands(world, NUMBER, LINE, BLINDED))
        return made[0], made[1]

    return make


def _same(one: Iterable[Reading], other: Iterable[Reading]) -> None:
    """The same readings in the same order, byte by byte; the first that differs is told."""
    ours, theirs = list(one), list(other)
    for (where, told), (there, heard) in zip(ours, theirs, strict=False):
        assert there == where
        if told != heard:
            pairs = enumerate(zip(told, heard, strict=False))
            place = next((n for n, (a, b) in pairs if a != b), min(len(told), len(heard)))
            part = slice(max(0, place - 200), place + 200)
            raise AssertionError((where, told[part], heard[part]))
    assert len(ours) == len(theirs)


def _compare(worlds: Worlds, numbers: list[str], who: Iterable[str] = BLINDED) -> None:
    """All that the blinded were told in the two worlds, and all that these may read."""
    one, other = worlds
    _same(one.heard, other.heard)
    _same(record(one.world), record(other.world))
    _same(messages(one.world), messages(other.world))
    for each in who:
        _same(readings(one, each, numbers), readings(other, each, numbers))


def _are_exchanged(worlds: Worlds, numbers: list[str]) -> bool:
    """Whether every kit is of the other arm's type, and every subject in the other arm."""
    rows = worlds[0].world.rows("SELECT number FROM kit WHERE study = :study")
    one, other = (
        {row.number: hands.world.kit_type(row.number) for row in rows} for hands in worlds
    )
    arms = [[hands.world.arm(number) for number in numbers] for hands in worlds]
    return {kit: OTHER[code] for kit, code in one.items()} == other and all(
        {*pair} == {"active", "placebo"} for pair in zip(*arms, strict=True)
    )


@pytest.mark.slow
def test_every_byte_that_the_blinded_get_is_the_same_with_the_kits_of_two_arms_exchanged(
    make_worlds: MakeWorlds,
) -> None:
    worlds = one, other = make_worlds()
    numbers = live(one)
    assert live(other) == numbers
    assert _are_exchanged(worlds, numbers)
    assert {code for _, _, code in one.refused} == _REFUSED
    _compare(worlds, numbers)
    urls = [str(hands.world.core.engine.url) for hands in worlds]
    told = [
        list(commands(hands.world, environment(url), numbers))
        for hands, url in zip(worlds, urls, strict=True)
    ]
    _same(*told)
    assert [where for where, content in told[0] if not content.startswith(b"0 ")] == []


@pytest.mark.slow
def test_nor_does_it_show_of_which_lot_a_kit_is(make_worlds: MakeWorlds) -> None:
    """Here lots keep their types and dates, and each kit is of the other lot."""
    worlds = one, other = make_worlds(lots_kept=True, each=EACH)
    numbers = brief(one, EACH)
    assert brief(other, EACH) == numbers
    assert _are_exchanged(worlds, numbers)
    _compare(worlds, numbers, ("Ada", "Cy", "Aud"))


def _in_facts(patch: pytest.MonkeyPatch) -> None:
    """The type of what was given stands in the facts."""
    told = dispense.dispensed

    def leak(context: Any, name: str, found: Any, chosen: Any, facts: Any, params: Any) -> Any:
        facts["types"] = [item.kit_type for item in chosen]
        return told(context, name, found, chosen, facts, params)

    patch.setattr(dispense, "dispensed", leak)


def _in_order(patch: pytest.MonkeyPatch) -> None:
    """The kits of a shipment are told one type after the other."""

    def leak(*given: Any) -> Any:
        found = pick(*given)
        return found and tuple(sorted(found, key=lambda item: (item.kit_type, item.number)))

    patch.setattr("core.supply.ship.pick", leak)


def _in_chance(patch: pytest.MonkeyPatch) -> None:
    """One number more is drawn for one of the types."""
    assign = dispense.assign

    def leak(context: Any, found: Any, chosen: Any, visit_id: Any) -> None:
        if chosen[0].kit_type.startswith("A"):
            context.entropy.below(2)
        assign(context, found, chosen, visit_id)

    patch.setattr(dispense, "assign", leak)


def _in_words(patch: pytest.MonkeyPatch) -> None:
    """What is lacking is told by the words of the refusal."""
    taken = dispense.take

    def leak(context: Any, wanted: Any, *given: Any) -> Any:
        try:
            return taken(context, wanted, *given)
        except NoKitAvailable:
            told = "error.no_kits" if "A20" in wanted else "error.no_kit_available"
            raise NoKitAvailable(Message(told)) from None

    patch.setattr(dispense, "take", leak)


def _in_a_message(patch: pytest.MonkeyPatch) -> None:
    """A site is told more of one type than of the other."""
    requested = ordering.request

    def leak(context: Any, made: int, number: str, source: Any, target: Any) -> None:
        requested(context, made, number, source, target)
        first = context.facts.shipment_kits(made)[0]
        if type_of(context.keys, first).startswith("A"):
            ordering.tell_depot(
                context.db, context.core, context.study, context.config.depots[0], "order", number
            )

    patch.setattr(ordering, "request", leak)


PLANTED: Final = {
    "facts": _in_facts,
    "order": _in_order,
    "chance": _in_chance,
    "words": _in_words,
    "message": _in_a_message,
}


def _short(hands: Hands) -> list[str]:
    """Four subjects are given kits; then one lot is used up, and all of them want more."""
    hands.world.ship(4)
    numbers = []
    for _ in range(4):
        given = {"consent_date": day_of(hands.world)}
        number = str(hands.command("screen", "Ada", **given)["screening_number"])
        hands.command("randomize", "Ivy", subject=number, **SURE)
        hands.command("dispense", "Ada", subject=number, visit="V1")
        numbers.append(number)
    for kit in shelf(hands.world, lot=LOTS[3][0]):
        hands.command("report_stock", "Ada", kit=kit, condition="missing")
    for number in numbers:
        hands.command("unscheduled", "Ada", subject=number)
    return numbers


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_a_leak_that_is_planted_is_found(
    make_worlds: MakeWorlds, monkeypatch: pytest.MonkeyPatch, plant: Callable[[Any], None]
) -> None:
    worlds = one, other = make_worlds()
    plant(monkeypatch)
    numbers = _short(one)
    _short(other)
    with pytest.raises(AssertionError):
        _compare(worlds, numbers, ())


@pytest.mark.slow
def test_a_lot_told_to_the_blinded_is_found(
    make_worlds: MakeWorlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    lots = accountability._lots

    def leak(*given: Any) -> Any:
        return [(row, replace(found, plain=True)) for row, found in lots(*given)]

    worlds = one, other = make_worlds(lots_kept=True, each=EACH)
    monkeypatch.setattr(accountability, "_lots", leak)
    numbers = brief(one, EACH)
    brief(other, EACH)
    with pytest.raises(AssertionError, match="accountability"):
        _compare(worlds, numbers, ("Cy",))
