"""Distributions of counts: against exact fractions, by simulation, and at their edges."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import comb, exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.supply.demand.counts import (
    NONE,
    ONE,
    Counts,
    binomial,
    mixture,
    negative_binomial,
    poisson,
)

CLOSE = Decimal("1e-20")
shares = st.fractions(0, 1, max_denominator=50)


def fair(*chances: str) -> Counts:
    return Counts(tuple(map(Decimal, chances)))


@given(st.integers(0, 12), shares)
def test_a_binomial_is_the_exact_one(number: int, share: Fraction) -> None:
    found = binomial(number, share)
    exact = [comb(number, k) * share**k * (1 - share) ** (number - k) for k in range(number + 1)]
    for k, chance in enumerate(found.chances):
        assert abs(chance - Decimal(exact[k].numerator) / exact[k].denominator) < CLOSE
    assert abs(found.mean - Decimal((number * share).numerator) / (number * share).denominator) < (
        CLOSE
    )


@given(st.integers(1, 6), st.fractions(Fraction(1, 20), 1, max_denominator=40))
def test_a_negative_binomial_is_the_exact_one(shape: int, chance: Fraction) -> None:
    found = negative_binomial(shape, chance)
    for k, each in enumerate(found.chances[:30]):
        exact = comb(k + shape - 1, k) * chance**shape * (1 - chance) ** k
        assert abs(each - Decimal(exact.numerator) / exact.denominator) < CLOSE
    assert abs(found.above(len(found.chances))) < CLOSE


def test_a_shape_may_be_a_fraction() -> None:
    # Two halves of a site are a site.
    half, whole = (negative_binomial(shape, Fraction(2, 3)) for shape in (Fraction(1, 2), 1))
    for one, another in zip(half.plus(half).chances, whole.chances, strict=False):
        assert abs(one - another) < CLOSE


@pytest.mark.parametrize("mean", [Fraction(1, 10), 3, 40])
def test_a_poisson_has_its_textbook_chances(mean: Fraction | int) -> None:
    found = poisson(mean)
    for k in range(min(len(found.chances), 60)):
        textbook = exp(-float(mean)) * float(mean) ** k / factorial(k)
        assert float(found.chances[k]) == pytest.approx(textbook, rel=1e-9)
    assert float(found.variance) == pytest.approx(float(mean))


def test_kits_that_each_subject_brings_are_added_as_distributions() -> None:
    each = fair("0.2", "0.5", "0.3")
    two = Counter[int]()
    for (a, p), (b, q) in product(enumerate((2, 5, 3)), repeat=2):
        two[a + b] += p * q
    assert each.times(2).chances == tuple(Decimal(two[k]) / 100 for k in range(5))
    subjects = poisson(2)
    compound = poisson(2, each)
    direct = mixture([(p, each.times(n)) for n, p in enumerate(subjects.chances[:30])])
    for one, another in zip(compound.chances[:20], direct.chances[:20], strict=True):
        assert abs(one - another) < Decimal("1e-15")
    thinned = negative_binomial(2, Fraction(3, 4), fair("0.5", "0.5"))
    for one, another in zip(
        thinned.chances[:20], negative_binomial(2, Fraction(6, 7)).chances[:20], strict=True
    ):
        assert abs(one - another) < CLOSE


def test_subjects_who_each_bring_two_kits_bring_an_even_number() -> None:
    found = negative_binomial(2, Fraction(1, 2), fair("0", "0", "1"))
    assert found.chances[1] == found.chances[3] == 0
    assert found.quantile(Fraction(3, 4)) == 2 * negative_binomial(2, Fraction(1, 2)).quantile(
        Fraction(3, 4)
    )


def test_a_quantile_is_reached_where_the_sum_equals_the_level() -> None:
    coin = binomial(3, Fraction(1, 2))
    assert [coin.quantile(Fraction(n, 8)) for n in range(1, 8)] == [0, 1, 1, 1, 2, 2, 2]
    third = mixture([(1, NONE), (1, ONE), (1, ONE.times(2))])
    assert [third.quantile(Fraction(n, 3)) for n in (1, 2)] == [0, 1]
    assert poisson(1).quantile(1 - Fraction(1, 10**30)) > poisson(1).quantile(Fraction(99, 100))


def test_the_tail_and_what_is_missing_on_average_go_together() -> None:
    found = poisson(5)
    short = sum((found.above(k) for k in range(7, 60)), Decimal(0))
    assert abs(found.shortage(7) - short) < Decimal("1e-18")
    assert abs(found.shortage(0) - 5) < Decimal("1e-18")


def test_nobody_brings_nothing() -> None:
    assert binomial(0, Fraction(1, 2)) == NONE
    assert poisson(0).quantile(Fraction(99, 100)) == 0
    assert negative_binomial(2, 1) == NONE
    assert [NONE.mean, NONE.variance, ONE.mean] == [0, 0, 1]


@pytest.mark.parametrize(
    "call",
    [
        lambda: poisson(-1),
        lambda: binomial(3, 2),
        lambda: binomial(-1, 0),
        lambda: negative_binomial(0, Fraction(1, 2)),
        lambda: negative_binomial(1, 0),
        lambda: ONE.quantile(1),
        lambda: ONE.quantile(0),
        lambda: mixture([]),
        lambda: mixture([(0, ONE)]),
        lambda: mixture([(-1, ONE), (3, ONE)]),
        lambda: negative_binomial(2, Fraction(1, 10**7)),
    ],
)
def test_numbers_out_of_range_are_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=r"below|range|from 0|needs|probable"):
        call()
