"""Many people doing something at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.context import SystemEntropy
from core.errors import IxrsError

T = TypeVar("T")


def at_once(deeds: Sequence[Callable[[], T]]) -> list[T | IxrsError]:
    """Do them all at the same moment, a thread each; results and named errors in their order."""
    start = threading.Barrier(len(deeds))

    def wait_and_do(deed: Callable[[], T]) -> T | IxrsError:
        start.wait(timeout=60)
        try:
            return deed()
        except IxrsError as error:
            return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(wait_and_do, deeds))


def done(results: Sequence[T | IxrsError]) -> list[T]:
    """The results that are no errors."""
    return [result for result in results if not isinstance(result, IxrsError)]


def failed(results: Sequence[T | IxrsError]) -> list[IxrsError]:
    """The errors among the results."""
    return [result for result in results if isinstance(result, IxrsError)]


class Waiting(SystemEntropy):
    """Stops once where a deed, all but done, draws its confirmation number."""

    def __init__(self) -> None:
        self.there, self.go = threading.Event(), threading.Event()

    def below(self, bound: int) -> int:
        """A random number, after the wait."""
        if not self.there.is_set():
            self.there.set()
            self.go.wait(20)
        return super().below(bound)

    def bytes(self, count: int) -> bytes:
        """Random bytes, after the wait."""
        self.below(2)
        return super().bytes(count)
