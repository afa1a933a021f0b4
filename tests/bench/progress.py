"""A progress bar on standard error, where that is a terminal; otherwise nothing."""

from __future__ import annotations

import sys
from types import TracebackType

WIDTH = 40


class Progress:
    """One line that is written over."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._title = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._visible:
            sys.stderr.write("\r\033[K")

    def say(self, title: str) -> None:
        """What is going on from now on."""
        self._title = title
        self.show(0, 1)

    def show(self, done: int, of: int) -> None:
        """So much of it is done."""
        if self._visible:
            bar = ("#" * (WIDTH * done // max(of, 1))).ljust(WIDTH, ".")
            sys.stderr.write(f"\r\033[K{self._title} [{bar}] {done}/{of}")
            sys.stderr.flush()
