"""The sign of a sum of square roots, decided exactly.

Scores of the standard deviation measure are sums of square roots, which no finite number of digits
proves equal. Two integers' roots have a rational ratio exactly when their product is a square; and
roots of integers no two of which have such a ratio are linearly independent over the rationals
(Besicovitch, J London Math Soc 1940;15:3). So the sum is zero exactly when its coefficients cancel
within every class of related roots; otherwise enough digits will show the sign.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

_FIRST_BITS = 64


def sign_of_root_sum(terms: Iterable[tuple[int, int]]) -> int:
    """-1, 0 or 1: the sign of the sum of a * sqrt(n) over `(a, n)`.

    ValueError for a negative n.
    """
    classes: dict[int, Fraction] = {}
    for coefficient, radicand in terms:
        if radicand < 0:
            raise ValueError(f"root of a negative number: {radicand}")
        if radicand and coefficient:
            _add(classes, coefficient, radicand)
    left = {radicand: factor for radicand, factor in classes.items() if factor}
    if not left:
        return 0
    denominator = math.lcm(*(factor.denominator for factor in left.values()))
    return _sign_by_digits([(int(f * denominator), n) for n, f in left.items()])


def _add(classes: dict[int, Fraction], coefficient: int, radicand: int) -> None:
    """Add the term to its class, as a multiple of the root of the class's first member."""
    for first in classes:
        product = first * radicand
        root = math.isqrt(product)
        if root * root == product:  # sqrt(radicand) = root / first * sqrt(first)
            classes[first] += Fraction(coefficient * root, first)
            return
    classes[radicand] = Fraction(coefficient)


def _sign_by_digits(terms: list[tuple[int, int]]) -> int:
    """The sign of a sum known not to be zero, by ever more binary places."""
    bits = _FIRST_BITS
    while True:
        total = 0
        for coefficient, radicand in terms:
            root = math.isqrt((coefficient * coefficient * radicand) << (2 * bits))
            total += root if coefficient > 0 else -root
        # Each root is short by less than one, so the sum errs by less than the number of terms.
        if abs(total) >= len(terms):
            return 1 if total > 0 else -1
        bits *= 2
