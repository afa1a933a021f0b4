"""The doubly adaptive biased coin and Thompson sampling."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomization.method import Knowledge, Method, choose, draw, shares_of
from core.randomization.methods.adaptive import (
    TARGETS,
    adaptive_coin,
    chances_to_be_best,
    pulled,
    thompson,
)
from core.randomization.stream import uniform_below
from tests.support.stepwise import check_runs_the_same_compiled

HALF = Fraction(1, 2)
COUNTS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 3)), min_size=2, max_size=4
)


def state_of(counts: list[tuple[int, int, int]]) -> list[int]:
    """The state with these successes, failures and still unknown outcomes by arm."""
    successes, failures, unknown = zip(*counts, strict=True)
    return [*map(sum, zip(successes, failures, unknown, strict=True)), *successes, *failures]


def probabilities(method: Method, state: list[int]) -> list[Fraction]:
    """The exact probability of each arm."""
    shares = shares_of(method, state, ())
    return [Fraction(share, sum(shares)) for share in shares]


def test_hu_zhang_allocates_as_published() -> None:
    """Reference case G14; Hu & Zhang 2004, equation 3.2: g(.6, .5, 2) = .307692 = 4/13."""
    assert pulled([Fraction(3, 5), Fraction(2, 5)], [HALF, HALF], 2)[0] == Fraction(4, 13)


def test_hu_zhang_keeps_its_limits() -> None:
    """Hu & Zhang 2004: g(0, y) = 1, g(1, y) = 0, g(y, y) = y, and gamma 0 is the target itself."""
    target = [Fraction(1, 3), Fraction(2, 3)]
    assert list(pulled([Fraction(0), Fraction(1)], target, 2)) == [1, 0]
    assert list(pulled([Fraction(1), Fraction(0)], target, 2)) == [0, 1]
    assert pulled(target, target, 5) == tuple(target)
    assert pulled([Fraction(9, 10), Fraction(1, 10)], target, 0) == tuple(target)
    with pytest.raises(ValueError, match="at most 0"):
        pulled([Fraction(0), Fraction(0), Fraction(1)], [HALF, HALF, HALF], 2)


@given(st.fractions(Fraction(1, 9), Fraction(8, 9), max_denominator=9), st.integers(1, 5))
def test_hu_zhang_pulls_an_arm_back_to_its_target(x: Fraction, gamma: int) -> None:
    towards = pulled([x, 1 - x], [HALF, HALF], gamma)[0]
    assert (towards > HALF) == (x < HALF)
    assert (towards < HALF) == (x > HALF)


def rates(counts: list[tuple[int, int, int]]) -> list[Fraction]:
    """The documented estimates of the success rates."""
    return [Fraction(s + 1, s + f + 2) for s, f, _ in counts]


@given(COUNTS, st.integers(0, 4), st.sampled_from(TARGETS))
def test_coin_is_hu_zhang_at_the_estimated_target(
    counts: list[tuple[int, int, int]], gamma: int, target: str
) -> None:
    """Exact for the urn's target; the targets with roots to within their 64 binary places.

    Hu & Zhang 2004; Rosenberger et al. 2001 for the square root of p.
    """
    method = adaptive_coin(len(counts), gamma, target, (1,) * len(counts), 0)
    found = probabilities(method, state_of(counts))
    allocated = [Fraction(max(sum(row), 1)) for row in counts]
    if target == "urn":
        wanted = [1 / (1 - p) for p in rates(counts)]
        assert found == list(pulled(allocated, wanted, gamma))
    else:
        under = [p * (1 - p) if target == "neyman" else p for p in rates(counts)]
        roots = [Fraction(math.isqrt(int(square * 10**60)), 10**30) for square in under]
        for one, other in zip(found, pulled(allocated, roots, gamma), strict=True):
            assert abs(one - other) < Fraction(1, 10**16)
    assert sum(found) == 1


@pytest.mark.parametrize(
    ("target", "share"),
    [
        ("urn", 2 / 3),
        ("neyman", 0.4 / (0.4 + 0.24**0.5)),
        ("optimal", 0.8**0.5 / (0.8**0.5 + 0.6**0.5)),
    ],
)
def test_targets_are_the_published_ones_once_much_is_known(target: str, share: float) -> None:
    """Success rates .8 and .6: qB/(qA+qB), Neyman's sqrt(pq), and sqrt(p) (Rosenberger 2001)."""
    state = state_of([(8_000_000, 2_000_000, 0), (6_000_000, 4_000_000, 0)])
    found = probabilities(adaptive_coin(2, 0, target, (1, 1), 0), state)
    assert float(found[0]) == pytest.approx(share, abs=1e-6)


def test_thompson_allocates_by_the_chance_to_be_best_as_published() -> None:
    """Reference case G14: 7 of 10 against 4 of 10; to the power 1/2 .750846."""
    state = state_of([(7, 3, 0), (4, 6, 0)])
    assert probabilities(thompson(2, 1, (1, 1), 0), state)[0] == Fraction(445, 494)
    tempered = probabilities(thompson(2, HALF, (1, 1), 0), state)[0]
    assert float(tempered) == pytest.approx(0.750846, abs=5e-7)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=2, max_size=3))
@settings(max_examples=40, deadline=None)
def test_chance_to_be_best_counts_the_orders_of_uniform_numbers(
    posteriors: list[tuple[int, int]],
) -> None:
    """Beta(a, b) is the a-th of a + b - 1 uniform numbers, and all their orders are as likely.

    Here every order of at most seven numbers is looked at, by swapping places alone.
    """
    sizes = [a + b - 1 for a, b in posteriors]
    while sum(sizes) > 7:
        largest = sizes.index(max(sizes))
        posteriors[largest] = (1, 1)
        sizes[largest] = 1
    wins = [0] * len(posteriors)
    owners = [arm for arm, size in enumerate(sizes) for _ in range(size)]
    for order in set(itertools.permutations(owners)):
        seen = [0] * len(posteriors)
        reached = []
        for arm in order:
            seen[arm] += 1
            if seen[arm] == posteriors[arm][0]:
                reached.append(arm)
        wins[reached[-1]] += 1
    shares = chances_to_be_best(tuple(posteriors))
    assert [Fraction(share, sum(shares)) for share in shares] == [
        Fraction(won, sum(wins)) for won in wins
    ]


def test_three_arms_alike_are_the_best_equally_often() -> None:
    assert chances_to_be_best(((5, 9), (5, 9), (5, 9))) == (1, 1, 1)


@given(COUNTS, st.sampled_from(["0", "1/4", "1/3", "1/2", "2/3", "3/4", "1", "3/2", "2"]))
def test_power_tempers_the_chances(counts: list[tuple[int, int, int]], power: str) -> None:
    method = thompson(len(counts), Fraction(power), (1,) * len(counts), 0)
    found = probabilities(method, state_of(counts))
    chances = chances_to_be_best(tuple((s + 1, f + 1) for s, f, _ in counts))
    raised = [float(Fraction(one, sum(chances))) ** float(Fraction(power)) for one in chances]
    assert [float(one) for one in found] == pytest.approx(
        [one / sum(raised) for one in raised], abs=1e-12
    )
    assert sum(found) == 1


@pytest.mark.parametrize(
    "method", [adaptive_coin(2, 2, "neyman", (1, 2), 6), thompson(2, HALF, (1, 2), 6)]
)
def test_burn_in_is_the_random_allocation_rule_whatever_the_responses(method: Method) -> None:
    """Every order of two A and four B, each as likely; every step's own chance is the ratio."""
    orders = {}
    for order in set(itertools.permutations((0, 0, 1, 1, 1, 1))):
        knowledge, chance = Knowledge(method), Fraction(1)
        for place, arm in enumerate(order):
            chance *= knowledge.see((), arm)
            knowledge.hear(arm, place % 2 == 0)
        orders[order] = chance
    assert set(orders.values()) == {Fraction(1, 15)}
    for place in range(6):
        assert sum(p for order, p in orders.items() if order[place] == 0) == Fraction(1, 3)


def test_responses_count_from_the_end_of_the_burn_in() -> None:
    method = thompson(2, 1, (1, 1), 2)
    knowledge = Knowledge(method)
    knowledge.see((), 0)
    knowledge.hear(0, True)
    assert list(knowledge.probabilities(())) == [0, 1]
    knowledge.see((), 1)
    knowledge.hear(1, False)
    assert knowledge.probabilities(()) == (Fraction(5, 6), Fraction(1, 6))


def test_arm_forced_beyond_its_places_does_not_hold_up_the_burn_in() -> None:
    method = thompson(2, 1, (1, 1), 4)
    assert shares_of(method, [3, 0, 0, 0, 0, 0], ()) == [0, 2]
    assert shares_of(method, [4, 0, 0, 0, 0, 0], ()) == [1, 1]


@given(COUNTS, st.randoms(use_true_random=False), st.sampled_from([*TARGETS, "thompson"]))
def test_relabelling_arms_permutes_their_probabilities(
    counts: list[tuple[int, int, int]], shuffler: object, kind: str
) -> None:
    arms = len(counts)
    order = list(range(arms))
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    equal = (1,) * arms
    method = (
        thompson(arms, HALF, equal, 0)
        if kind == "thompson"
        else adaptive_coin(arms, 2, kind, equal, 0)
    )
    found = probabilities(method, state_of(counts))
    moved = probabilities(method, state_of([counts[arm] for arm in order]))
    assert moved == [found[arm] for arm in order]


def test_late_draws_are_made_below_numbers_of_any_size() -> None:
    """With 600 responses the exact chances need more than 256 bits."""
    method = thompson(2, 1, (1, 1), 0)
    state = state_of([(160, 140, 0), (150, 150, 0)])
    shares = shares_of(method, state, ())
    assert sum(shares) > 2**256
    number = uniform_below(bytes(32), "late", 601, sum(shares))
    due = choose(shares, number)
    assert draw(method, state, (), lambda _, k: uniform_below(bytes(32), "late", 601, k)) == due
    assert state[due] == 301


@pytest.mark.parametrize("gamma", [0, 1, 2])
def test_compiled_steps_are_the_same_steps(gamma: int) -> None:
    method = adaptive_coin(2, gamma, "urn", (2, 1), 6)
    check_runs_the_same_compiled(method, [n * n + 3 * n for n in range(120)])


def test_targets_with_roots_and_thompson_are_never_compiled() -> None:
    assert adaptive_coin(2, 2, "optimal", (1, 1), 2).bound is None
    assert thompson(2, 1, (1, 1), 2).bound is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: adaptive_coin(1, 2, "urn", (1,), 0), "arms is below 2"),
        (lambda: adaptive_coin(2, -1, "urn", (1, 1), 0), "gamma is below 0"),
        (lambda: adaptive_coin(2, 21, "urn", (1, 1), 0), "gamma is above 20"),
        (lambda: adaptive_coin(2, 2, "best", (1, 1), 0), "no such target"),
        (lambda: adaptive_coin(2, 2, "urn", (1, 2), 4), "multiple of 3"),
        (lambda: adaptive_coin(2, 2, "urn", (1, 1, 1), 3), "another number of arms"),
        (lambda: thompson(2, Fraction(1, 5), (1, 1), 0), "denominator"),
        (lambda: thompson(2, -1, (1, 1), 0), "power is not from 0"),
    ],
)
def test_refuses_numbers_that_it_cannot_run_with(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


def test_refuses_floats() -> None:
    with pytest.raises(TypeError, match="gamma"):
        adaptive_coin(2, 2.0, "urn", (1, 1), 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not an exact number"):
        thompson(2, 0.5, (1, 1), 0)  # type: ignore[arg-type]
