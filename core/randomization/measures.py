"""How uneven the arms would be: the imbalance measures of minimisation, exact.

Each measure has two faces. `spread` is its definition, a `Fraction` for one row of counts, for
people and tests. A rule in `RULES` is the same measure as a step runs it: over plain rows of
integers (one row of counts by arm for each margin), it names the arms whose score is lowest.

Counts are divided by the arm's ratio n/r; to stay in integers they are multiplied instead by
units = lcm(ratios)/r, which scales every score alike and so changes no comparison.

Sources: Pocock & Simon, Biometrics 1975;31:103 (range, variance, standard deviation, the weighted
sum over margins); Han et al., Stat Med 2009;28:3329 (marginal balance).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction

from core.randomization.roots import sign_of_root_sum

Rows = Sequence[Sequence[int]]
Rule = Callable[[Rows, Sequence[int], Sequence[int]], list[int]]

_ROOT_SCALE = 10**50
_SD_BITS = 64


class Measure(StrEnum):
    """The imbalance of one margin, a row n1 … nk of counts divided by ratio."""

    RANGE = "range"
    VARIANCE = "variance"
    SD = "sd"
    MARGINAL_BALANCE = "marginal_balance"


def spread(measure: Measure, counts: Sequence[Fraction | int]) -> Fraction:
    """The measure of one row of counts (already divided by ratio).

    range: largest less smallest. variance: the sample variance, divisor k - 1. sd: its root, cut
    off after 50 decimals, for reading only. marginal_balance: sum over pairs |ni - nj| divided by
    (k - 1) times the sum, 0 for an empty row. ValueError for fewer than two counts.
    """
    k = len(counts)
    if k < 2:
        raise ValueError("imbalance needs two arms or more")
    total = Fraction(sum(counts))
    match measure:
        case Measure.RANGE:
            return Fraction(max(counts) - min(counts))
        case Measure.VARIANCE:
            return sum(((Fraction(n) - total / k) ** 2 for n in counts), Fraction()) / (k - 1)
        case Measure.SD:
            return _root(spread(Measure.VARIANCE, counts))
        case Measure.MARGINAL_BALANCE:
            return _pair_sum(counts) / ((k - 1) * total) if total else Fraction()


def _root(value: Fraction) -> Fraction:
    under = value.numerator * value.denominator * _ROOT_SCALE**2
    return Fraction(math.isqrt(under), value.denominator * _ROOT_SCALE)


def _pair_sum(counts: Sequence[Fraction | int]) -> Fraction:
    pairs = ((Fraction(a), b) for i, a in enumerate(counts) for b in counts[:i])
    return sum((abs(a - b) for a, b in pairs), Fraction())


def lowest_range(rows: Rows, units: Sequence[int], weights: Sequence[int]) -> list[int]:
    """The arms that would leave the lowest weighted sum of ranges."""
    scores = [0] * len(units)
    for row, weight in zip(rows, weights, strict=True):
        counts = [n * unit for n, unit in zip(row, units, strict=True)]
        ordered = sorted(counts)
        lowest, second, highest = ordered[0], ordered[1], ordered[-1]
        for arm, count in enumerate(counts):
            raised = count + units[arm]
            top = raised if raised > highest else highest
            bottom = lowest
            if count == lowest:  # the arm leaves the bottom; the next one up may stay behind
                bottom = raised if raised < second else second
            scores[arm] += weight * (top - bottom)
    return _lowest(scores)


def lowest_variance(rows: Rows, units: Sequence[int], weights: Sequence[int]) -> list[int]:
    """The arms that would leave the lowest weighted sum of sample variances."""
    scores = [0] * len(units)
    for row, weight in zip(rows, weights, strict=True):
        for arm, deviation in enumerate(_deviations(row, units)):
            scores[arm] += weight * deviation
    return _lowest(scores)


def lowest_sd(rows: Rows, units: Sequence[int], weights: Sequence[int]) -> list[int]:
    """The arms that would leave the lowest weighted sum of standard deviations, ties exact.

    Integer roots to 64 binary places, each short by less than one, order all arms that lie further
    apart than the margins can err; those that do not are compared by `sign_of_root_sum`.
    """
    terms: list[list[tuple[int, int]]] = [[] for _ in units]
    scores = [0] * len(units)
    for row, weight in zip(rows, weights, strict=True):
        for arm, deviation in enumerate(_deviations(row, units)):
            terms[arm].append((weight, deviation))
            scores[arm] += math.isqrt((weight * weight * deviation) << (2 * _SD_BITS))
    limit = min(scores) + len(rows)
    near = [arm for arm, score in enumerate(scores) if score <= limit]
    best = near[:1]
    for arm in near[1:]:
        other = [(-weight, deviation) for weight, deviation in terms[best[0]]]
        sign = sign_of_root_sum(terms[arm] + other)
        if sign < 0:
            best = [arm]
        elif sign == 0:
            best.append(arm)
    return best


def lowest_marginal_balance(rows: Rows, units: Sequence[int], weights: Sequence[int]) -> list[int]:
    """The arms that would leave the lowest weighted sum of Han's marginal balance.

    The divisor differs by margin and by arm, so scores are fractions over the product of the
    divisors, compared crosswise. Needs the arms squared for each margin, the others only the arms.
    """
    tops = [0] * len(units)
    bottoms = [1] * len(units)
    for row, weight in zip(rows, weights, strict=True):
        counts = [n * unit for n, unit in zip(row, units, strict=True)]
        total = sum(counts)
        pairs = sum(abs(a - b) for i, a in enumerate(counts) for b in counts[:i])
        for arm, unit in enumerate(units):
            count = counts[arm]
            gain = sum(abs(count + unit - n) - abs(count - n) for n in counts) - unit
            top, bottom = weight * (pairs + gain), total + unit
            tops[arm] = tops[arm] * bottom + top * bottoms[arm]
            bottoms[arm] *= bottom
    best = [0]
    for arm in range(1, len(units)):
        here, there = tops[arm] * bottoms[best[0]], tops[best[0]] * bottoms[arm]
        if here < there:
            best = [arm]
        elif here == there:
            best.append(arm)
    return best


def _deviations(row: Sequence[int], units: Sequence[int]) -> list[int]:
    """For each arm, k(k-1) times the sample variance of the row once the arm has one more."""
    counts = [n * unit for n, unit in zip(row, units, strict=True)]
    k = len(counts)
    total = sum(counts)
    squares = sum([count * count for count in counts])
    deviations = []
    for count, unit in zip(counts, units, strict=True):
        raised = total + unit
        deviations.append(k * (squares + unit * (2 * count + unit)) - raised * raised)
    return deviations


def _lowest(scores: Sequence[int]) -> list[int]:
    low = min(scores)
    return [arm for arm, score in enumerate(scores) if score == low]


RULES: Mapping[Measure, Rule] = {
    Measure.RANGE: lowest_range,
    Measure.VARIANCE: lowest_variance,
    Measure.SD: lowest_sd,
    Measure.MARGINAL_BALANCE: lowest_marginal_balance,
}
