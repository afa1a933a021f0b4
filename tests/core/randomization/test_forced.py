"""Stock and randomization."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomization.forced import (
    Given,
    Place,
    Policy,
    choose_row,
    draw_stocked,
    stocked_shares,
    walk,
)
from core.randomization.method import Method, draw
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.combined import cluster
from core.randomization.methods.minimise import minimisation
from core.randomization.methods.simple import simple

A, B = 0, 1
LIST = [A, A, B, B, A, B, B, A]
NONE = None


@pytest.mark.parametrize(
    ("policy", "backfill", "rows"),
    [
        (Policy.EVERY_ARM, False, [1, 2, NONE, NONE, NONE, 3, 4, 5]),
        (Policy.OWN_ARM, False, [1, 2, 3, 4, NONE, 5, 6, 7]),
        (Policy.FORCE, True, [1, 2, 3, 4, 6, 5, 7, 8]),
        (Policy.FORCE, False, [1, 2, 3, 4, 6, 7, 8, NONE]),
    ],
)
def test_four_ways_to_meet_an_empty_shelf_use_the_published_rows(
    policy: Policy, backfill: bool, rows: list[int | None]
) -> None:
    """Reference case G17; Carter 2024, figure 2: list AABB|ABBA, 2 A and 3 B in stock.

    Both are resupplied at patient 6. Without backfill the eighth patient is beyond the list.
    """
    found = walk(LIST, [2, 3], policy, 8, backfill=backfill, resupply={6: [9, 9]})
    assert [None if row is None else row + 1 for row in found] == rows


def test_four_ways_to_meet_an_empty_shelf_give_the_published_arms() -> None:
    """Reference case G17: A A – – – B B A; A A B B – A B B; A A B B B A B A."""

    def arms(policy: Policy, backfill: bool = False) -> str:
        found = walk(LIST, [2, 3], policy, 8, backfill=backfill, resupply={6: [9, 9]})
        return "".join("–" if row is None else "AB"[LIST[row]] for row in found)

    assert arms(Policy.EVERY_ARM) == "AA–––BBA"
    assert arms(Policy.OWN_ARM) == "AABB–ABB"
    assert arms(Policy.FORCE, backfill=True) == "AABBBABA"


def test_forced_row_keeps_the_arm_that_was_due_on_record() -> None:
    stocked = [False, True]
    place = choose_row([A, A, B], stocked, Policy.FORCE)
    assert place == Place(row=2, arm=B, original=A, passed=(0, 1))
    kept = choose_row([A, A, B], stocked, Policy.FORCE, backfill=True)
    assert kept == Place(row=2, arm=B, original=A)


def test_forced_row_is_refused_only_without_any_arm_or_row_to_give() -> None:
    assert choose_row([A, A], [False, True], Policy.FORCE) is None
    assert choose_row([A, B], [False, False], Policy.FORCE) is None
    assert choose_row([], [True, True], Policy.FORCE) is None


def test_every_arm_refuses_alike_whatever_is_next() -> None:
    """What is refused must not tell the next assignment."""
    refused = [choose_row([arm], [False, True], Policy.EVERY_ARM) for arm in (A, B)]
    assert refused == [None, None]


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=20),
    st.lists(st.integers(0, 6), min_size=3, max_size=3),
    st.sampled_from(Policy),
    st.booleans(),
)
def test_no_row_is_given_twice_and_no_kit_that_is_not_there(
    rows: list[int], stock: list[int], policy: Policy, backfill: bool
) -> None:
    found = [row for row in walk(rows, stock, policy, 25, backfill=backfill) if row is not None]
    assert len(set(found)) == len(found)
    given_arms = [rows[row] for row in found]
    assert all(given_arms.count(arm) <= stock[arm] for arm in range(3))
    if policy is not Policy.FORCE:
        assert found == list(range(len(found)))
    elif not backfill:
        assert found == sorted(found)
    else:
        assert len(found) == sum(min(rows.count(arm), stock[arm]) for arm in range(3))


def exact_chances(method: Method, stocked: list[bool], total: int, rest: int) -> list[Fraction]:
    """By every pair of numbers below `total` and, for the second draw, below `rest`."""
    found = [Fraction()] * method.arms
    for first in range(total):
        for second in range(rest):

            def uniform(attempt: int, k: int, first: int = first, second: int = second) -> int:
                return (first, second)[attempt]

            drawn = draw_stocked(method, list(method.start), (), uniform, stocked, Policy.FORCE)
            assert drawn is not None
            assert drawn.original == drawn.arm or not stocked[drawn.original]
            found[drawn.arm] += Fraction(1, total * rest)
    return found


def test_forced_draw_has_exactly_the_shares_of_the_stocked_arms() -> None:
    """Ratio 2:3:5 without the second arm: 2/7 and 5/7."""
    found = exact_chances(simple((2, 3, 5)), [True, False, True], 10, 7)
    assert found == [Fraction(2, 7), Fraction(0), Fraction(5, 7)]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_full_shelf_draws_as_ever(numbers: list[int]) -> None:
    method = permuted_block((2, 1), (3, 6))
    here, there = list(method.start), list(method.start)
    for number in numbers:

        def uniform(attempt: int, k: int, number: int = number) -> int:
            return (number + 7 * attempt) % k

        arm = draw(method, here, (), uniform)
        for policy in Policy:
            state = list(there)
            assert draw_stocked(method, state, (), uniform, [True, True], policy) == Given(arm, arm)
            assert state == here
        there = list(here)


@pytest.mark.parametrize("policy", [Policy.EVERY_ARM, Policy.OWN_ARM])
def test_refused_draw_leaves_the_state_as_it_was(policy: Policy) -> None:
    method = permuted_block((1, 1), (2, 4))
    state = list(method.start)
    refused = draw_stocked(method, state, (), lambda attempt, k: 0, [False, True], policy)
    assert refused is None
    assert state == list(method.start)


def test_own_arm_draws_on_where_another_arm_is_missing() -> None:
    method = simple((1, 1))
    drawn = draw_stocked(method, [], (), lambda attempt, k: 0, [True, False], Policy.OWN_ARM)
    assert drawn == Given(A, A)


def test_forced_draw_counts_in_the_method_as_the_arm_that_was_given() -> None:
    method = permuted_block((1, 1), (4,))
    state = list(method.start)
    drawn = draw_stocked(method, state, (), lambda attempt, k: 0, [False, True], Policy.FORCE)
    assert drawn == Given(arm=B, original=A)
    assert state == [2, 1]


def test_force_refuses_where_the_method_leaves_no_other_arm() -> None:
    """The arm of a cluster is its own: another one would break the design."""
    method = cluster(simple((1, 1)), 1)
    state = list(method.start)
    draw(method, state, (0,), lambda attempt, k: 0)
    before = list(state)
    drawn = draw_stocked(method, state, (0,), lambda attempt, k: 0, [False, True], Policy.FORCE)
    assert drawn is None
    assert state == before


def test_force_draws_another_move_where_the_one_drawn_makes_its_arm_certain() -> None:
    """Ratio-preserving minimisation 1:1:2 draws one of four fake arms, whose arm is then certain.

    Without the third arm, the two fake arms of the others are left, each as likely at first.
    """
    method = minimisation((1, 1, 2), (2,), (1,), "range", Fraction(7, 10), ratio_preserving=True)
    shares = stocked_shares(method, method.start, (0,), [True, True, False])
    assert sorted(share > 0 for share in shares[3:]) == [False, False, True, True]
    seen = set()
    for number in range(40):
        state = list(method.start)

        def uniform(attempt: int, k: int, number: int = number) -> int:
            return (number * (attempt + 1) + number // 3) % k

        drawn = draw_stocked(method, state, (0,), uniform, [True, True, False], Policy.FORCE)
        assert drawn is not None
        assert drawn.arm != 2
        seen.add((drawn.arm, drawn.original))
    assert seen == {(0, 0), (1, 1), (0, 2), (1, 2)}


def test_force_keeps_the_size_of_the_block_that_was_drawn() -> None:
    method = permuted_block((1, 1), (2, 4))
    state = list(method.start)
    drawn = draw_stocked(
        method, state, (), lambda attempt, k: (1, 0, 0)[attempt], [False, True], Policy.FORCE
    )
    assert drawn == Given(arm=B, original=A)
    assert state == [2, 1]
