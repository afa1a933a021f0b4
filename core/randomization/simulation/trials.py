"""Operating characteristics by seeded simulation, where enumeration is out of reach."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, Final

import numpy as np

from core.randomization.method import Method
from core.randomization.simulation import measure
from core.randomization.simulation.compile import compiled
from core.randomization.simulation.population import Population
from core.randomization.simulation.results import Characteristics, Step, Value
from core.randomization.simulation.walker import Setting, Walker, checked

TRIALS_MAX: Final = 2**32 - 1
_BATCH: Final = 250


def simulate(
    method: Method,
    n: int,
    trials: int,
    seed: int,
    *,
    ratio: Sequence[int] | None = None,
    population: Population | None = None,
    successes: Sequence[Fraction] | None = None,
    threads: int | None = None,
) -> Characteristics:
    """Characteristics of `trials` trials of n subjects, each value with its standard error.

    `successes` are the probabilities of a response by arm, for response-adaptive methods. The same
    seed gives the same numbers, whatever the number of threads. ValueError for numbers out of
    range or that don't fit the method.
    """
    setting = checked(method, n, seed, ratio, population, successes)
    check_trials(trials)
    parts = [(first, min(_BATCH, trials - first)) for first in range(0, trials, _BATCH)]
    found = _Found(setting, trials)
    with ThreadPoolExecutor(threads or os.cpu_count()) as crew:
        for rows, steps in crew.map(lambda part: _run(setting, part, trials), parts):
            found.add(rows, steps)
    return found.summed()


def check_trials(trials: int) -> None:
    """Raise ValueError unless there are enough trials for an error and few enough for a word."""
    if not 2 <= trials <= TRIALS_MAX:
        raise ValueError(f"from 2 to {TRIALS_MAX} trials, not {trials}")


def _run(setting: Setting, part: tuple[int, int], trials: int) -> tuple[Any, Any]:
    """A row for each trial of a part (the first one, their number), and the sums of its steps."""
    first, count = part
    arms, n, sizes = setting.method.arms, setting.n, setting.population.sizes
    walker, scale = Walker(setting), setting.scale()
    columns = 2 + sum(size - 1 for size in sizes)
    strata = np.zeros((setting.population.strata_count, arms), np.int64)
    sums = measure.Sums(strata, *measure.tables(sizes, arms), np.zeros((columns, columns)))
    rows = np.zeros((count, measure.COLUMNS + sum(sizes)))
    steps = np.zeros((n, measure.CHANCES + 2 * arms))
    if walker.is_compiled:
        compiled(measure.characterise)(
            *walker.steps(trials * n),
            walker.places,
            walker.room,
            walker.key(first),
            scale,
            sums,
            rows,
            steps,
        )
        return rows, steps
    for place in range(count):
        walker.draw_subjects(first + place)
        walker.draw_arms(first + place)
        compiled(measure.measure)(
            walker.places.arms,
            walker.places.chances,
            walker.places.subjects,
            scale,
            sums,
            rows[place],
            steps,
        )
    return rows, steps


class _Found:
    """Sums over the batches, added in their order."""

    def __init__(self, setting: Setting, trials: int) -> None:
        self._setting = setting
        self._trials = trials
        self._total: Any = 0.0
        self._squares: Any = 0.0
        self._powers = np.zeros(5)
        self._steps: Any = 0.0
        self._final: Counter[int] = Counter()

    def add(self, rows: Any, steps: Any) -> None:
        self._total = self._total + rows.sum(axis=0)
        self._squares = self._squares + (rows * rows).sum(axis=0)
        self._powers += (rows[:, measure.SIGNED, None] ** np.arange(5)).sum(axis=0)
        self._steps = self._steps + steps
        self._final.update(int(d) for d in rows[:, measure.FINAL])

    def summed(self) -> Characteristics:
        setting, common = self._setting, self._setting.common
        offset, factors = measure.COLUMNS, []
        for size in setting.population.sizes:
            factors.append(tuple(self._mean(offset + level, common) for level in range(size)))
            offset += size
        sd, variance = self._spread()
        return Characteristics(
            n=setting.n,
            ratio=setting.ratio,
            trials=self._trials,
            seed=setting.seed,
            convergence=self._mean(measure.CONVERGENCE),
            best_guess=self._mean(measure.BEST),
            best_guess_arms=None,
            deterministic=self._mean(measure.CERTAIN),
            balanced=self._mean(measure.BALANCED),
            final_sd=sd,
            final_variance=variance,
            imbalance_max=self._mean(measure.LARGEST, common),
            final=tuple(
                (Fraction(d, common), self._share(count))
                for d, count in sorted(self._final.items())
            ),
            steps=tuple(self._step(place) for place in range(setting.n)),
            factors=tuple(factors),
            loss=self._mean(measure.LOSS),
        )

    def _mean(self, column: int, common: int = 1) -> Value:
        return self._value(self._total[column], self._squares[column], common)

    def _value(self, total: float, squares: float, common: int = 1) -> Value:
        """Mean and standard error of a sum over the trials."""
        trials = self._trials
        mean = float(total) / trials
        spare = max(float(squares) / trials - mean * mean, 0.0)
        return Value(mean / common, se=math.sqrt(spare / (trials - 1)) / common)

    def _share(self, count: float) -> Value:
        return self._value(count, count)

    def _spread(self) -> tuple[Value, Value]:
        """Standard deviation and variance of D at the end, their errors from its fourth moment."""
        trials, common = self._trials, self._setting.common
        mean, square, cube, fourth = (float(total) / trials for total in self._powers[1:])
        variance = max(square - mean**2, 0.0)
        central = fourth - 4 * mean * cube + 6 * mean**2 * square - 3 * mean**4
        error = math.sqrt(max(central - variance**2, 0.0) / trials)
        sd = math.sqrt(variance)
        return (
            Value(sd / common, se=error / (2 * sd) / common if sd else 0.0),
            Value(variance / common**2, se=error / common**2),
        )

    def _step(self, place: int) -> Step:
        row, arms = self._steps[place], self._setting.method.arms
        chances = row[measure.CHANCES :]
        return Step(
            number=place + 1,
            imbalance=self._value(
                row[measure.ABSOLUTE], row[measure.SQUARED], self._setting.common
            ),
            balanced=self._share(row[measure.ZERO]),
            allocation=tuple(self._value(chances[a], chances[arms + a]) for a in range(arms)),
        )
