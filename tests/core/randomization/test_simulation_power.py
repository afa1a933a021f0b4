"""Type I error and power: levels kept, effects found, trends that deceive."""

from __future__ import annotations

import math
from fractions import Fraction as F

import numpy as np
import pytest

from core.randomization.method import Method
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.minimise import minimisation
from core.randomization.methods.simple import simple
from core.randomization.simulation import kernels, measure, outcomes
from core.randomization.simulation.population import Population
from core.randomization.simulation.power import power
from core.randomization.simulation.results import Value
from core.randomization.simulation.student import critical_t, incomplete_beta, two_sided_p
from core.randomization.simulation.walker import checked


def near(rate: Value, expected: float, trials: int) -> bool:
    error = math.sqrt(expected * (1 - expected) / trials)
    return abs(rate.value - expected) < 5 * error


@pytest.mark.parametrize(
    ("df", "alpha", "t"),
    [
        (1, 0.05, 12.7062047362),
        (2, 0.01, 9.9248432009),
        (10, 0.05, 2.2281388520),
        (30, 0.001, 3.6459586350),
        (120, 0.05, 1.9799304051),
        (1000, 0.1, 1.6463788173),
    ],
)
def test_quantiles_of_t_are_those_of_the_tables(df: int, alpha: float, t: float) -> None:
    assert critical_t(alpha, df) == pytest.approx(t, rel=1e-9)
    assert two_sided_p(t, df) == pytest.approx(alpha, rel=1e-8)


def test_the_incomplete_beta_function_is_symmetric_and_ends_at_0_and_1() -> None:
    assert (incomplete_beta(0, 2, 3), incomplete_beta(1, 2, 3)) == (0, 1)
    assert incomplete_beta(0.25, 1, 1) == pytest.approx(0.25)
    assert incomplete_beta(0.3, 2, 5) == pytest.approx(1 - incomplete_beta(0.7, 5, 2))
    # Binomial: P(X >= 2 of 6 with .3).
    assert incomplete_beta(0.3, 2, 5) == pytest.approx(1 - 0.7**6 - 6 * 0.3 * 0.7**5)
    with pytest.raises(ValueError, match="x must"):
        incomplete_beta(1.5, 2, 3)


def test_all_tests_keep_their_level_and_find_the_effect() -> None:
    trials, few = 4000, 400
    found = power(simple((1, 1)), 40, trials, 3, effect=1.0, draws=99, rerandomized=few).tests
    assert near(found["t_test"].type_one, 0.05, trials)
    assert near(found["ancova"].type_one, 0.05, trials)
    assert near(found["rerandomization"].type_one, 0.05, few)
    # Noncentral t, 40 subjects, one standard deviation: 0.869 in equal groups, less by chance.
    assert 0.83 < found["t_test"].power.value < 0.88
    assert 0.75 < found["rerandomization"].power.value < 0.93
    assert found["rerandomization"].trials == few


def test_no_effect_gives_the_same_rate_twice() -> None:
    found = power(simple((1, 1)), 20, 500, 3, effect=0.0).tests
    assert found["t_test"].type_one == found["t_test"].power
    assert "rerandomization" not in found


def test_after_minimisation_the_t_test_is_timid_and_ancova_is_right() -> None:
    method = minimisation((1, 1), (2, 2), (1, 1), "range", F(9, 10))
    found = power(method, 60, 3000, 5, effect=0.7, factor_effects=((0.0, 2.0), (0.0, 2.0))).tests
    assert found["t_test"].type_one.value < 0.01
    assert near(found["ancova"].type_one, 0.05, 3000)
    assert found["ancova"].power.value > found["t_test"].power.value + 0.2


def test_a_trend_makes_the_t_test_timid_in_blocks_but_not_the_rerandomization_test() -> None:
    found = power(
        permuted_block((1, 1), (4,)), 48, 1000, 6, trend=6.0, draws=99, rerandomized=400
    ).tests
    assert found["t_test"].type_one.value < 0.01
    assert near(found["rerandomization"].type_one, 0.05, 400)
    assert found["rerandomization"].power.value > found["t_test"].power.value + 0.1


def alternating_pairs() -> Method:
    """AB or BA for the whole trial, in runs of half: a design that follows a trend."""

    def shares(design: object, state: list[int], levels: object, out: list[int]) -> None:
        first = state[0] < 10
        out[0] = 1 if state[0] == 0 else int(first == (state[1] == 0))
        out[1] = 1 if state[0] == 0 else 1 - out[0]

    def after(design: object, state: list[int], levels: object, arm: int) -> None:
        if state[0] == 0:
            state[1] = arm
        state[0] += 1

    return Method(2, (), (0, 0), shares, after)


def test_a_trend_inflates_the_t_test_where_the_design_follows_it() -> None:
    found = power(
        alternating_pairs(), 20, 400, 6, trend=4.0, effect=0.0, draws=19, rerandomized=100
    ).tests
    assert found["t_test"].type_one.value > 0.9
    # Only two sequences exist: whatever is observed, the other is as extreme.
    assert found["rerandomization"].type_one.value == 0


def test_ancova_is_least_squares() -> None:
    generator = np.random.default_rng(2)
    setting = checked(simple((1, 1)), 24, 1, None, Population.even((2, 3)), None)
    arms = generator.integers(0, 2, 24)
    levels = np.column_stack([generator.integers(0, 2, 24), generator.integers(0, 3, 24)])
    values = generator.normal(size=24)
    none = np.zeros(0, np.int64)
    subjects = kernels.Subjects(levels.ravel(), np.zeros(24, np.int64), none, 2)
    row = np.zeros(6)
    sheet = outcomes.Sheet(*measure.tables((2, 3), 2), np.zeros((6, 6)))
    outcomes.estimate(arms, subjects, setting.scale(), values, sheet, row)
    dummies = [np.ones(24), levels[:, 0] == 1, levels[:, 1] == 1, levels[:, 1] == 2, arms == 0]
    for x, got in (
        (np.column_stack([np.ones(24), arms == 0]).astype(float), row[:3]),
        (np.column_stack(dummies).astype(float), row[3:]),
    ):
        fitted = np.linalg.lstsq(x, values, rcond=None)[0]
        left = values - x @ fitted
        freedom = 24 - x.shape[1]
        covariance = np.linalg.inv(x.T @ x) * (left @ left) / freedom
        assert got == pytest.approx([fitted[-1], covariance[-1, -1] ** 0.5, freedom])
