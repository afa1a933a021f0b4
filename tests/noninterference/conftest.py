"""Makes worlds in which two arms and their kits are exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.noninterference.hands import Hands
from tests.support.swap import BLINDED, CODE, LINE, NUMBER, OFFICE, set_up
from tests.support.world import PEOPLE, World, make_core
from tests.support.world_fixtures import copy_sqlite

MakeWorld = Callable[..., Hands]


@pytest.fixture
def make_world(
    sqlite_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeWorld]:
    """Makes one of the two worlds, as `set_up` is told, or as far as it had `begun`."""
    for who, (number, _) in OFFICE.items():
        monkeypatch.setitem(PEOPLE, who, number)
    made: list[Hands] = []

    def make(*, exchanged: bool, begun: Path | None = None, **given: object) -> Hands:
        folder = tmp_path / f"{exchanged}"
        folder.mkdir()
        copy_sqlite(begun or sqlite_world, folder / "world.db")
        url = f"sqlite:///{folder / 'world.db'}"
        if begun:
            # Other chance and other request ids than those that made what was copied.
            here = World(make_core(url, seed=b"story"), CODE, requests="s")
        else:
            here = set_up(World.at(url), exchanged=exchanged, **given)  # type: ignore[arg-type]
        made.append(Hands(here, NUMBER, LINE, BLINDED, folder, monkeypatch.setattr))
        return made[-1]

    yield make
    for hands in made:
        hands.watch.close()
        hands.world.close()
