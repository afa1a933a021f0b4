"""Enrolment after Anisimov & Fedorov: each site's rate is drawn from one gamma distribution.

A site enrols as a Poisson process whose rate λ a day is Gamma(shape α, rate β days). Days may be
fractions. Source: V. Anisimov, V. Fedorov, Modelling, prediction and adaptive adjustment of
recruitment in multicentre trials, Statistics in Medicine 26 (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from core.supply.demand.counts import (
    ONE,
    PRECISE,
    Counts,
    Number,
    check_share,
    decimal,
    negative_binomial,
)

_HALVINGS: Final = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """What is known of a site's rate: Gamma(shape, rate_days), mean shape/rate_days a day.

    Raises ValueError unless both are above 0.
    """

    shape: Fraction
    rate_days: Fraction

    def __post_init__(self) -> None:
        if self.shape <= 0 or self.rate_days <= 0:
            raise ValueError("shape and rate_days of a rate are above 0")

    def after(self, subjects: int, days: int) -> Rate:
        """What is known once the site enrolled so many in so many days."""
        return Rate(self.shape + subjects, self.rate_days + days)

    def mean(self, days: Number, share: Fraction = Fraction(1)) -> Fraction:
        """Expected subjects in so many days, of whom `share` count (an arm's, say)."""
        return self.shape / self.rate_days * share * Fraction(days)

    def variance(self, days: Number, share: Fraction = Fraction(1)) -> Fraction:
        """The variance of that number."""
        mean = self.mean(days, share)
        return mean + mean**2 / self.shape

    def subjects(self, days: Number, share: Fraction = Fraction(1), each: Counts = ONE) -> Counts:
        """Subjects in so many days; with `each`, the kits that they bring."""
        check_share("share", share)
        chance = self.rate_days / (self.rate_days + share * Fraction(days))
        return negative_binomial(self.shape, chance, each)


@dataclass(frozen=True, slots=True)
class TimeTo:
    """Days until `subjects` are enrolled at `sites` that all open on day 0: β·BetaPrime(n, αN)."""

    rate: Rate
    sites: int
    subjects: int

    @property
    def mean(self) -> Fraction | None:
        """Expected days; None where there is no such number (αN ≤ 1)."""
        tail = self.rate.shape * self.sites - 1
        return self.rate.rate_days * self.subjects / tail if tail > 0 else None

    @property
    def variance(self) -> Fraction | None:
        """The variance; None where there is no such number (αN ≤ 2)."""
        n, tail = self.subjects, self.rate.shape * self.sites - 1
        if tail <= 1:
            return None
        return self.rate.rate_days**2 * n * (n + tail) / (tail**2 * (tail - 1))

    def chance_by(self, days: Number) -> Decimal:
        """P(T ≤ days): the chance that so many are enrolled by then."""
        if days <= 0:
            return Decimal(0)
        with localcontext(PRECISE):
            beta, time = decimal(self.rate.rate_days), decimal(days)
            shape = decimal(self.rate.shape * self.sites)
            failure = time / (beta + time)
            chance = (beta / (beta + time)) ** shape
            fewer = chance
            for k in range(1, self.subjects):
                chance *= (shape + k - 1) / k * failure
                fewer += chance
            return 1 - fewer

    def quantile(self, level: Number) -> Decimal:
        """Days by which they are enrolled with that chance; ValueError unless 0 < level < 1."""
        if not 0 < level < 1:
            raise ValueError(f"level is not above 0 and below 1: {level}")
        with localcontext(PRECISE):
            wanted, low, high = decimal(level), Decimal(0), decimal(self.rate.rate_days)
            while self.chance_by(high) < wanted:
                low, high = high, high * 2
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                if self.chance_by(middle) < wanted:
                    low = middle
                else:
                    high = middle
                if high - low <= high * Decimal("1e-12"):
                    break
            return (low + high) / 2


def enrolled_by(rate: Rate, day: int, opening_days: Sequence[int]) -> tuple[Fraction, Fraction]:
    """Mean and variance of all subjects by a day, when each site opens on its own day."""
    open_days = [max(day - opened, 0) for opened in opening_days]
    mean = sum((rate.mean(days) for days in open_days), Fraction(0))
    return mean, sum((rate.variance(days) for days in open_days), Fraction(0))
