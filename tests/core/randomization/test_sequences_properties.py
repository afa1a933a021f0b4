"""What holds for every sequence method, whatever its numbers."""

import math
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.randomization.blocks import list_rows
from core.randomization.method import Knowledge, Method, Uniform, choose, draw, shares_of
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import big_stick, chen, efron
from core.randomization.methods.maximal import maximal
from core.randomization.methods.quotas import random_allocation, truncated_binomial
from core.randomization.methods.simple import simple
from core.randomization.methods.urns import block_urn, ehrenfest, wei_urn
from core.randomization.simulation.compile import compiled
from tests.support.enumerate import walk
from tests.support.sequences import BLOCKS_OF_DRAWN_SIZES, CASES, LARGER_RATIOS, Case

UNIFORMS = st.lists(st.integers(0, 2**64), min_size=1, max_size=60)
HALF = Fraction(1, 2)


def stepped(method: Method, state: list[int], uniform: int) -> int:
    """The outcome that the number falls on; the state goes on from it."""
    shares = shares_of(method, state, ())
    outcome = choose(shares, uniform % sum(shares))
    method.after(method.design, state, (), outcome)
    return outcome


def reading(uniform: int) -> Uniform:
    """Any number below k for each attempt."""
    return lambda attempt, k: (uniform >> attempt) % k


@given(CASES, UNIFORMS)
def test_shares_are_chances_of_arms_or_of_moves_but_never_of_both(
    case: Case, uniforms: list[int]
) -> None:
    method = case.method
    state = list(method.start)
    for uniform in uniforms:
        shares = shares_of(method, state, ())
        assert all(type(share) is int and share >= 0 for share in shares)
        assert sum(Fraction(share, sum(shares)) for share in shares) == 1
        assert not (any(shares[: method.arms]) and any(shares[method.arms :]))
        stepped(method, state, uniform)


@given(CASES, UNIFORMS)
def test_every_integer_of_a_trial_stays_within_the_bound(case: Case, uniforms: list[int]) -> None:
    method = case.method
    state = list(method.start)
    assert method.bound is not None
    bound = method.bound(len(uniforms))
    assert max((abs(n) for n in method.design), default=0) <= bound
    for uniform in uniforms:
        shares = shares_of(method, state, ())
        stepped(method, state, uniform)
        assert max(*map(abs, state), sum(shares), 0) <= bound


@given(CASES, st.data(), UNIFORMS)
def test_other_names_for_the_arms_change_nothing_else(
    case: Case, data: st.DataObject, uniforms: list[int]
) -> None:
    method = case.method
    named = data.draw(st.permutations(range(method.arms)))
    other = Knowledge(case.make([case.ratio[arm] for arm in named]))
    ours = Knowledge(method)
    state = list(method.start)
    for uniform in uniforms[:12]:
        chances = ours.probabilities(())
        assert other.probabilities(()) == tuple(chances[arm] for arm in named)
        arm = draw(method, state, (), reading(uniform))
        ours.see((), arm)
        other.see((), named.index(arm))


@given(LARGER_RATIOS, UNIFORMS)
def test_a_ratio_in_smaller_numbers_changes_nothing(case: Case, uniforms: list[int]) -> None:
    unit = math.gcd(*case.ratio)
    reduced = case.make([share // unit for share in case.ratio])
    one, other = Knowledge(case.method), Knowledge(reduced)
    state = list(case.method.start)
    for uniform in uniforms[:12]:
        assert one.probabilities(()) == other.probabilities(())
        arm = draw(case.method, state, (), reading(uniform))
        one.see((), arm)
        other.see((), arm)


@given(st.integers(1, 3), st.integers(0, 5), st.integers(1, 5), st.integers(2, 9))
def test_an_urn_of_larger_balls_is_the_same_urn(
    arms: int, alpha: int, beta: int, times: int
) -> None:
    assert wei_urn(arms, alpha, beta).design == wei_urn(arms, times * alpha, times * beta).design
    fractions = wei_urn(arms, Fraction(alpha, times), Fraction(beta, times))
    assert fractions.design == wei_urn(arms, alpha, beta).design


@settings(deadline=None)
@given(CASES)
def test_the_arms_stay_within_the_promised_balance_on_every_path(case: Case) -> None:
    for subjects, ahead in enumerate(walk(case.method, 2 * case.telling)):
        for path in ahead.weights:
            assert case.holds(path.counts)
            if case.returns and subjects % case.returns == 0:
                unit = sum(case.ratio)
                assert path.counts == tuple(subjects * share // unit for share in case.ratio)


@given(BLOCKS_OF_DRAWN_SIZES, UNIFORMS)
def test_blocks_of_drawn_sizes_each_end_at_the_ratio(case: Case, uniforms: list[int]) -> None:
    method = case.method
    state = list(method.start)
    counts = [0] * method.arms
    for uniform in uniforms:
        if any(shares_of(method, state, ())[method.arms :]):
            complete = sum(counts) // sum(case.ratio)
            assert counts == [complete * share for share in case.ratio]
        outcome = stepped(method, state, uniform)
        if outcome < method.arms:
            counts[outcome] += 1


@settings(deadline=None)
@given(CASES)
def test_the_ratio_is_kept_at_every_step_if_and_only_if_the_method_says_so(case: Case) -> None:
    wanted = [Fraction(share, sum(case.ratio)) for share in case.ratio]
    is_kept = all(
        ahead.next_arm(arm) == chance
        for ahead in walk(case.method, case.telling)
        for arm, chance in enumerate(wanted)
    )
    assert is_kept == case.method.keeps_ratio


@settings(deadline=None)
@given(CASES.filter(lambda case: not case.method.moves))
def test_an_arm_can_be_certain_if_and_only_if_the_method_says_so(case: Case) -> None:
    certain = any(ahead.certain() for ahead in walk(case.method, case.telling))
    assert certain == case.method.is_predictable


@given(BLOCKS_OF_DRAWN_SIZES)
def test_even_blocks_of_drawn_sizes_can_leave_one_arm_only(case: Case) -> None:
    """The longest block, its arms in order: its first arm is more often there than in any other."""
    knowledge = Knowledge(case.method)
    size = case.telling
    unit = sum(case.ratio)
    arms = [arm for arm, share in enumerate(case.ratio) for _ in range(share * size // unit)]
    for arm in arms[:-1]:
        knowledge.see((), arm)
    assert knowledge.probabilities(())[arms[-1]] == 1
    assert case.method.is_predictable


@given(
    st.binary(min_size=32, max_size=32),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True),
)
def test_each_row_of_a_list_is_a_draw_that_the_steps_allow(
    seed: bytes, shares: list[int], multiples: list[int]
) -> None:
    sizes = [sum(shares) * multiple for multiple in multiples]
    ratio = {str(arm): share for arm, share in enumerate(shares)}
    knowledge = Knowledge(permuted_block(shares, sizes))
    for row in islice(list_rows(seed, "S1", ratio, sizes), 40):
        assert knowledge.see((), int(row.arm)) > 0


COMPILED = {
    step: compiled(step)
    for method in (
        simple((1,)),
        permuted_block((1,), (1,)),
        truncated_binomial((1,), 1),
        efron(1),
        ehrenfest(1),
        wei_urn(1, 1, 1),
        block_urn((1,), 1),
        maximal(1, 2),
    )
    for step in (method.shares, method.after)
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CASES, UNIFORMS)
def test_the_compiled_source_does_what_production_does(case: Case, uniforms: list[int]) -> None:
    method = case.method
    design, levels = np.array(method.design, dtype=np.int64), np.zeros(0, dtype=np.int64)
    state, array = list(method.start), np.array(method.start, dtype=np.int64)
    out = np.full(method.outcomes, 99, dtype=np.int64)
    for uniform in uniforms:
        COMPILED[method.shares](design, array, levels, out)
        assert out.tolist() == shares_of(method, state, ())
        outcome = stepped(method, state, uniform)
        COMPILED[method.after](design, array, levels, outcome)
        assert array.tolist() == state


def test_maximal_procedure_is_exact_beyond_the_integers_of_a_machine() -> None:
    method = maximal(3, 200)
    assert method.bound is not None
    assert method.bound(200) > 2**63
    assert max(method.design) <= method.bound(200)
    *_, last = walk(method, 200)
    assert last.level() == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: simple(()),
        lambda: simple((1, 0)),
        lambda: permuted_block((1, 1), ()),
        lambda: permuted_block((2, 1), (4,)),
        lambda: permuted_block((1, 1), (4, 4)),
        lambda: random_allocation((2, 1), 4),
        lambda: truncated_binomial((1, 1), 0),
        lambda: efron(Fraction(2, 5)),
        lambda: efron(2),
        lambda: chen(HALF, 0),
        lambda: big_stick(-1),
        lambda: ehrenfest(0),
        lambda: wei_urn(2, 0, 0),
        lambda: wei_urn(2, -1, 2),
        lambda: wei_urn(0, 1, 1),
        lambda: block_urn((1, 1), 0),
        lambda: maximal(0, 10),
        lambda: maximal(3, 9),
        lambda: maximal(2, 10_000),
    ],
)
def test_refuses_numbers_that_make_no_method(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=r".{9,}"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: simple((1, True)),
        lambda: permuted_block((1, 1), (4.0,)),  # type: ignore[arg-type]
        lambda: random_allocation((1, 1), "4"),  # type: ignore[arg-type]
        lambda: efron(0.65),  # type: ignore[arg-type]
        lambda: chen(HALF, 2.0),  # type: ignore[arg-type]
        lambda: ehrenfest(True),
        lambda: wei_urn(2, 0.5, 1),  # type: ignore[arg-type]
        lambda: block_urn((1, 1), 3.0),  # type: ignore[arg-type]
        lambda: maximal(2.5, 10),  # type: ignore[arg-type]
    ],
)
def test_refuses_numbers_that_are_not_exact(make: object) -> None:
    assert callable(make)
    with pytest.raises(TypeError):
        make()
