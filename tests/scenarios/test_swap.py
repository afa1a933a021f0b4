"""Who gets which kits is seen by nobody blinded: two worlds with two arms' kits exchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hands import Hands
from tests.support.swap import BLINDED, LINE, NUMBER, OFFICE, OTHER, set_up
from tests.support.swap_readings import Reading, commands, messages, readings, record
from tests.support.swap_story import live
from tests.support.world import PEOPLE, World
from tests.support.world_fixtures import copy_sqlite
from tests.web.test_cli import environment

Worlds = tuple[Hands, Hands]


@pytest.fixture
def worlds(sqlite_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worlds:
    for who, (number, _) in OFFICE.items():
        monkeypatch.setitem(PEOPLE, who, number)
    made = []
    for exchanged in (False, True):
        copy_sqlite(sqlite_world, tmp_path / f"{exchanged}.db")
        world = World.at(f"sqlite:///{tmp_path / f'{exchanged}.db'}")
        made.append(Hands(set_up(world, exchanged=exchanged), NUMBER, LINE, BLINDED))
    return made[0], made[1]


def _same(one: list[Reading], other: list[Reading]) -> None:
    """The same readings in the same order, byte by byte; the first that differs is told."""
    for (where, told), (there, heard) in zip(one, other, strict=False):
        assert there == where
        if told != heard:
            place = next(n for n, (a, b) in enumerate(zip(told, heard, strict=False)) if a != b)
            start = max(0, place - 200)
            raise AssertionError((where, told[start : place + 200], heard[start : place + 200]))
    assert len(one) == len(other)


def _types(hands: Hands) -> dict[str, str]:
    """Every kit's type."""
    rows = hands.world.rows("SELECT number FROM kit WHERE study = :study ORDER BY number")
    return {row.number: hands.world.kit_type(row.number) for row in rows}


def test_every_byte_that_the_blinded_get_is_the_same_with_the_kits_of_two_arms_exchanged(
    worlds: Worlds,
) -> None:
    one, other = worlds
    numbers = live(one)
    assert live(other) == numbers
    assert {kit: OTHER[code] for kit, code in _types(one).items()} == _types(other)
    arms = [{hands.world.arm(number) for number in numbers[:1]} for hands in worlds]
    assert arms[0] != arms[1]
    _same(one.heard, other.heard)
    _same([*record(one.world)], [*record(other.world)])
    _same([*messages(one.world)], [*messages(other.world)])
    for who in BLINDED:
        _same([*readings(one, who, numbers)], [*readings(other, who, numbers)])
    told = [
        [*commands(hands.world, environment(str(hands.world.core.engine.url)), numbers)]
        for hands in worlds
    ]
    _same(*told)
