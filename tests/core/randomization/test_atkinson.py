"""Atkinson's coin against the published case, and against its formula in fractions."""

from fractions import Fraction
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomization.method import Method, grown, shares_of
from core.randomization.methods.atkinson import atkinson
from core.randomization.simulation.compile import compiled, is_compilable
from tests.support.paths import Levels, counted, largest_integer, probabilities, unconditional
from tests.support.trials import Trial

HALF = Fraction(1, 2)


class Sizes(NamedTuple):
    """The numbers of levels."""

    sizes: tuple[int, ...]

    def build(self) -> Method:
        """The coin."""
        return atkinson(self.sizes)


@st.composite
def trials(draw: st.DrawFn) -> Trial[Sizes]:
    sizes = draw(st.lists(st.integers(1, 4), max_size=3))
    subject = st.tuples(*(st.integers(0, size - 1) for size in sizes))
    earlier = draw(st.lists(st.tuples(subject, st.integers(0, 1)), max_size=40))
    return Trial(Sizes(tuple(sizes)), earlier, draw(subject))


def row(sizes: tuple[int, ...], levels: Levels) -> list[Fraction]:
    """The subject's row of the model: intercept, then each factor's effects."""
    cells = [1]
    for size, level in zip(sizes, levels, strict=True):
        cells += [-1 if level == size - 1 else int(level == column) for column in range(size - 1)]
    return [Fraction(cell) for cell in cells]


def predicted(trial: Trial[Sizes]) -> Fraction | None:
    """v = x'b of the least squares fit b of arm (+1, -1) to X; None while X'X is singular.

    Gauss and Jordan over fractions, with pivoting: nothing in common with the step.
    """
    x = [row(trial.design.sizes, levels) for levels, _ in trial.earlier]
    t = [1 - 2 * arm for _, arm in trial.earlier]
    q = len(row(trial.design.sizes, trial.levels))
    system = [
        [sum((one[i] * one[j] for one in x), Fraction(0)) for j in range(q)]
        + [sum((one[i] * arm for one, arm in zip(x, t, strict=True)), Fraction(0))]
        for i in range(q)
    ]
    for column in range(q):
        pivot = next((i for i in range(column, q) if system[i][column]), None)
        if pivot is None:
            return None
        system[column], system[pivot] = system[pivot], system[column]
        system[column] = [cell / system[column][column] for cell in system[column]]
        for i in range(q):
            if i != column:
                factor = system[i][column]
                system[i] = [a - factor * b for a, b in zip(system[i], system[column], strict=True)]
    mine = row(trial.design.sizes, trial.levels)
    return sum((x * line[q] for x, line in zip(mine, system, strict=True)), Fraction(0))


@pytest.mark.parametrize(("levels", "first"), [((0, 0), Fraction(1, 5)), ((1, 1), Fraction(4, 5))])
def test_worked_example_of_two_factors(levels: Levels, first: Fraction) -> None:
    """Reference case G15: rows (1,1,1),(1,-1,1),(1,1,-1),(1,-1,-1),(1,1,1),(1,-1,1); + - - + + -.

    Level 0 is +1, level 1, the last one, -1.
    """
    rows = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 0), (1, 0)]
    method = atkinson((2, 2))
    state = counted(method, list(zip(rows, [0, 1, 1, 0, 0, 1], strict=True)))
    assert probabilities(method, state, levels) == (first, 1 - first)


def test_without_factors_it_is_the_squares_of_the_arms_sizes() -> None:
    """v = (a - b)/n turns the formula into b²/(a² + b²)."""
    method = atkinson(())
    for a, b in product(range(6), repeat=2):
        state = counted(method, [((), 0)] * a + [((), 1)] * b)
        expected = Fraction(b * b, a * a + b * b) if a or b else HALF
        assert probabilities(method, state, ())[0] == expected


@given(trials())
@settings(max_examples=300)
def test_step_is_the_formula_in_fractions(trial: Trial[Sizes]) -> None:
    v = predicted(trial)
    first = HALF if v is None else (1 - v) ** 2 / ((1 - v) ** 2 + (1 + v) ** 2)
    found = probabilities(trial.method(), trial.state(), trial.levels)
    assert found == (first, 1 - first)


@given(trials())
def test_relabelling_arms_swaps_their_probabilities(trial: Trial[Sizes]) -> None:
    swapped = Trial(
        trial.design, [(levels, 1 - arm) for levels, arm in trial.earlier], trial.levels
    )
    there = probabilities(swapped.method(), swapped.state(), trial.levels)
    assert there == probabilities(trial.method(), trial.state(), trial.levels)[::-1]


@given(trials(), st.randoms(use_true_random=False))
def test_names_of_levels_do_not_matter(trial: Trial[Sizes], shuffler: object) -> None:
    """Which level is the last one, coded -1 throughout, is only a way to write the model."""
    orders = [list(range(size)) for size in trial.design.sizes]
    for order in orders:
        shuffler.shuffle(order)  # type: ignore[attr-defined]

    def renamed(levels: Levels) -> Levels:
        return tuple(order[level] for order, level in zip(orders, levels, strict=True))

    earlier = [(renamed(levels), arm) for levels, arm in trial.earlier]
    other = Trial(trial.design, earlier, renamed(trial.levels))
    method = trial.method()
    assert probabilities(method, other.state(), other.levels) == probabilities(
        method, trial.state(), trial.levels
    )


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=6))
@settings(max_examples=30)
def test_each_step_is_fair_whatever_the_levels(subjects: list[Levels]) -> None:
    """Every path of up to six subjects."""
    method = atkinson((2, 3))
    assert method.keeps_ratio
    assert list(unconditional(method, subjects)) == [(HALF, HALF)] * len(subjects)


def test_an_arm_can_be_certain() -> None:
    method = atkinson((2,))
    state = counted(method, [((0,), 0), ((1,), 1)])
    assert method.is_predictable
    assert shares_of(method, state, (0,))[0] == 0


@given(trials(), st.integers(0, 1))
def test_no_integer_passes_the_bound(trial: Trial[Sizes], arm: int) -> None:
    method = trial.method()
    assert method.bound is not None
    largest = largest_integer(method, trial.state(), trial.levels, arm)
    assert largest <= method.bound(len(trial.earlier) + 1)


@given(trials(), st.integers(0, 1))
@settings(deadline=None)
def test_compiled_for_64_bits_it_is_the_same_step(trial: Trial[Sizes], arm: int) -> None:
    method, state = trial.method(), np.array(trial.state(), np.int64)
    if not is_compilable(method, len(trial.earlier) + 1):
        return
    design, levels = np.array(method.design, np.int64), np.array(trial.levels, np.int64)
    out = np.full(2, 7, np.int64)
    compiled(method.shares)(design, state, levels, out)
    assert out.tolist() == shares_of(method, trial.state(), trial.levels)
    compiled(method.after)(design, state, levels, arm)
    assert state.tolist() == list(counted(method, [*trial.earlier, (trial.levels, arm)]))


def test_two_factors_of_two_levels_are_compiled_for_a_trial_of_hundreds() -> None:
    assert is_compilable(atkinson((2, 2)), 500)


def test_a_new_level_cannot_join_the_sums() -> None:
    with pytest.raises(ValueError, match="not a state"):
        grown(atkinson((2, 3)), atkinson((2, 2)).start, (2, 2))


def test_refuses_factors_without_levels() -> None:
    with pytest.raises(ValueError, match="size"):
        atkinson((2, 0))
    with pytest.raises(TypeError):
        atkinson((2.0,))  # type: ignore[arg-type]
