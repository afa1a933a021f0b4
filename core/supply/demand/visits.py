"""Kits that a subject needs in all, when some leave before a visit and don't come back. Exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from core.supply.demand.counts import check_share


@dataclass(frozen=True, slots=True)
class Followed:
    """What one subject needs: mean and variance of the kits, and the chance to stay to the end."""

    mean: Fraction
    variance: Fraction
    completes: Fraction


def followed(dropout: Sequence[Fraction], kits: Sequence[int]) -> Followed:
    """`dropout[i]`: the chance to leave before visit i of those still there; `kits[i]`: given then.

    Raises ValueError if they differ in length, are empty, or a chance is not from 0 to 1.
    """
    if len(dropout) != len(kits) or not kits:
        raise ValueError("dropout and kits are given for each visit")
    for chance in dropout:
        check_share("dropout", chance)
    here = Fraction(1)
    # (chance to leave just then, kits until then)
    ends: list[tuple[Fraction, int]] = []
    for leaving, until in zip(dropout, accumulate((0, *kits[:-1])), strict=True):
        ends.append((here * leaving, until))
        here *= 1 - leaving
    ends.append((here, sum(kits)))
    mean = sum((chance * used for chance, used in ends), Fraction(0))
    square = sum((chance * used**2 for chance, used in ends), Fraction(0))
    return Followed(mean, square - mean**2, here)
