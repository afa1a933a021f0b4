"""Fixtures around the small world: built once a run for each database, copied for each test."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from tests.support.postgres import PostgresServer

if TYPE_CHECKING:
    from tests.support.world import World

WORLD_TEMPLATE = "ixrs_world"
_numbers = itertools.count(1)

CopyWorld = Callable[..., str]
"""Copies the world as it was built, or the database whose address is given; returns the address.

Nobody may have the source open."""


def _build(url: str) -> None:
    # Imported late: tests of the floors and of set-up run without any database code.
    from tests.support.world import build

    build(url)


@pytest.fixture(scope="session")
def sqlite_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of the built world."""
    file = tmp_path_factory.mktemp("world") / "world.db"
    copy_sqlite(sqlite_template, file)
    _build(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_world(postgres_server: PostgresServer, postgres_template: str) -> str:
    """Name of the database of the built world."""
    _build(postgres_server.create_database(WORLD_TEMPLATE, template=postgres_template))
    postgres_server.close_for_copying(WORLD_TEMPLATE)
    return WORLD_TEMPLATE


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database with whatever is still in its write-ahead log."""
    with (
        closing(sqlite3.connect(source)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


@pytest.fixture(params=["sqlite", "postgresql"])
def copy_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CopyWorld]:
    """Makes copies of the world, on one kind of database; the test runs once for each kind."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_world")

        def copy(source: str | None = None) -> str:
            file = tmp_path / f"world_{next(_numbers)}.db"
            copy_sqlite(Path(source.removeprefix("sqlite:///")) if source else template, file)
            return f"sqlite:///{file}"

        yield copy
        return
    name: str = request.getfixturevalue("postgres_world")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def create(source: str | None = None) -> str:
        made.append(f"ixrs_world_{next(_numbers)}")
        copied = make_url(source).database if source else name
        return server.create_database(made[-1], template=copied)

    yield create
    for database in made:
        server.drop_database(database)


@pytest.fixture
def world_url(copy_world: CopyWorld) -> str:
    """The address of a world of the test's own."""
    return copy_world()


@pytest.fixture
def world(world_url: str) -> Iterator[World]:
    """A world of the test's own; the test runs once on SQLite and once on PostgreSQL."""
    from tests.support.world import World

    here = World.at(world_url)
    yield here
    here.close()


@pytest.fixture
def quick_world(sqlite_world: Path, tmp_path: Path) -> Iterator[World]:
    """A world on SQLite alone, for rules that no database has a say in."""
    from tests.support.world import World

    file = tmp_path / "quick.db"
    copy_sqlite(sqlite_world, file)
    here = World.at(f"sqlite:///{file}")
    yield here
    here.close()
