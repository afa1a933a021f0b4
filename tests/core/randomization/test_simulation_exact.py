"""Operating characteristics by enumeration, against published and exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction as F
from math import comb

import pytest

from core.randomization.method import Knowledge, Method, TooManyStates
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import big_stick, efron
from core.randomization.methods.maximal import maximal
from core.randomization.methods.minimise import minimisation
from core.randomization.methods.quotas import random_allocation
from core.randomization.methods.simple import simple
from core.randomization.methods.urns import ehrenfest, wei_urn
from core.randomization.methods.winners import play_the_winner
from core.randomization.simulation import exact as enumeration
from core.randomization.simulation.exact import exact_characteristics

HALF = F(1, 2)

ZHAO: dict[str, tuple[Callable[[], Method], float, float, float, float, float]] = {
    "big stick 4": (lambda: big_stick(4), 0.55875, 0.1175, 0.1300, 2.4495, 3.9996),
    "block 4": (lambda: permuted_block((1, 1), (4,)), 0.70833, 0.33333, 0.41667, 0, 2),
    "block 6": (lambda: permuted_block((1, 1), (6,)), 0.680, 0.241, 0.364, 1.2649, 2.8332),
    "block 8": (lambda: permuted_block((1, 1), (8,)), 0.66214, 0.192, 0.32971, 1.5119, 3.2759),
    "coin .65": (lambda: efron(F(65, 100)), 0.61364, 0, 0.23705, 2.3463, 5.4948),
    "allocation rule": (
        lambda: random_allocation((1, 1), 100),
        0.55782,
        0.01961,
        0.11565,
        0,
        8.2091,
    ),
    "Ehrenfest 10": (lambda: ehrenfest(10), 0.58520, 0, 0.18062, 2.2361, 5.2512),
}


@pytest.mark.parametrize("design", ZHAO)
def test_designs_of_a_hundred_subjects_have_the_published_characteristics(design: str) -> None:
    """G7: Zhao et al. 2011, table IV."""
    make, *printed = ZHAO[design]
    found = exact_characteristics(make(), 100)
    values = (
        found.convergence,
        found.deterministic,
        found.balanced,
        found.final_sd,
        found.imbalance_max,
    )
    assert [one.value for one in values] == pytest.approx(printed, abs=6e-5)


@pytest.mark.parametrize(
    ("size", "guessed"),
    [(2, F(3, 4)), (4, F(17, 24)), (6, F(41, 60)), (8, F(373, 560)), (10, F(823, 1260))],
)
def test_guesses_within_a_block_are_those_of_blackwell_and_hodges(size: int, guessed: F) -> None:
    """G8: Blackwell & Hodges 1957."""
    found = exact_characteristics(permuted_block((1, 1), (size,)), size)
    m = size // 2
    assert found.convergence.exact == guessed
    assert guessed == HALF + (F(2 ** (size - 1), comb(size, m)) - HALF) / size


@pytest.mark.parametrize(("sizes", "limit"), [((2, 4, 6), F(253, 360)), ((2, 4), F(13, 18))])
def test_guesses_of_random_blocks_come_near_the_renewal_limit(
    sizes: tuple[int, ...], limit: F
) -> None:
    """G8: sizes weigh by the subjects in them, not by how often they are drawn."""
    method = permuted_block((1, 1), sizes)
    long, short = (exact_characteristics(method, n).convergence.value for n in (360, 60))
    assert long == pytest.approx(float(limit), abs=5e-4)
    assert abs(long - float(limit)) < abs(short - float(limit))


def test_efrons_coin_has_the_exact_imbalance_after_ten() -> None:
    """G9: Efron 1971, p = 2/3."""
    found = exact_characteristics(efron(F(2, 3)), 10)
    assert {int(d): one.exact for d, one in found.final} == {
        0: F(10432, 19683),
        2: F(832, 2187),
        4: F(56, 729),
        6: F(76, 6561),
        8: F(22, 19683),
        10: F(1, 19683),
    }


def test_efrons_coin_comes_near_its_limits() -> None:
    """G9: P(D=0) at even n tends to 1/2, correct guesses to .625."""
    found = exact_characteristics(efron(F(2, 3)), 100)
    assert found.steps[-1].balanced.value == pytest.approx(0.5, abs=1e-3)
    assert found.steps[-2].balanced.exact == 0
    assert found.convergence.value == pytest.approx(0.625, abs=2e-3)


@pytest.mark.parametrize("n", [3, 4, 10, 31])
def test_weis_urn_has_a_variance_of_a_third_of_n(n: int) -> None:
    """G10: UD(0,1)."""
    assert exact_characteristics(wei_urn(2, 0, 1), n).final_variance.exact == F(n, 3)


@pytest.mark.parametrize(
    ("make", "guessed"),
    [
        (lambda: efron(F(2, 3)), 0.610661),
        (lambda: big_stick(3), 0.561133),
        (lambda: wei_urn(2, 0, 1), 0.619237),
        (lambda: random_allocation((1, 1), 10), 0.653175),
        (lambda: maximal(2, 10), 0.683333),
        (lambda: maximal(3, 10), 0.660345),
    ],
)
def test_guesses_of_ten_are_exact(make: Callable[[], Method], guessed: float) -> None:
    """G11."""
    assert exact_characteristics(make(), 10).convergence.value == pytest.approx(guessed, abs=5e-7)


def test_allocation_by_step_shows_that_naive_minimisation_leaves_the_ratio() -> None:
    """G13: 1:2 without covariates, range on n/ratio, p = .9; fake arms mend it."""
    shown = []
    for keeps in (False, True):
        method = minimisation(
            (1, 2), (), (), "range", F(9, 10), overall_weight=1, ratio_preserving=keeps
        )
        found = exact_characteristics(method, 4, ratio=(1, 2))
        shown.append([step.allocation[0].exact for step in found.steps])
    assert shown == [[F(1, 10), F(41, 50), F(43, 250), F(67, 625)], [F(1, 3)] * 4]


def test_every_number_of_complete_randomization_is_known() -> None:
    found = exact_characteristics(simple((1, 1)), 4)
    assert found.convergence.exact == found.best_guess.exact == HALF
    assert found.deterministic.exact == 0
    assert found.balanced.exact == F(0 + 8 + 0 + 6, 4 * 16)
    assert found.final_variance.exact == 4
    assert found.loss.exact == 1  # E D²/n
    assert [step.imbalance.exact for step in found.steps] == [1, 1, F(3, 2), F(3, 2)]


def test_d_is_counted_in_shares_of_the_ratio() -> None:
    found = exact_characteristics(permuted_block((2, 1), (3,)), 3, ratio=(2, 1))
    assert {int(d): one.exact for d, one in found.final} == {0: 1}
    # After one subject: 1/2 with two in three, 1 with one in three.
    assert found.steps[0].imbalance.exact == F(2, 3)
    assert found.loss.exact == 0


def test_three_arms_are_measured_from_the_largest_to_the_smallest() -> None:
    found = exact_characteristics(simple((1, 1, 1)), 2)
    assert dict(found.final)[F(2)].exact == F(1, 3)
    assert dict(found.final)[F(1)].exact == F(2, 3)
    assert found.best_guess.exact == F(1, 3)


def test_who_knows_only_the_arms_guesses_random_blocks_as_their_knowledge_allows() -> None:
    method, n = permuted_block((1, 1), (2, 4)), 8

    def guess(knowledge: list[int]) -> F:
        if len(knowledge) == n:
            return F(0)
        known = Knowledge(method)
        for arm in knowledge:
            known.see((), arm)
        chances = known.probabilities(())
        after = [chances[a] * guess([*knowledge, a]) for a in (0, 1) if chances[a]]
        return max(chances) + sum(after, F(0))

    found = exact_characteristics(method, n)
    assert found.best_guess_arms is not None
    assert found.best_guess_arms.exact == guess([]) / n


def test_whoever_sees_no_fake_arms_guesses_worse_than_the_state_would_allow() -> None:
    method = minimisation(
        (1, 2), (), (), "range", F(9, 10), overall_weight=1, ratio_preserving=True
    )
    found = exact_characteristics(method, 5, ratio=(1, 2))
    assert found.best_guess_arms is not None
    assert F(2, 3) < (found.best_guess_arms.exact or 0) < (found.best_guess.exact or 0)


def test_responses_are_drawn_with_their_probabilities() -> None:
    found = exact_characteristics(play_the_winner(2, 1, 1), 2, successes=(F(1), F(0)))
    # One of each to begin with; then the first arm has 2 of 3 whatever came first.
    assert [step.allocation[0].exact for step in found.steps] == [HALF, F(2, 3)]
    assert found.best_guess_arms is None  # the arms don't tell who responded


@pytest.mark.parametrize("limit", ["TURNS_MAX", "PLACES_MAX", "WORK_MAX"])
def test_too_many_states_are_said_and_not_followed(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enumeration, limit, 2_000)
    method = minimisation(
        (3, 2, 2), (), (), "range", F(4, 5), overall_weight=1, ratio_preserving=True
    )
    with pytest.raises(TooManyStates, match="simulate"):
        exact_characteristics(method, 100, ratio=(3, 2, 2))


@pytest.mark.parametrize(
    ("n", "ratio", "successes"),
    [(0, None, None), (5, (1, 1, 1), None), (5, (1, 0), None), (5, None, (HALF, HALF))],
)
def test_refuses_what_does_not_fit_the_method(
    n: int, ratio: tuple[int, ...] | None, successes: tuple[F, ...] | None
) -> None:
    with pytest.raises(ValueError, match=r"needed|ratio|go with"):
        exact_characteristics(efron(F(2, 3)), n, ratio=ratio, successes=successes)
