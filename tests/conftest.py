"""Fixtures for every test: a fresh database of each kind that IxRS runs on."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.support.demo_fixtures import demo_built, demo_core, demo_database, demo_record
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.world_fixtures import (
    copy_world,
    postgres_world,
    quick_world,
    sqlite_world,
    world,
    world_url,
)

__all__ = [
    "copy_world",
    "demo_built",
    "demo_core",
    "demo_database",
    "demo_record",
    "postgres_world",
    "quick_world",
    "sqlite_world",
    "world",
    "world_url",
]

TEMPLATE = "ixrs_template"
_numbers = itertools.count(1)

LONG: Final = (
    *("browser/test_crawl.py", "noninterference/", "web/api/test_document.py"),
    *("web/test_parity.py", "kills/", "attacks/", "core/supply/test_conservation.py", "bench/"),
)
"""Files whose tests take long: begun first, where files are dealt out to several processes."""
CreateDatabase = Callable[[], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--req R7`: only the tests that carry this requirement's id."""
    parser.addoption("--req", metavar="ID", help="run the tests of one requirement")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other requirements where one is asked for; long files come first."""
    wanted = config.getoption("--req")
    if wanted:
        has = [any(wanted in mark.args for mark in one.iter_markers("req")) for one in items]
        left_out = [one for one, carries in zip(items, has, strict=True) if not carries]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [one for one, carries in zip(items, has, strict=True) if carries]
    items.sort(key=lambda one: not one.nodeid.removeprefix("tests/").startswith(LONG))


def _upgrade(url: str) -> None:
    # Imported late: tests of the floors and of set-up run without any database code.
    from core.db.migrate import upgrade

    upgrade(url)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole run. It forgets on a power cut, which makes it fast."""
    with running_postgres(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """Address of the server's own, empty database."""
    return postgres_server.url()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Name of a migrated database to copy; migrating takes far longer than copying."""
    _upgrade(postgres_server.create_database(TEMPLATE))
    postgres_server.close_for_copying(TEMPLATE)
    return TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a migrated database to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    _upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def create_postgres_database(
    postgres_server: PostgresServer, postgres_template: str
) -> Iterator[CreateDatabase]:
    """Makes migrated, empty PostgreSQL databases; all are dropped after the test."""
    made: list[str] = []

    def create() -> str:
        made.append(f"ixrs_{next(_numbers)}")
        return postgres_server.create_database(made[-1], template=postgres_template)

    yield create
    for name in made:
        postgres_server.drop_database(name)


@pytest.fixture
def create_sqlite_database(sqlite_template: Path, tmp_path: Path) -> CreateDatabase:
    """Makes migrated, empty SQLite databases in the test's own folder."""

    def create() -> str:
        file = tmp_path / f"ixrs_{next(_numbers)}.db"
        # Not a copy of the file: part of the template may still be in its write-ahead log.
        with (
            closing(sqlite3.connect(sqlite_template)) as source,
            closing(sqlite3.connect(file)) as copy,
        ):
            source.backup(copy)
        return f"sqlite:///{file}"

    return create


@pytest.fixture
def sqlite_url(create_sqlite_database: CreateDatabase) -> str:
    """A fresh, migrated SQLite database."""
    return create_sqlite_database()


@pytest.fixture
def postgresql_url(create_postgres_database: CreateDatabase) -> str:
    """A fresh, migrated PostgreSQL database."""
    return create_postgres_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def create_database(request: pytest.FixtureRequest) -> CreateDatabase:
    """Makes fresh databases of one kind; the test runs once for each kind."""
    kind = "sqlite" if request.param == "sqlite" else "postgres"
    create: CreateDatabase = request.getfixturevalue(f"create_{kind}_database")
    return create


@pytest.fixture
def database_url(create_database: CreateDatabase) -> str:
    """A fresh, migrated database; the test runs once on SQLite and once on PostgreSQL."""
    return create_database()
