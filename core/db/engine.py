"""The engine, tuned for each database, and the fair queue before SQLite's single writer."""

from __future__ import annotations

import collections
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

_WRITE = "ixrs_write"
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "trusted_schema=OFF",
    "busy_timeout=10000",
)


def make_engine(url: str, *, threads: int = 8) -> Engine:
    """An engine for `url` (sqlite or postgresql+psycopg), with a pool for `threads` threads."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed.render_as_string(hide_password=False), threads)
    return create_engine(
        parsed,
        pool_size=threads,
        max_overflow=0,
        pool_timeout=30,
        isolation_level="READ COMMITTED",
        hide_parameters=True,  # an error's text goes to the log
        connect_args={"connect_timeout": 5},
    )


def _sqlite(url: str, threads: int) -> Engine:
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=threads + 2,
        max_overflow=threads,
        pool_timeout=30,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": 10},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: object) -> None:
        # The driver's own transaction handling silently loses an update: ours begins explicitly.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    # Not a listener: one listener makes every session and statement slower.
    engine.dialect.do_begin = _begin  # type: ignore[method-assign]
    return engine


def _begin(dbapi_connection: Any) -> None:
    write = dbapi_connection.info.pop(_WRITE, False)
    dbapi_connection.execute("BEGIN IMMEDIATE" if write else "BEGIN").close()


@contextmanager
def begin_writing(db: Connection) -> Iterator[None]:
    """A session on SQLite that takes the write lock as it begins; committed at the end."""
    db.connection.info[_WRITE] = True
    with db.begin():
        yield


class FairQueue:
    """First come, first served before SQLite's write lock, over threads and processes.

    SQLite's busy handler polls and starves waiters; here threads queue in order, and processes on
    an advisory lock beside the database file (a no-op where the platform has none).
    """

    def __init__(self, lock_file: Path | None) -> None:
        self._mutex = threading.Lock()
        self._waiting: collections.deque[threading.Lock] = collections.deque()
        self._busy = False
        self._file: TextIO | None = None
        self._path = lock_file

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and hold it."""
        self._enter()
        try:
            self._lock_file()
            yield
        finally:
            self._unlock_file()
            self._leave()

    def _enter(self) -> None:
        with self._mutex:
            if not self._busy:
                self._busy = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()

    def _leave(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._busy = False

    if sys.platform != "win32":

        def _lock_file(self) -> None:
            import fcntl

            if self._path is None:
                return
            if self._file is None:
                self._file = self._path.open("a")
            fcntl.flock(self._file, fcntl.LOCK_EX)

        def _unlock_file(self) -> None:
            import fcntl

            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    else:

        def _lock_file(self) -> None:
            """SQLite's own lock has to do between processes."""

        def _unlock_file(self) -> None:
            """See `_lock_file`."""


def queue_for(engine: Engine) -> FairQueue | None:
    """The queue that write sessions on this engine wait in; none where the server queues."""
    if engine.dialect.name != "sqlite":
        return None
    database = engine.url.database
    if not database or database == ":memory:":
        return FairQueue(None)
    return FairQueue(Path(database + ".queue"))
