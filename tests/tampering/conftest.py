"""The story is told once; each test tampers with a copy of its file."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.world import World
from tests.support.world_fixtures import copy_sqlite
from tests.tampering.story import Story, tell


@pytest.fixture(scope="package")
def told(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story as it was told: nobody writes to it."""
    folder = tmp_path_factory.mktemp("tampering")
    copy_sqlite(sqlite_world, folder / "told.db")
    made = tell(World.at(f"sqlite:///{folder / 'told.db'}"), folder / "heads")
    # All of it in the one file: no write-ahead log is left beside it.
    copy_sqlite(folder / "told.db", folder / "whole.db")
    return replace(made, file=folder / "whole.db")


@pytest.fixture
def story(told: Story, tmp_path: Path) -> Story:
    """A copy to tamper with."""
    file = tmp_path / "ixrs.db"
    shutil.copyfile(told.file, file)
    return replace(told, file=file)
