"""Minimisation off the phone: every call through the production step function, seed by seed."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Sequence
from typing import Any

from core.randomization.running import Running, Whom, advance, begin, chances
from core.randomization.scheme import Scheme
from core.study.schema import StudyConfig
from tests.bench.ist import ARMS, Call
from tests.bench.progress import Progress

MEDIAN_MAX, WORST_MAX = 5, 10


def run_seeds(
    config: StudyConfig, calls: Sequence[Call], count: int, progress: Progress
) -> dict[str, Any]:
    """The aspirin imbalance of each seed (seed n is SHA-256 of "ist|n"), their median and worst."""
    imbalances = {}
    progress.say(f"{count} seeds of {len(calls)} calls")
    for number in range(1, count + 1):
        seed = hashlib.sha256(f"ist|{number}".encode()).digest()
        imbalances[seed.hex()] = _imbalance(config, calls, seed)
        progress.show(number, count)
    median, worst = statistics.median(imbalances.values()), max(imbalances.values())
    return {
        "seeds": imbalances,
        "median_aspirin": median,
        "worst_aspirin": worst,
        "balanced": median <= MEDIAN_MAX and worst <= WORST_MAX,
    }


def _imbalance(config: StudyConfig, calls: Sequence[Call], seed: bytes) -> int:
    scheme, state, apart = Scheme.of(config), Running({}, []), 0
    for number, call in enumerate(calls, start=1):
        whom = Whom(call.levels)
        if not state.known:
            state = begin(scheme, whom, ())
        given = advance(scheme, state, whom, chances(seed, "v1|minimisation", number), None)
        assert given is not None
        arm = scheme.outcomes(call.levels)[given.arm]
        apart += 1 if ARMS[arm][0] else -1
    return abs(apart)
