"""Distributions of counts (subjects, kits), in decimal arithmetic: the same digits everywhere.

A distribution that has no end is cut where less than `TAIL` of it is left, so that its sums fall
short by at most that. Sources: Panjer (1981) for compound counts; the rest is textbook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from itertools import accumulate
from typing import Final

PRECISE: Final = Context(prec=45)
"""Digits of every sum; an answer keeps at least 15 of them."""

TAIL: Final = Decimal("1e-24")
_SLACK: Final = Decimal("1e-18")
_LENGTH_MAX: Final = 200_000

Number = int | Fraction | Decimal


def decimal(value: Number) -> Decimal:
    """The value in `PRECISE` digits."""
    if isinstance(value, Fraction):
        return PRECISE.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Decimal(value)


def check_share(name: str, value: Number) -> None:
    """Raise ValueError unless the value is from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is not from 0 to 1: {value}")


@dataclass(frozen=True, slots=True)
class Counts:
    """How probable 0, 1, 2 … are; what lies beyond has no more than `TAIL`."""

    chances: tuple[Decimal, ...]

    @property
    def mean(self) -> Decimal:
        """The expected count."""
        with localcontext(PRECISE):
            return sum((k * each for k, each in enumerate(self.chances)), Decimal(0))

    @property
    def variance(self) -> Decimal:
        """The variance."""
        with localcontext(PRECISE):
            mean = self.mean
            spread = ((k - mean) ** 2 * each for k, each in enumerate(self.chances))
            return sum(spread, Decimal(0))

    def at_most(self, count: int) -> Decimal:
        """P(X ≤ count)."""
        with localcontext(PRECISE):
            return sum(self.chances[: max(count + 1, 0)], Decimal(0))

    def above(self, count: int) -> Decimal:
        """P(X > count)."""
        with localcontext(PRECISE):
            return 1 - self.at_most(count)

    def shortage(self, stock: int) -> Decimal:
        """E[(X − stock)⁺]: how many are missing on average."""
        with localcontext(PRECISE):
            beyond = enumerate(self.chances[stock + 1 :], start=1)
            return sum((k * each for k, each in beyond), Decimal(0))

    def quantile(self, level: Number) -> int:
        """The smallest count with P(X ≤ count) ≥ level; ValueError unless 0 < level < 1."""
        if not 0 < level < 1:
            raise ValueError(f"level is not above 0 and below 1: {level}")
        with localcontext(PRECISE):
            # A sum that reaches the level exactly must not miss it by its last digit.
            enough = decimal(level) - _SLACK
            return next(k for k, sum_ in enumerate(accumulate(self.chances)) if sum_ >= enough)

    def plus(self, other: Counts) -> Counts:
        """The sum of both, independent of each other (their convolution)."""
        with localcontext(PRECISE):
            found = [Decimal(0)] * (len(self.chances) + len(other.chances) - 1)
            for i, one in enumerate(self.chances):
                if one:
                    for j, another in enumerate(other.chances):
                        found[i + j] += one * another
            return Counts(_cut(found))

    def times(self, number: int) -> Counts:
        """The sum of `number` independent ones; ValueError if that is below 0."""
        if number < 0:
            raise ValueError(f"a number of counts is below 0: {number}")
        found, doubled = NONE, self
        while number:
            if number % 2:
                found = found.plus(doubled)
            number //= 2
            if number:
                doubled = doubled.plus(doubled)
        return found

    def with_chance(self, chance: Number) -> Counts:
        """The count with this chance, otherwise 0."""
        check_share("chance", chance)
        with localcontext(PRECISE):
            share = decimal(chance)
            first, *rest = (share * each for each in self.chances)
            return Counts((first + 1 - share, *rest))


NONE: Final = Counts((Decimal(1),))
ONE: Final = Counts((Decimal(0), Decimal(1)))


def mixture(parts: Sequence[tuple[Number, Counts]]) -> Counts:
    """One of the counts, each with its chance; the chances are taken relative to their sum.

    Raises ValueError if there is none, or a chance is below 0.
    """
    if min((chance for chance, _ in parts), default=-1) < 0 or not sum(c for c, _ in parts):
        raise ValueError("a mixture needs chances of 0 or more, and one above 0")
    with localcontext(PRECISE):
        whole = sum((decimal(chance) for chance, _ in parts), Decimal(0))
        found = [Decimal(0)] * max(len(counts.chances) for _, counts in parts)
        for chance, counts in parts:
            for k, each in enumerate(counts.chances):
                found[k] += decimal(chance) / whole * each
        return Counts(tuple(found))


def poisson(mean: Number, each: Counts = ONE) -> Counts:
    """Poisson(mean) subjects, each of whom brings a number of kits: the kits.

    Raises ValueError if the mean is below 0.
    """
    if mean < 0:
        raise ValueError(f"mean is below 0: {mean}")
    with localcontext(PRECISE):
        rate = decimal(mean)
        return _panjer(Decimal(0), rate, (rate * (each.chances[0] - 1)).exp(), each)


def negative_binomial(shape: Number, chance: Number, each: Counts = ONE) -> Counts:
    """NB(shape, p) subjects (mean shape·(1−p)/p), each with a number of kits: the kits.

    The shape may be a fraction. Raises ValueError unless it is above 0 and 0 < p ≤ 1.
    """
    if shape <= 0 or not 0 < chance <= 1:
        raise ValueError(f"shape or chance is out of range: {shape}, {chance}")
    with localcontext(PRECISE):
        size, success = decimal(shape), decimal(chance)
        failure = 1 - success
        nobody = (success / (1 - failure * each.chances[0])) ** size
        return _panjer(failure, (size - 1) * failure, nobody, each)


def binomial(number: int, chance: Number, each: Counts = ONE) -> Counts:
    """Of `number` subjects each comes with this chance, and brings a number of kits: the kits.

    Raises ValueError if the number is below 0 or the chance not from 0 to 1.
    """
    return each.with_chance(chance).times(number)


def _panjer(a: Decimal, b: Decimal, nobody: Decimal, each: Counts) -> Counts:
    """The sum of N counts, where P(N = n) = (a + b/n)·P(N = n − 1)."""
    chances, brought = [nobody], each.chances
    left, scale = 1 - nobody, 1 - a * brought[0]
    while left > TAIL:
        n = len(chances)
        if n > _LENGTH_MAX:
            raise ValueError(f"more than {_LENGTH_MAX} kits are probable")
        reach = range(1, min(n, len(brought) - 1) + 1)
        terms = ((a + b * j / n) * brought[j] * chances[n - j] for j in reach)
        chances.append(sum(terms, Decimal(0)) / scale)
        left -= chances[-1]
    return Counts(tuple(chances))


def _cut(chances: list[Decimal]) -> tuple[Decimal, ...]:
    """Without an end that has no more than the tail."""
    rest = Decimal(0)
    while len(chances) > 1 and rest + chances[-1] <= TAIL:
        rest += chances.pop()
    return tuple(chances)
