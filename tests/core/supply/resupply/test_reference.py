"""The rule in a whole study: the reference simulation comes to the known results.

Tolerances are four standard errors, of ours and of the reference's (100,000 studies) together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import hypot, sqrt
from statistics import mean, stdev

import pytest

from tests.core.supply.resupply.reference import (
    MIN_MAX,
    PREDICTIVE,
    Policy,
    Tally,
    simulate,
)

STUDIES = 40
SHARED = {"min_max": MIN_MAX, "predictive": PREDICTIVE}

studies = cache(simulate)


def _policy(strategy: str, minimum: int, maximum: int, *, blinded: bool = False) -> Policy:
    return Policy(SHARED[strategy], minimum, maximum, blinded)


def _agrees(
    found: Sequence[Tally], of: Callable[[Tally], float], expected: float, se: float
) -> bool:
    values = [of(each) for each in found]
    own = stdev(values) / sqrt(len(values))
    return abs(mean(values) - expected) <= 4 * hypot(own, se)


@pytest.mark.parametrize(
    ("minimum", "maximum", "stock_outs", "shipments", "dispensed", "wasted"),
    [
        (2, 6, (25.299, 0.039), (886.765, 0.042), (4451.72, 0.12), (1059.34, 0.05)),
        (4, 10, (0.798, 0.005), (595.504, 0.029), (4476.22, 0.12), (1704.42, 0.08)),
    ],
)
def test_min_max_comes_to_the_results_of_the_reference(
    minimum: int,
    maximum: int,
    stock_outs: tuple[float, float],
    shipments: tuple[float, float],
    dispensed: tuple[float, float],
    wasted: tuple[float, float],
) -> None:
    found = studies(_policy("min_max", minimum, maximum), STUDIES)
    assert _agrees(found, lambda each: each.stock_outs, *stock_outs)
    assert _agrees(found, lambda each: each.shipments, *shipments)
    assert _agrees(found, lambda each: each.dispensed, *dispensed)
    assert _agrees(found, lambda each: each.wasted, *wasted)


@pytest.mark.parametrize(("minimum", "maximum", "probability"), [(2, 6, 0.99998), (4, 10, 0.3685)])
def test_a_study_runs_out_of_stock_as_often_as_in_the_reference(
    minimum: int, maximum: int, probability: float
) -> None:
    found = studies(_policy("min_max", minimum, maximum), STUDIES)
    share = sum(each.stock_outs > 0 for each in found) / STUDIES
    assert abs(share - probability) <= 4 * sqrt(probability * (1 - probability) / STUDIES)


@pytest.mark.parametrize(
    ("minimum", "maximum", "stock_outs", "shipments", "wasted"),
    [(2, 3, 0.136, 916.6, 265), (3, 5, 0.003, 710.8, 461)],
)
def test_predictive_resupply_comes_to_the_results_of_the_reference(
    minimum: int, maximum: int, stock_outs: float, shipments: float, wasted: float
) -> None:
    # Printed to so many digits, and no more is known of their error.
    found = studies(_policy("predictive", minimum, maximum), STUDIES)
    assert _agrees(found, lambda each: each.shipments, shipments, 0.1)
    assert _agrees(found, lambda each: each.wasted, wasted, 0.5)
    assert mean(each.stock_outs for each in found) == pytest.approx(stock_outs, abs=0.35)


def test_predictive_resupply_wastes_a_fraction_of_what_min_max_does_with_as_many_shipments() -> (
    None
):
    predictive = studies(_policy("predictive", 3, 5), STUDIES)
    min_max = studies(_policy("min_max", 5, 10), STUDIES)
    shipments = [mean(each.shipments for each in found) for found in (predictive, min_max)]
    assert shipments[0] == pytest.approx(shipments[1], rel=0.02)
    assert _agrees(min_max, lambda each: each.wasted, 1753, 0.5)
    assert 3 * mean(each.wasted for each in predictive) < mean(each.wasted for each in min_max)


def test_a_trigger_close_to_the_target_sends_kits_one_by_one() -> None:
    found = studies(_policy("min_max", 2, 3), STUDIES // 4)
    resupplies = sum(each.shipments - 100 for each in found)
    assert sum(each.single for each in found) / resupplies == pytest.approx(0.936, abs=0.01)


def test_a_blinded_study_never_sends_a_kit_alone() -> None:
    found = studies(_policy("min_max", 2, 3, blinded=True), STUDIES // 4)
    assert sum(each.single for each in found) == 0
