"""How many statements and commits a deed takes, heard at the driver and not typed in."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections.abc import Sequence
from typing import Any

from psycopg.pq import Trace

from tests.bench.workers import Task, randomizer

FIRST = 6
"""So many deeds of those given are done without counting."""
_SENT = re.compile(r"^F\s+\d+\s+(?:Query|Execute)\s+(.*)")


class Listener:
    """Hears every statement on one driver connection, whoever sends it: SQLite's trace, or what
    goes over PostgreSQL's wire."""

    def __init__(self, connection: Any) -> None:
        self._heard: list[str] = []
        self._wire: Any = None
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(self._hear)
        else:
            self._libpq = connection.pgconn
            self._wire = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as this
            self._trace()

    def _trace(self) -> None:
        self._libpq.trace(os.dup(self._wire.fileno()))
        self._libpq.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)

    def _hear(self, statement: str) -> None:
        # SQLite reports what its triggers do as comments.
        if not statement.startswith("--"):
            self._heard.append(statement)

    def count(self) -> tuple[int, int]:
        """Statements (BEGIN and COMMIT among them) and commits so far."""
        if self._wire is None:
            return len(self._heard), sum(said.startswith("COMMIT") for said in self._heard)
        self._libpq.untrace()  # which also writes out what it held back
        self._wire.seek(0)
        sent = [found[1] for line in self._wire if (found := _SENT.match(line))]
        self._trace()
        return len(sent), sum('"COMMIT' in said for said in sent)


def per_deed(side: str, url: str, study: str, tasks: Sequence[Task]) -> dict[str, float]:
    """Statements and commits of each of these randomizations, on average."""
    listeners: list[Listener] = []
    randomize = randomizer(side, url, study, lambda made: listeners.append(Listener(made)))
    # Not the first ones: they read the study file and begin each stratum's list.
    first, rest = tasks[:FIRST], tasks[FIRST:]
    for subject, site in first:
        randomize(subject, site, f"first-{subject}")
    before = [listener.count() for listener in listeners]
    for subject, site in rest:
        randomize(subject, site, f"counted-{subject}")
    after = [listener.count() for listener in listeners]
    statements = sum(b[0] - a[0] for a, b in zip(before, after, strict=True))
    commits = sum(b[1] - a[1] for a, b in zip(before, after, strict=True))
    return {
        "statements": round(statements / len(rest), 2),
        "commits": round(commits / len(rest), 2),
    }
