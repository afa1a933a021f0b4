"""The sign of a sum of square roots, where no number of digits proves a tie."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomization.roots import sign_of_root_sum


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 60)), max_size=6),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_sum_of_roots_less_itself_rewritten_is_zero(
    terms: list[tuple[int, int]], inside: int, shuffler: random.Random
) -> None:
    """a·√(n·c²) = a·c·√n: equal sums with unlike radicands, in any order."""
    rewritten = [(-coefficient * inside, n) for coefficient, n in terms]
    both = [(coefficient, n * inside**2) for coefficient, n in terms] + rewritten
    shuffler.shuffle(both)
    assert sign_of_root_sum(both) == 0


@given(st.integers(1, 10**12))
def test_sum_of_roots_tells_neighbours_apart_that_floats_cannot(n: int) -> None:
    """√(n) + √(n+2) < 2·√(n+1), by about n^(-3/2)/4; at 10**12 far below a float's digits."""
    assert sign_of_root_sum([(1, n), (1, n + 2), (-2, n + 1)]) == -1
    assert sign_of_root_sum([(-1, n), (-1, n + 2), (2, n + 1)]) == 1


def test_refuses_the_root_of_a_negative_number() -> None:
    with pytest.raises(ValueError, match="negative"):
        sign_of_root_sum([(1, -1)])
