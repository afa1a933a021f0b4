"""Sixty-four at once, one in ten aborted and some killed between draw and commit.

No number doubled, none left out, none out of order; whoever tries again meets the same draw; every
draw can be made again.
"""

from __future__ import annotations

import itertools
import json
import random
import signal
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Connection

from core.ledger.replay import replay
from core.transaction import Receipt
from tests.kills.killer import Killer, in_a_child
from tests.races.crowd import at_once, done
from tests.support.methods import CODE, DESIGNS, trial
from tests.support.world import World
from tests.support.world_fixtures import CopyWorld

THREADS = 64
KILLS = 4
NAMES = ["permuted_block", "minimisation", "drop_the_loser"]


class Aborted(Exception):
    """What a face does when its own part of the deed fails, after the draw."""


def enrol(world: World, place: int, *, abort: bool = False) -> Receipt | None:
    """One of them, under a request of its own; aborted after the draw, just before the commit."""

    def fail(db: Connection, result: object) -> None:
        raise Aborted

    try:
        return world.do(
            "randomize",
            "Ivy" if place % 3 else "Dan",
            request_id=f"one {place}",
            also=fail if abort else None,
            sex="F" if place % 2 else "M",
            consent="yes",
            eligible="yes",
        )
    except Aborted:
        return None


@pytest.fixture
def founded(copy_world: CopyWorld, request: pytest.FixtureRequest) -> tuple[str, CopyWorld]:
    """A database with the study of one method in it, and nobody randomized."""
    url = copy_world()
    world = World.at(url)
    trial(world, DESIGNS[request.param])
    world.close()
    return url, copy_world


def draws(world: World) -> list[tuple[str, int, str]]:
    """Domain and number of each draw, and the arm that was given, in the order of the ledger."""
    rows = world.rows(
        "SELECT l.sequence FROM ledger l WHERE l.study = :study "
        "AND l.\"transaction\" = 'randomize' AND l.outcome = 'done' ORDER BY l.sequence"
    )
    found = []
    for row in rows:
        kept = world.secrets(row.sequence)
        domain, number = json.loads(kept["draw"][1])[:2]
        found.append((domain, number, kept["arm"][1]))
    return found


def check(world: World, count: int) -> None:
    made = draws(world)
    assert len(made) == count
    for domain in {domain for domain, _, _ in made}:
        numbers = [number for where, number, _ in made if where == domain]
        assert numbers == list(range(1, len(numbers) + 1))
        kept = "SELECT draws FROM allocator WHERE study = :study AND domain = :d"
        assert world.one(kept, d=domain) == len(numbers)
    told = world.rows("SELECT randomization_number AS n FROM subject WHERE study = :study")
    assert len({row.n for row in told}) == len(told) == count
    found = replay(world.core, CODE)
    assert (found.problems, found.draws) == ((), count)


@pytest.mark.parametrize("founded", NAMES, indirect=True)
def test_sixty_four_with_aborts_leave_no_double_hole_or_inversion(
    founded: tuple[str, CopyWorld],
) -> None:
    url, _ = founded
    world = World.at(url, study=CODE, threads=20)
    aborted = set(random.Random(CODE).sample(range(THREADS), THREADS // 10))
    deeds = [partial(enrol, world, place, abort=place in aborted) for place in range(THREADS)]
    receipts = [receipt for receipt in done(at_once(deeds)) if receipt is not None]
    assert len(receipts) == THREADS - len(aborted)
    check(world, THREADS - len(aborted))
    again = [enrol(world, place) for place in range(THREADS)]
    assert sum(receipt is not None and not receipt.replayed for receipt in again) == len(aborted)
    check(world, THREADS)
    world.close()


@pytest.mark.parametrize("founded", NAMES, indirect=True)
def test_a_process_killed_between_draw_and_commit_leaves_the_draw_to_the_next(
    founded: tuple[str, CopyWorld],
) -> None:
    base, copy = founded
    count = itertools.count()
    _run(base, lambda world: [enrol(world, next(count)) for _ in range(6)])
    control = copy(base)
    points, _ = in_a_child(lambda: _die(control, None))
    _run(control, lambda world: check(world, 7))
    wanted: list[tuple[str, int, str]] = []
    _run(control, lambda world: wanted.extend(draws(world)))
    for point in random.Random(CODE).sample(range(points // 2, points - 1), KILLS):
        url = copy(base)
        assert in_a_child(partial(_die, url, point)) == (-1, signal.SIGKILL)
        made: list[tuple[str, int, str]] = []

        def retry(world: World, made: list[tuple[str, int, str]] = made) -> None:
            check(world, 6)
            enrol(world, 6)
            check(world, 7)
            made.extend(draws(world))

        _run(url, retry)
        assert made == wanted


@pytest.mark.parametrize("founded", ["minimisation"], indirect=True)
def test_an_aborted_draw_is_met_again_by_whoever_comes_next(
    founded: tuple[str, CopyWorld],
) -> None:
    base, copy = founded
    url = copy(base)
    undisturbed = World.at(url, study=CODE)
    for place in range(12):
        enrol(undisturbed, place)
    world = World.at(base, study=CODE)
    for place in range(12):
        for _ in range(place % 3):
            assert enrol(world, place, abort=True) is None
        enrol(world, place)
    assert draws(world) == draws(undisturbed)
    world.close()
    undisturbed.close()


def _die(url: str, at: int | None) -> int:
    world = World.at(url, study=CODE)
    killer = Killer(world.core.engine, at)
    enrol(world, 6)
    return killer.passed


def _run(url: str, look: Callable[[World], object]) -> None:
    """Do it with the database open no longer than that: others copy it."""
    world = World.at(url, study=CODE)
    look(world)
    world.close()
