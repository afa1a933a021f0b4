"""Fresh databases to measure on: SQLite files and a PostgreSQL of our own, fsync on."""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from core.db.migrate import upgrade
from tests.support.postgres import PostgresServer, running_postgres

KINDS = ("sqlite", "postgresql")


class Databases(Protocol):
    """Makes databases of one kind."""

    def create(self, name: str, template: str | None = None) -> str:
        """A migrated database (a copy of the one called `template`); returns its address."""
        ...


class SqliteFiles:
    """Databases as files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, template: str | None = None) -> str:
        """See `Databases`."""
        file = self.folder / f"{name}.db"
        if template is None:
            upgrade(f"sqlite:///{file}")
        else:
            source = self.folder / f"{template}.db"
            with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(file)) as new:
                old.backup(new)
        return f"sqlite:///{file}"


class PostgresDatabases:
    """Databases of one server."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server

    def create(self, name: str, template: str | None = None) -> str:
        """See `Databases`. The template must not be in use."""
        url = self.server.create_database(name, template)
        if template is None:
            upgrade(url)
        return url


@contextmanager
def running_databases(kind: str) -> Iterator[Databases]:
    """Databases of that kind, gone at the end."""
    if kind == "postgresql":
        with running_postgres(fsync=True) as server:
            yield PostgresDatabases(server)
    else:
        with tempfile.TemporaryDirectory(prefix="ixbench-") as folder:
            yield SqliteFiles(Path(folder))


def fsync_microseconds(times: int = 200) -> dict[str, int]:
    """What it costs here to bring 4 KiB to the disk: the median and the 99th percentile."""
    took = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            start = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - start)
    took.sort()
    return {
        "median": round(statistics.median(took) * 1e6),
        "p99": round(took[int(len(took) * 0.99)] * 1e6),
    }
