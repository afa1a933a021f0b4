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
    """Makes one of the two worlds, as `set_up` is told, as far as it had `begun`, or as
    `made` by that."""
    for who, (number, _) in OFFICE.items():
        monkeypatch.setitem(PEOPLE, who, number)
    all_of_them: list[Hands] = []

    def make(
        *,
        exchanged: bool,
        begun: Path | None = None,
        made: Callable[[World, bool], World] | None = None,
        number: str = NUMBER,
        line: str = LINE,
        **given: object,
    ) -> Hands:
        folder = tmp_path / f"{exchanged}"
        folder.mkdir()
        copy_sqlite(begun or sqlite_world, folder / "world.db")
        url = f"sqlite:///{folder / 'world.db'}"
        if begun:
            # Other chance and other request ids than those that made what was copied.
            here = World(make_core(url, seed=b"story"), CODE, requests="s")
        elif made:
            here = made(World.at(url), exchanged)
        else:
            here = set_up(World.at(url), exchanged=exchanged, **given)  # type: ignore[arg-type]
        all_of_them.append(Hands(here, number, line, BLINDED, folder, monkeypatch.setattr))
        return all_of_them[-1]

    yield make
    for hands in all_of_them:
        hands.watch.close()
        hands.world.close()
