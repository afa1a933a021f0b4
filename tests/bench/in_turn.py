"""Two ways of doing the same, timed in turn so that whatever else the machine does hits both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Turns:
    """Medians over the turns, in seconds, and of the ratio within each turn."""

    ours: float
    floor: float
    ratio: float


def in_turn(ours: Callable[[], Any], floor: Callable[[], Any], times: int) -> Turns:
    """Time both, each going first every other time. Warm them before."""
    took: dict[Callable[[], Any], list[float]] = {ours: [], floor: []}
    for place in range(times):
        for side in (ours, floor) if place % 2 else (floor, ours):
            start = time.perf_counter()
            side()
            took[side].append(time.perf_counter() - start)
    ratios = [mine / other for mine, other in zip(took[ours], took[floor], strict=True)]
    return Turns(
        statistics.median(took[ours]), statistics.median(took[floor]), statistics.median(ratios)
    )


def first_time(run: Callable[[], Any]) -> float:
    """Seconds of a first run, with all that it compiles or loads."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
