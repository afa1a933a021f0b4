"""A worker killed with signal 9 in the middle of a night: nothing is half done, and the next worker
finishes the night once."""

from __future__ import annotations

import datetime as dt
import signal
from pathlib import Path
from typing import Any

import pytest

from core.ledger.verify import verify
from core.supply.night import LEASE, last_night, run_night
from tests.kills.killer import Killer, in_a_child
from tests.support.resupply import MIN_MAX, ordered, publish
from tests.support.world import World
from tests.support.world_fixtures import CopyWorld

TONIGHT = dt.date(2026, 11, 21)
SAMPLES = 8
_ORDERS = "SELECT number, site FROM shipment WHERE study = :study AND kind = 'resupply'"
_RESERVED = "SELECT count(*) FROM kit WHERE study = :study AND disposition = 'reserved'"
_NIGHTS = "SELECT count(*) FROM ledger WHERE study = :study AND \"transaction\" = 'night_done'"


class Bench:
    """A night with two sites to resupply, and a worker that is killed at a point of its talk with
    the database."""

    def __init__(self, copy: CopyWorld, folder: Path) -> None:
        self._copy, self._counted = copy, folder / "points"
        self.base = copy()
        world = World.at(self.base)
        publish(world, MIN_MAX.format(minimum=8, maximum=10))
        world.close()

    def database(self) -> str:
        return self._copy(self.base)

    def work(self, url: str, at: int | None) -> int:
        """What the child does; the number of points passed is left in a file."""
        world = World.at(url)
        killer = Killer(world.core.engine, at)
        run_night(world.core, "combi", TONIGHT)
        self._counted.write_text(str(killer.passed))
        return 0

    def points(self) -> int:
        """How many there are in a night that nobody kills."""
        url = self.database()
        assert in_a_child(lambda: self.work(url, None)) == (0, 0)
        return int(self._counted.read_text())

    def check_killed_at(self, point: int) -> int:
        """Kill it there, look, and let the next worker finish; how many sites were done before."""
        url = self.database()
        assert in_a_child(lambda: self.work(url, point)) == (-1, signal.SIGKILL)
        world = World.at(url)
        done = self._check_whole(world, point)
        world.set_time(world.core.now() + LEASE)
        run_night(world.core, "combi", TONIGHT)
        assert self._check_whole(world, point) == 2, point
        assert sorted(row.site for row in world.rows(_ORDERS)) == ["101", "102"]
        assert world.one(_NIGHTS) == 1
        with world.core.reading() as db:
            assert last_night(db, "combi") == TONIGHT
        world.close()
        return done

    def _check_whole(self, world: World, point: int) -> int:
        """Each shipment there is has all its kits, and no other kit is reserved."""
        made: list[Any] = world.rows(_ORDERS)
        for row in made:
            assert ordered(world, row.number) == {"A": 2, "B": 2}, point
        assert world.one(_RESERVED) == 4 * len(made), point
        assert verify(world.core).ok
        return len(made)


def test_killed_anywhere_the_next_worker_finishes_the_night_once(
    copy_world: CopyWorld, tmp_path: Path
) -> None:
    bench = Bench(copy_world, tmp_path)
    points = bench.points()
    assert points > 2 * SAMPLES
    chosen = [(points - 1) * place // (SAMPLES - 1) for place in range(SAMPLES)]
    seen = {bench.check_killed_at(point) for point in chosen}
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("late", [False, True])
def test_a_killed_worker_that_had_finished_leaves_nothing_to_do(
    copy_world: CopyWorld, tmp_path: Path, late: bool
) -> None:
    bench = Bench(copy_world, tmp_path)
    last = bench.points() - 1
    url = bench.database()
    in_a_child(lambda: bench.work(url, last))
    world = World.at(url)
    before = world.dump()
    world.set_time(world.core.now() + (2 * LEASE if late else dt.timedelta()))
    assert run_night(world.core, "combi", TONIGHT) is None
    assert world.dump() == before
    world.close()
