"""Fixtures around the demo: its history is made once a run and copied, it is served once a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.world_fixtures import copy_sqlite

if TYPE_CHECKING:
    from core.runtime import Core
    from web.demo.history import Demo


@pytest.fixture(scope="session")
def demo_built(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo as it was built, on SQLite. Only to be read and copied."""
    # Imported late: tests of the floors and of set-up run without any database code.
    from web.demo.history import build, new_settings

    file = tmp_path_factory.mktemp("demo") / "demo.db"
    return build(new_settings(f"sqlite:///{file}"))


@pytest.fixture
def demo_database(demo_built: Demo, tmp_path: Path) -> Demo:
    """A demo of the test's own: `.settings` to open it, `.studies` with everybody's PIN."""
    file = tmp_path / "demo.db"
    copy_sqlite(Path(demo_built.settings.database_url.removeprefix("sqlite:///")), file)
    return replace(
        demo_built, settings=replace(demo_built.settings, database_url=f"sqlite:///{file}")
    )


@pytest.fixture
def demo_core(demo_database: Demo) -> Iterator[Core]:
    """The core of `demo_database`."""
    from core.runtime import Core

    core = Core.from_settings(demo_database.settings)
    yield core
    core.engine.dispose()


@pytest.fixture(scope="session")
def demo_record(demo_built: Demo) -> Iterator[Core]:
    """The core of the demo as it was built: to be read only."""
    from core.runtime import Core

    core = Core.from_settings(demo_built.settings)
    yield core
    core.engine.dispose()
