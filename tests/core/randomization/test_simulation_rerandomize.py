"""The re-randomization test: exact p-values, impossible sequences, drawn ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction as F

import pytest

from core.randomization.method import Method, TooManyStates
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import big_stick, efron
from core.randomization.methods.minimise import minimisation
from core.randomization.methods.quotas import random_allocation
from core.randomization.methods.simple import simple
from core.randomization.methods.winners import play_the_winner
from core.randomization.simulation import rerandomize as retest
from core.randomization.simulation.rerandomize import ImpossibleSequence, rerandomize, residuals
from core.randomization.simulation.results import Rerandomization

OUTCOMES = (12, 15, 9, 14, 11, 18, 10, 16, 13, 17)
OBSERVED = (0, 1) * 5

CASES: list[tuple[Callable[[], Method], F]] = [
    (lambda: simple((1, 1)), F(9, 512)),
    (lambda: random_allocation((1, 1), 10), F(1, 126)),
    (lambda: permuted_block((1, 1), (2,)), F(1, 16)),
    (lambda: efron(F(2, 3)), F(295, 19683)),
    (lambda: big_stick(2), F(1, 256)),
    (lambda: big_stick(3), F(5, 256)),
]


@pytest.mark.parametrize(("make", "p"), CASES)
def test_exact_p_values(make: Callable[[], Method], p: F) -> None:
    """G12: |mean difference| = 5, two-sided; sequences with an empty arm are not extreme."""
    found = rerandomize(make(), OBSERVED, OUTCOMES)
    assert found.p.exact == p
    assert found.statistic.exact == 5
    assert found.draws is None


@pytest.mark.parametrize(("make", "p"), [CASES[0], CASES[3], CASES[5]])
def test_drawn_p_values_come_near_the_exact_ones(make: Callable[[], Method], p: F) -> None:
    found = rerandomize(make(), OBSERVED, OUTCOMES, draws=4000, seed=7)
    assert found.p.se is not None
    assert abs(found.p.value - float(p)) < 5 * found.p.se + 1 / 4000
    assert found.p.exact is not None
    assert (found.p.exact * 4001).denominator == 1


def test_drawn_p_values_depend_on_the_seed_alone() -> None:
    def run(seed: int) -> Rerandomization:
        return rerandomize(simple((1, 1)), OBSERVED, OUTCOMES, draws=500, seed=seed)

    assert run(3) == run(3)
    assert len({run(seed).p.value for seed in range(6)}) > 1


def test_refuses_a_sequence_that_the_method_could_not_give() -> None:
    with pytest.raises(ImpossibleSequence, match="subject 5") as refused:
        rerandomize(big_stick(2), (0, 1, 0, 0, 0, 1), (1, 2, 3, 4, 5, 6), draws=10)
    assert refused.value.place == 5


def test_decimals_are_compared_without_rounding() -> None:
    tenths = tuple(Decimal(value) / 10 for value in OUTCOMES)
    assert rerandomize(simple((1, 1)), OBSERVED, tenths).p.exact == F(9, 512)
    with pytest.raises(TypeError):
        rerandomize(simple((1, 1)), (0, 1), (0.1, 0.2))  # type: ignore[arg-type]


def test_strata_keep_their_own_blocks() -> None:
    method = permuted_block((1, 1), (2,))
    arms, levels = (0, 0, 1, 1), ((0,), (1,), (0,), (1,))
    with pytest.raises(ImpossibleSequence, match="subject 2"):
        rerandomize(method, arms, (9, 8, 1, 2))
    found = rerandomize(method, arms, (9, 8, 1, 2), levels=levels, strata=(0,))
    assert found.p.exact == F(1, 2)  # both blocks as they are, or both turned
    drawn = rerandomize(method, arms, (9, 8, 1, 2), levels=levels, strata=(0,), draws=2000, seed=1)
    assert drawn.p.value == pytest.approx(0.5, abs=0.06)


def test_minimisation_is_drawn_again_for_the_same_levels_in_the_same_order() -> None:
    method = minimisation((1, 1), (2, 2), (1, 1), "range", F(4, 5))
    levels = ((0, 0), (1, 0), (0, 1), (0, 0), (1, 1), (1, 0))
    arms, outcomes = (0, 1, 1, 0, 0, 1), (3, 7, 1, 9, 4, 6)
    expected = F(0)
    for sequence in itertools.product((0, 1), repeat=6):
        weight, state = F(1), list(method.start)
        for arm, level in zip(sequence, levels, strict=True):
            out = [0, 0]
            method.shares(method.design, state, level, out)
            weight *= F(out[arm], sum(out))
            method.after(method.design, state, level, arm)
        groups = [[y for y, a in zip(outcomes, sequence, strict=True) if a == b] for b in (0, 1)]
        if all(groups):
            means = [F(sum(group), len(group)) for group in groups]
            expected += weight * (abs(means[0] - means[1]) >= F(2, 3))
    found = rerandomize(method, arms, outcomes, levels=levels)
    assert found.statistic.exact == F(2, 3)
    assert found.p.exact == expected


def test_adjusting_takes_the_factors_off_first() -> None:
    levels = ((0,), (0,), (1,), (1,))
    assert residuals((F(1), F(3), F(10), F(14)), levels) == (F(-1), F(1), F(-2), F(2))
    method = simple((1, 1))
    plain = rerandomize(method, (0, 1, 0, 1), (1, 3, 10, 14), levels=levels)
    adjusted = rerandomize(method, (0, 1, 0, 1), (1, 3, 10, 14), levels=levels, adjusted=True)
    assert plain.statistic.exact == adjusted.statistic.exact == 3
    assert adjusted.p.exact == F(2, 16)
    assert plain.p.exact is not None
    assert plain.p.exact > F(2, 16)


def test_responses_stay_what_they_were() -> None:
    method = play_the_winner(2, 1, 1)
    found = rerandomize(method, (0, 1), (5, 1), responses=(1, 0))
    # A success on either arm makes it 2 of 3, so the other follows in 1 of 3.
    assert found.p.exact == F(1, 3)
    drawn = rerandomize(method, (0, 1), (5, 1), responses=(1, 0), draws=3000)
    assert drawn.p.value == pytest.approx(1 / 3, abs=0.05)
    with pytest.raises(ValueError, match="responses"):
        rerandomize(method, (0, 1), (5, 1))


def test_too_many_sequences_are_said_and_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retest, "PLACES_MAX", 2_000)
    arms = (0, 1) * 60
    outcomes = [2**place for place in range(120)]
    with pytest.raises(TooManyStates, match="draw"):
        rerandomize(simple((1, 1)), arms, outcomes)
    assert rerandomize(simple((1, 1)), arms, outcomes, draws=20).draws == 20


@pytest.mark.parametrize(
    ("arms", "outcomes"), [((0, 1, 2), (1, 2, 3)), ((0, 1), (1,)), ((0, 0), (1, 2)), ((0,), (1,))]
)
def test_refuses_data_that_do_not_fit(arms: tuple[int, ...], outcomes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"arm|subject"):
        rerandomize(simple((1, 1)), arms, outcomes)
