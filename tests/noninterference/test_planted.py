"""Each kind of leak is found: otherwise two worlds being the same would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.noninterference.conftest import MakeWorld
from tests.noninterference.hands import Hands
from tests.noninterference.planted import PLANTED, Leak
from tests.noninterference.readings import read_some, record
from tests.noninterference.story_supply import SURE
from tests.noninterference.watch import differences
from tests.support.shipments import shelf
from tests.support.swap import LOTS, OFFICE, set_up
from tests.support.world import PEOPLE, Given, World
from tests.support.world_fixtures import copy_sqlite

EACH = 12
SENT = 6
Begin = Callable[[bool, bool], Path]


@pytest.fixture(scope="module")
def begin(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Begin:
    """Makes the file of a world that has begun: four subjects are randomized, kits are there."""
    made: dict[tuple[bool, bool], Path] = {}

    def begun(exchanged: bool, lots_kept: bool) -> Path:
        key = exchanged, lots_kept
        if key not in made:
            made[key] = tmp_path_factory.mktemp("begun") / "world.db"
            copy_sqlite(sqlite_world, made[key])
            world = World.at(f"sqlite:///{made[key]}")
            here = set_up(world, exchanged=exchanged, lots_kept=lots_kept, each=EACH)
            here.ship(EACH if lots_kept else SENT)
            for _ in range(4):
                randomize: Given = {"subject": here.screen("Ada"), **SURE}
                here.do("randomize", "Ivy", **randomize)
            here.close()
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        for who, (number, _) in OFFICE.items():
            patch.setitem(PEOPLE, who, number)
        for exchanged in (False, True):
            begun(exchanged, False)
            begun(exchanged, True)
    return begun


def _go_on(hands: Hands, *, lots_kept: bool) -> None:
    """Each subject is given kits, on each channel one; then one lot is used up, and all of them
    want more."""
    world = hands.world
    if not lots_kept:
        made = hands.api("create_shipment", "Sam", to_site="101", kits_each="3")
        hands.post()
        hands.command("cancel_shipment", "Sam", shipment=str(made["shipment"]), reason="A try")
    query = "SELECT number FROM subject WHERE study = :study ORDER BY number"
    one, two, three, four = (row.number for row in world.rows(query))
    hands.phone("dispense", "Ada", f"3 {one}# 1 1")
    hands.web("dispense", "Ada", subject=two, visit="V1")
    hands.api("dispense", "Ada", subject=three, visit="V1")
    hands.command("dispense", "Ada", subject=four, visit="V1")
    for kit in () if lots_kept else shelf(world, lot=LOTS[3][0]):
        world.do("report_stock", "Ada", kit=kit, condition="missing")
    for number in (one, two, three, four):
        hands.api("unscheduled", "Ada", subject=number)
    hands.post()
    read_some(hands, "Cy", ("/subjects", f"/subjects/{one}", "/accountability.csv?table=kits"))
    record(hands)


def _found(make_world: MakeWorld, begin: Begin, *, lots_kept: bool = False) -> list[str]:
    seen = []
    for exchanged in (False, True):
        hands = make_world(exchanged=exchanged, begun=begin(exchanged, lots_kept))
        _go_on(hands, lots_kept=lots_kept)
        seen.append(hands.watch.seen)
    return list(differences(*seen))


@pytest.mark.slow
@pytest.mark.req("R6")
@pytest.mark.parametrize("lots_kept", [False, True])
def test_without_a_leak_nothing_is_found(
    make_world: MakeWorld, begin: Begin, lots_kept: bool
) -> None:
    assert _found(make_world, begin, lots_kept=lots_kept) == []


@pytest.mark.slow
@pytest.mark.req("R6")
@pytest.mark.parametrize("leak", PLANTED.values(), ids=PLANTED)
def test_a_planted_leak_is_found(
    make_world: MakeWorld, begin: Begin, monkeypatch: pytest.MonkeyPatch, leak: Leak
) -> None:
    leak.plant(monkeypatch.setattr)
    found = _found(make_world, begin, lots_kept=leak.lots_kept)
    assert [one for one in found if leak.found in one], found[:3]
