"""Any sequence method with any sensible numbers, for properties that hold for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from core.randomization.method import Method
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import big_stick, chen, efron
from core.randomization.methods.maximal import maximal
from core.randomization.methods.quotas import random_allocation, truncated_binomial
from core.randomization.methods.simple import simple
from core.randomization.methods.urns import block_urn, ehrenfest, wei_urn

Ratio = Sequence[int]
Counts = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A method, how to make it for another ratio of as many arms, and what it promises.

    `telling` subjects are enough to show that it breaks the ratio, or leaves one arm only, if it
    ever does. `holds(counts)` is false for counts by arm that no path may meet. After each
    `returns` subjects the counts stand at the ratio.
    """

    make: Callable[[Ratio], Method]
    ratio: tuple[int, ...]
    telling: int
    holds: Callable[[Counts], bool] = lambda counts: True
    returns: int | None = None

    @property
    def method(self) -> Method:
        """The method with the ratio of the case."""
        return self.make(self.ratio)


_LEANING = st.one_of(st.just(Fraction(1)), st.fractions(Fraction(1, 2), 1, max_denominator=10))
_FEW = st.integers(1, 4)


def _of_two(
    make: Callable[[], Method], telling: int, mti: int | None = None, returns: int | None = None
) -> Case:
    """Two equal arms, which differ by `mti` at most."""

    def holds(counts: Counts) -> bool:
        return mti is None or abs(counts[0] - counts[1]) <= mti

    return Case(lambda ratio: make(), (1, 1), telling, holds, returns)


def _block_case(ratio: tuple[int, ...], multiples: list[int]) -> Case:
    sizes = [sum(ratio) * n for n in multiples]
    returns = sizes[0] if len(sizes) == 1 else None
    return Case(lambda other: permuted_block(other, sizes), ratio, max(sizes), returns=returns)


def _quota_case(make: Callable[[Ratio, int], Method], ratio: tuple[int, ...], units: int) -> Case:
    length = units * sum(ratio)
    return Case(lambda other: make(other, length), ratio, length, returns=length)


def _block_urn_case(ratio: tuple[int, ...], sets: int) -> Case:
    unit = math.gcd(*ratio)
    balanced = [share // unit for share in ratio]

    def holds(counts: Counts) -> bool:
        complete = min(n // w for n, w in zip(counts, balanced, strict=True))
        return all(n <= w * (complete + sets) for n, w in zip(counts, balanced, strict=True))

    telling = max(sum(balanced) + 2, sets * (sum(balanced) - max(balanced)) + 1)
    return Case(lambda other: block_urn(other, sets), ratio, telling, holds)


def _wei_case(arms: int, numbers: tuple[Fraction, Fraction]) -> Case:
    alpha, beta = numbers
    return Case(lambda ratio: wei_urn(len(ratio), alpha, beta), (1,) * arms, 4)


_SMALL = st.fractions(0, 3, max_denominator=4)
_RATIOS = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)


def _sizes(least: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(1, 3), min_size=least, max_size=3, unique=True)


def of_ratios(ratios: st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[Case]:
    """The methods that take a ratio."""
    return st.one_of(
        ratios.map(lambda ratio: Case(simple, ratio, 2)),
        st.builds(_block_case, ratios, _sizes(1)),
        st.builds(
            _quota_case,
            st.sampled_from([random_allocation, truncated_binomial]),
            ratios,
            st.integers(1, 2),
        ),
        st.builds(_block_urn_case, ratios, st.integers(1, 3)),
    )


LARGER_RATIOS = of_ratios(
    st.builds(
        lambda ratio, times: tuple(times * share for share in ratio), _RATIOS, st.integers(2, 4)
    )
)
"""Ratios that could be written in smaller numbers."""

BLOCKS_OF_DRAWN_SIZES = st.builds(_block_case, _RATIOS, _sizes(2))

CASES: st.SearchStrategy[Case] = st.one_of(
    of_ratios(_RATIOS),
    _LEANING.map(lambda p: _of_two(lambda: efron(p), 2)),
    st.builds(lambda p, mti: _of_two(lambda: chen(p, mti), mti + 1, mti), _LEANING, _FEW),
    _FEW.map(lambda mti: _of_two(lambda: big_stick(mti), mti + 1, mti)),
    _FEW.map(lambda balls: _of_two(lambda: ehrenfest(balls), balls + 1, balls)),
    st.builds(
        lambda mti, half: _of_two(lambda: maximal(mti, 2 * half), 2 * half, mti, 2 * half),
        _FEW,
        st.integers(1, 6),
    ),
    st.builds(_wei_case, st.integers(1, 3), st.tuples(_SMALL, _SMALL).filter(any)),
)
"""Every sequence method, with numbers small enough to be followed over all paths."""
