"""A world in which many may act at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World
from tests.support.world_fixtures import CopyWorld


@pytest.fixture
def crowded(copy_world: CopyWorld) -> Iterator[World]:
    """A world whose database pool serves twenty at the same time."""
    world = World.at(copy_world(), threads=20)
    yield world
    world.close()
