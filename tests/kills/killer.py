"""Killing ourselves with signal 9 at a chosen point of our talk with the database.

The points are: before each statement (BEGIN too), before each COMMIT and right after it. They are
counted over the whole deed. Only tests install this.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event


class Killer:
    """Counts the points that an engine passes and kills this process at the n-th, from 0."""

    def __init__(self, engine: Engine, at: int | None) -> None:
        self.passed = 0
        self._at = at
        event.listen(engine, "before_cursor_execute", self._before_statement)
        commit = engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            self._pass()
            commit(connection)
            self._pass()

        engine.dialect.do_commit = do_commit  # type: ignore[method-assign, assignment]

    def _before_statement(self, *_: object) -> None:
        self._pass()

    def _pass(self) -> None:
        if self.passed == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1


def in_a_child(deed: Callable[[], int]) -> tuple[int, int]:
    """Run `deed` in a fork of this process: its number (0-255) and the signal that it died of.

    A fork and not a new interpreter: there are hundreds of these. Nothing that belongs to the
    parent may be open.
    """
    child = os.fork()
    if child == 0:
        code = 255
        try:
            code = deed()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return -1, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), 0
