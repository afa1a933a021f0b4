"""Clusters that share an arm, and factorial designs."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomization.method import Knowledge, Method, draw, grown, shares_of
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import efron
from core.randomization.methods.combined import cluster, factorial
from core.randomization.methods.minimise import minimisation
from core.randomization.methods.simple import simple
from core.randomization.methods.winners import play_the_winner

HALF = Fraction(1, 2)
FOUR = ((0, 0), (0, 1), (1, 0), (1, 1))


def drawn(method: Method, state: list[int], levels: tuple[int, ...], number: int) -> int:
    """Draw by one number, whatever is asked of it."""
    return draw(method, state, levels, lambda attempt, k: (number // (7**attempt)) % k)


def test_cluster_is_drawn_once_and_its_later_subjects_follow() -> None:
    """Block of two for clusters: 0 is open, 1 gets the other arm, and both keep theirs."""
    knowledge = Knowledge(cluster(permuted_block((1, 1), (2,)), 3))
    assert knowledge.probabilities((0,)) == (HALF, HALF)
    assert knowledge.see((0,), 1) == HALF
    assert list(knowledge.probabilities((0,))) == [0, 1]
    assert list(knowledge.probabilities((1,))) == [1, 0]
    assert knowledge.see((0,), 1) == 1
    assert list(knowledge.probabilities((1,))) == [1, 0]
    assert knowledge.see((1,), 0) == 1
    assert knowledge.probabilities((2,)) == (HALF, HALF)
    with pytest.raises(ValueError, match="could not have been drawn"):
        knowledge.see((0,), 0)


@given(
    st.sampled_from([simple((2, 1)), permuted_block((2, 1), (3, 6)), permuted_block((2, 1), (3,))]),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**6)), max_size=30),
)
def test_clusters_get_the_arms_that_their_first_subjects_would_get_alone(
    inner: Method, subjects: list[tuple[int, int]]
) -> None:
    method = cluster(inner, 6)
    state, alone = list(method.start), list(inner.start)
    arms: dict[int, int] = {}
    for which, number in subjects:
        shares = shares_of(method, state, (which,))
        assert sum(shares) > 0
        if which in arms:
            assert [share > 0 for share in shares] == [
                outcome == arms[which] for outcome in range(method.outcomes)
            ]
        else:
            assert shares == shares_of(inner, alone, ())
            arms[which] = drawn(inner, alone, (), number)
        assert drawn(method, state, (which,), number) == arms[which]
        assert state[: len(alone)] == alone


def test_clusters_keep_the_ratio_at_every_step_whoever_comes_when() -> None:
    """Every order of arms, 2:1 in blocks of 3 or 6: the chance of each arm is 2/3 or 1/3."""
    method = cluster(permuted_block((2, 1), (3, 6)), 4)
    assert method.keeps_ratio
    comes = (0, 1, 0, 2, 1, 3)
    chances = [Fraction()] * len(comes)
    for order in itertools.product(range(2), repeat=len(comes)):
        knowledge, chance = Knowledge(method), Fraction(1)
        for which, arm in zip(comes, order, strict=True):
            if not knowledge.probabilities((which,))[arm]:
                chance = Fraction()
                break
            chance *= knowledge.see((which,), arm)
        for place, arm in enumerate(order):
            chances[place] += chance if arm == 0 else 0
    assert chances == [Fraction(2, 3)] * len(comes)


def test_new_cluster_takes_a_place_after_the_others() -> None:
    small, large = (
        cluster(permuted_block((1, 1), (2, 4)), 1),
        cluster(permuted_block((1, 1), (2, 4)), 2),
    )
    state = list(small.start)
    arm = drawn(small, state, (0,), 5)
    wider = grown(large, state, (1,))
    assert drawn(large, wider, (0,), 6) == arm
    assert wider[:-1] == state
    assert sum(shares_of(large, wider, (1,))) > 1


def test_cluster_refuses_methods_that_look_at_subjects() -> None:
    with pytest.raises(ValueError, match="without factors and responses"):
        cluster(play_the_winner(2, 1, 1), 3)
    with pytest.raises(ValueError, match="without factors and responses"):
        cluster(minimisation((1, 1), (2,), (1,), "range", Fraction(4, 5)), 3)
    with pytest.raises(ValueError, match="below 0"):
        cluster(simple((1, 1)), -1)


def two_by_two() -> tuple[Method, list[Method]]:
    """A factorial design of Efron's coin and random block sizes 2:1."""
    parts = [efron(Fraction(2, 3)), permuted_block((2, 1), (3, 6))]
    return factorial(FOUR, parts), parts


@given(st.lists(st.integers(0, 3), max_size=9))
def test_part_of_a_factorial_design_is_drawn_as_if_it_were_alone(arms: list[int]) -> None:
    """The chance of an arm is the product of its levels' chances, each part knowing its own."""
    method, parts = two_by_two()
    whole, alone = Knowledge(method), [Knowledge(part) for part in parts]
    for arm in arms:
        chances = [knowledge.probabilities(()) for knowledge in alone]
        found = whole.probabilities(())
        assert sum(found) == 1
        assert list(found) == [chances[0][one] * chances[1][other] for one, other in FOUR]
        if not found[arm]:
            return
        whole.see((), arm)
        for knowledge, level in zip(alone, FOUR[arm], strict=True):
            knowledge.see((), level)


def test_factorial_design_keeps_the_ratio_where_each_part_does() -> None:
    """1:1 by 2:1, every path of four subjects: 1/3 1/6 1/3 1/6 at each step."""
    method, _ = two_by_two()
    assert method.keeps_ratio
    chances = [[Fraction()] * 4 for _ in range(4)]
    for order in itertools.product(range(4), repeat=4):
        knowledge, chance = Knowledge(method), Fraction(1)
        for arm in order:
            if not knowledge.probabilities(())[arm]:
                chance = Fraction()
                break
            chance *= knowledge.see((), arm)
        for place, arm in enumerate(order):
            chances[place][arm] += chance
    third, sixth = Fraction(1, 3), Fraction(1, 6)
    assert chances == [[third, sixth, third, sixth]] * 4


@given(st.permutations(FOUR), st.lists(st.integers(0, 3), max_size=6))
def test_order_of_the_arms_changes_nothing_else(
    order: list[tuple[int, int]], arms: list[int]
) -> None:
    method, parts = two_by_two()
    here, there = Knowledge(method), Knowledge(factorial(order, parts))
    for arm in arms:
        if not here.probabilities(())[arm]:
            return
        here.see((), arm)
        there.see((), order.index(FOUR[arm]))
        found = there.probabilities(())
        assert tuple(found[order.index(levels)] for levels in FOUR) == here.probabilities(())


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 10**6)), max_size=12)
)
def test_parts_may_look_at_factors_beside_parts_that_do_not(
    subjects: list[tuple[int, int, int]],
) -> None:
    """Two parts minimised over the same two factors around a part in blocks, sites growing."""
    p = Fraction(4, 5)

    def design(sites: int) -> tuple[Method, list[Method]]:
        first = minimisation((1, 1), (2, sites), (1, 1), "range", p)
        last = minimisation((1, 1, 1), (2, sites), (1, 2), "variance", p)
        parts = [first, permuted_block((1, 1), (2,)), last]
        return factorial(list(itertools.product(range(2), range(2), range(3))), parts), parts

    method, parts = design(2)
    wide, wide_parts = design(3)
    state, alone = list(method.start), [list(part.start) for part in parts]
    is_grown = False
    for sex, site, number in subjects:
        if site == 2 and not is_grown:
            is_grown = True
            state = grown(wide, state, (2, 2))
            for place in (0, 2):
                alone[place] = grown(wide_parts[place], alone[place], (2, 2))
            method, parts = wide, wide_parts
        arm = drawn(method, state, (sex, site), number)
        levels = list(itertools.product(range(2), range(2), range(3)))[arm]
        for part, own, level in zip(parts, alone, levels, strict=True):
            part.after(part.design, own, (sex, site) if part.sizes else (), level)
    wanted = [
        shares_of(part, own, (0, 1) if part.sizes else ())
        for part, own in zip(parts, alone, strict=True)
    ]
    products = [x * y * z for x, y, z in itertools.product(*wanted)]
    assert shares_of(method, state, (0, 1)) == products


def test_factorial_design_refuses_arms_that_are_not_the_full_product() -> None:
    parts = [simple((1, 1)), simple((1, 1))]
    for arms in (FOUR[:3], [*FOUR, (0, 0)], [(0, 0), (0, 1), (1, 0), (1, 2)]):
        with pytest.raises(ValueError, match="every combination"):
            factorial(arms, parts)
    with pytest.raises(ValueError, match="every combination"):
        factorial([], [])


def test_factorial_design_refuses_parts_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="responses"):
        factorial(FOUR, [simple((1, 1)), play_the_winner(2, 1, 1)])
    parts = [minimisation((1, 1), (n,), (1,), "range", Fraction(4, 5)) for n in (2, 3)]
    with pytest.raises(ValueError, match="different factors"):
        factorial(FOUR, parts)


def test_designs_made_of_methods_say_what_their_parts_say() -> None:
    coin, block = efron(Fraction(2, 3)), permuted_block((1, 1), (2,))
    assert cluster(coin, 2).is_predictable
    assert not factorial(FOUR, [coin, block]).is_predictable
    assert factorial(FOUR, [block, block]).is_predictable
    uneven = minimisation((1, 2), (), (), "range", Fraction(9, 10), overall_weight=1)
    assert not factorial(FOUR, [coin, uneven]).keeps_ratio
