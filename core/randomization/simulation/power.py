"""Type I error and power of three tests, by seeded simulation of the method's own trials.

Outcomes: effect on the first arm + factor effects + a linear trend over the order of entry +
independent N(0, 1). None of the tests knows the trend, which is what shows how far a method alone
protects them. More than two arms: the first two are compared, the others leave the outcome alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, Final

import numpy as np

from core.randomization.method import Method
from core.randomization.simulation import measure, outcomes
from core.randomization.simulation.compile import compiled
from core.randomization.simulation.population import Population
from core.randomization.simulation.results import Power, Rates, Value
from core.randomization.simulation.student import critical_t
from core.randomization.simulation.trials import check_trials
from core.randomization.simulation.walker import Setting, Walker, checked

_BATCH: Final = 250


def power(
    method: Method,
    n: int,
    trials: int,
    seed: int,
    *,
    ratio: Sequence[int] | None = None,
    population: Population | None = None,
    successes: Sequence[Fraction] | None = None,
    effect: float = 0.5,
    factor_effects: Sequence[Sequence[float]] | None = None,
    trend: float = 0.0,
    alpha: float = 0.05,
    draws: int = 0,
    rerandomized: int = 200,
    threads: int | None = None,
) -> Power:
    """How often the two-sided t-test, ANCOVA and re-randomization test reject at `alpha`.

    `effect` and `trend` (what the last subject's mean differs from the first's) are in standard
    deviations of the noise; `factor_effects[factor][level]` too. ANCOVA fits treatment and all
    factors. The re-randomization test compares means; it takes `draws` re-randomizations (0: left
    out) in the first `rerandomized` trials. Rates have binomial standard errors. `successes` as in
    `simulate`: those responses are apart from the outcome that is tested. ValueError for numbers
    out of range or that don't fit.
    """
    setting = checked(method, n, seed, ratio, population, successes)
    check_trials(trials)
    if not 0 < alpha < 1 or draws < 0 or rerandomized < 1:
        raise ValueError("alpha must lie between 0 and 1; draws and trials may not be negative")
    model = _model(setting, factor_effects, effect, trend)
    few = min(rerandomized, trials) if draws else 0
    parts = [(first, min(_BATCH, trials - first)) for first in range(0, trials, _BATCH)]
    rejected, reached = np.zeros((2, 2), np.int64), np.zeros(2, np.int64)
    with ThreadPoolExecutor(threads or os.cpu_count()) as crew:
        for rows, counts in crew.map(lambda part: _run(setting, model, part, few, draws), parts):
            rejected += [_rejected(rows[:, test : test + 3], effect, alpha) for test in (0, 3)]
            reached += ((1 + counts) / (1 + draws) <= alpha).sum(axis=0)
    tests = {
        name: Rates(_rate(without, trials), _rate(with_effect, trials), trials)
        for name, (without, with_effect) in zip(("t_test", "ancova"), rejected, strict=True)
    }
    if few:
        tests["rerandomization"] = Rates(_rate(reached[0], few), _rate(reached[1], few), few)
    return Power(n, seed, alpha, effect, trend, draws, tests)


def _model(
    setting: Setting, factor_effects: Sequence[Sequence[float]] | None, effect: float, trend: float
) -> outcomes.Model:
    sizes = setting.population.sizes
    found = [list(levels) for levels in factor_effects or [[0.0] * size for size in sizes]]
    if [len(levels) for levels in found] != list(sizes):
        raise ValueError(f"effects are needed for factors of {sizes} levels")
    numbers = [value for levels in found for value in levels]
    if not all(math.isfinite(value) for value in (effect, trend, *numbers)):
        raise ValueError("effects and trend must be finite numbers")
    return outcomes.Model(np.array(numbers, np.float64), float(effect), float(trend))


def _run(
    setting: Setting, model: outcomes.Model, part: tuple[int, int], few: int, draws: int
) -> tuple[Any, Any]:
    """A row of estimates for each trial, and how many re-randomizations were as extreme.

    `part` is the first trial and their number.
    """
    first, count = part
    walker, scale = Walker(setting), setting.scale()
    columns = 3 + sum(size - 1 for size in setting.population.sizes)
    words = np.zeros(-(-2 * setting.n // 4) * 4, np.int64)
    values = np.zeros(setting.n)
    counted = measure.tables(setting.population.sizes, setting.method.arms)
    sheet = outcomes.Sheet(*counted, np.zeros((columns, columns)))
    rows = np.zeros((count, 6))
    counts = np.full((count, 2), draws, np.int64)  # a trial without this test rejects nothing
    for place in range(count):
        trial = first + place
        walker.draw_subjects(trial)
        walker.draw_arms(trial)
        arms, subjects = walker.places.arms, walker.places.subjects
        compiled(outcomes.draw_outcomes)(
            words, walker.key(trial), subjects, scale.offsets, model, values
        )
        compiled(outcomes.estimate)(arms, subjects, scale, values, sheet, rows[place])
        if trial < few:
            counts[place] = _count(walker, trial, values, model.effect, draws)
    return rows, counts


def _count(walker: Walker, trial: int, values: Any, effect: float, draws: int) -> tuple[int, int]:
    """Draws as extreme as observed, without and with the effect."""
    observed = walker.places.arms.copy()
    with_effect = values + effect * (observed == 0)
    if walker.is_compiled:
        found = compiled(outcomes.count_extreme)(
            *walker.steps(),
            walker.places,
            walker.room,
            walker.key(trial),
            values,
            with_effect,
            draws,
        )
        return int(found[0]), int(found[1])
    difference = compiled(outcomes.difference)
    least = [outcomes.least_extreme(difference(observed, y)) for y in (values, with_effect)]
    counts = [0, 0]
    for again in range(1, draws + 1):
        walker.draw_arms(trial, again)
        for side, y in enumerate((values, with_effect)):
            counts[side] += difference(walker.places.arms, y) >= least[side]
    return counts[0], counts[1]


def _rejected(rows: Any, effect: float, alpha: float) -> tuple[int, int]:
    """Rejections without and with the effect, from estimate, standard error, degrees of freedom."""
    estimates, errors, freedom = rows[:, 0], rows[:, 1], rows[:, 2]
    known = {int(df): critical_t(alpha, int(df)) for df in np.unique(freedom) if df >= 1}
    # Nothing is found where nothing could be compared: such a trial has no error either.
    bounds = np.array([known.get(int(df), math.inf) for df in freedom])
    least = bounds * np.where(freedom >= 1, errors, 1.0)
    without, with_effect = np.abs(estimates) > least, np.abs(estimates + effect) > least
    return int(without.sum()), int(with_effect.sum())


def _rate(count: int, trials: int) -> Value:
    rate = int(count) / trials
    return Value(rate, se=math.sqrt(rate * (1 - rate) / trials))
