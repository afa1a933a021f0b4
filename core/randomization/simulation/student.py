"""Student's t distribution, from the incomplete beta function.

I_x(a, b) by its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22),
evaluated after Lentz. Good to about 12 digits for the degrees of freedom of a trial.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

_TERMS_MAX: Final = 10_000
_TINY: Final = 1e-300
_ENOUGH: Final = 1e-15


def incomplete_beta(x: float, a: float, b: float) -> float:
    """I_x(a, b), 0 <= x <= 1, a and b above 0. ValueError outside."""
    if not 0 <= x <= 1 or a <= 0 or b <= 0:
        raise ValueError("x must lie in 0 … 1, a and b above 0")
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1 - incomplete_beta(1 - x, b, a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / a
    return front / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """1 + d1/(1 + d2/(1 + …))."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(1, _TERMS_MAX):
        m = term // 2
        if term % 2:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _apart(1 + part * d)
        c = _apart(1 + part / c)
        value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value


def _apart(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def two_sided_p(t: float, df: int) -> float:
    """P(|T| >= |t|) with df >= 1 degrees of freedom."""
    return incomplete_beta(df / (df + t * t), df / 2, 0.5)


@lru_cache(maxsize=4096)
def critical_t(alpha: float, df: int) -> float:
    """The t >= 0 whose two-sided p-value is alpha. ValueError unless 0 < alpha < 1 and df >= 1."""
    if not 0 < alpha < 1 or df < 1:
        raise ValueError("alpha must lie between 0 and 1, and df be 1 or more")
    low, high = 0.0, 1.0
    while two_sided_p(high, df) > alpha:
        high *= 2
    while (middle := (low + high) / 2) not in (low, high):
        if two_sided_p(middle, df) > alpha:
            low = middle
        else:
            high = middle
    return high
