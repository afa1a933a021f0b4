"""The small world itself."""

from __future__ import annotations

from tests.support.world import World


def test_the_world_has_four_studies_and_stock(world: World) -> None:
    assert world.one("SELECT count(*) FROM study") == 4
    on_shelf = "SELECT count(*) FROM kit WHERE study = :study AND site = '101'"
    assert world.one(on_shelf) == 16
    assert world.of("drug").one(on_shelf) == 16
