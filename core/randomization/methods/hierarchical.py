"""Dynamic hierarchical balancing: the first margin that is too uneven decides.

Margins are looked at in the order of the design, say the whole study, then the subject's country,
site and stratum. At the first one whose imbalance has reached its tolerance the lightest arms are
preferred; where none has, chance alone decides. With one margin, two equal arms and p = 1 it is the
big stick. Signorini et al., Stat Med 1993;12:2343, who prefer with certainty.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import MutableSequence, Sequence
from fractions import Fraction

from core.randomization.exact import check_whole, exact
from core.randomization.method import Method
from core.randomization.methods.numbers import probability, ratio_of

Ints = Sequence[int]

STUDY = -1

_ARMS = 0
_FACTORS = 1
_MARGINS = 2
_HIT = 3  # numerator of p
_MISS = 4  # numerator of 1 - p
_RATIOS = 5
"""The tables begin here: ratios and units by arm, the place of each factor's first level in the
state, then three numbers for each margin: its factor, the place of its counts, its tolerance."""


def hierarchical(
    ratio: Sequence[int],
    sizes: Sequence[int],
    tolerances: Sequence[tuple[int, Fraction | int]],
    p: Fraction | int,
) -> Method:
    """Balance over `tolerances`: (factor, or -1 for the whole study; tolerance), in their order.

    Imbalance is the largest less the smallest count divided by ratio; the lightest arms get p
    together, by their ratio, but never less than that ratio, and the others the rest by theirs. A
    stratum of all factors together is given as a factor of its own.

    p: from the largest share of an arm to 1. TypeError for a float, ValueError for numbers that
    make no design.
    """
    arms = ratio_of(ratio)
    if len(arms) < 2:
        raise ValueError("balancing needs two arms or more")
    check_whole(1, **{f"size_{place}": size for place, size in enumerate(sizes)})
    best = probability("p", p, Fraction(max(arms), sum(arms)))
    common, k = math.lcm(*arms), len(arms)
    units = [common // share for share in arms]
    places = [k * (1 + before) for before in itertools.accumulate(sizes, initial=0)][: len(sizes)]
    design = [k, len(sizes), len(tolerances), best.numerator, best.denominator - best.numerator]
    design += [*arms, *units, *places]
    for factor, limit in _margins(len(sizes), tolerances):
        # Whole imbalances reach a tolerance where they reach the next whole number above it.
        design += [factor, 0 if factor == STUDY else places[factor], math.ceil(limit * common)]
    start = (0,) * (k * (1 + sum(sizes)))
    largest = max(*design, best.denominator * sum(arms) ** 2, len(design), len(start))
    return Method(
        arms=k,
        design=tuple(design),
        start=start,
        shares=_shares,
        after=_after,
        sizes=tuple(sizes),
        per_level=k,
        bound=lambda subjects: max(largest, subjects * common),
        keeps_ratio=len(set(arms)) == 1,
        is_predictable=best == 1,
    )


def _margins(
    factors: int, tolerances: Sequence[tuple[int, Fraction | int]]
) -> list[tuple[int, Fraction]]:
    margins = [(factor, exact(limit)) for factor, limit in tolerances]
    named = [factor for factor, _ in margins]
    if not named:
        raise ValueError("nothing to balance: no tolerance")
    if len(set(named)) != len(named):
        raise ValueError("the same factor has two tolerances")
    for factor, limit in margins:
        check_whole(STUDY, factor=factor)
        if factor >= factors:
            raise ValueError(f"no such factor: {factor}")
        if limit <= 0:
            raise ValueError("a tolerance must be above 0")
    return margins


def _shares(design: Ints, state: Ints, levels: Ints, out: MutableSequence[int]) -> None:
    arms = design[_ARMS]
    units = _RATIOS + arms
    margins = units + arms + design[_FACTORS]
    for arm in range(arms):
        out[arm] = design[_RATIOS + arm]
    for margin in range(margins, margins + 3 * design[_MARGINS], 3):
        row = design[margin + 1]
        if design[margin] >= 0:
            row += levels[design[margin]] * arms
        low = state[row] * design[units]
        high = low
        lightest = 0  # sum of the ratios of the lightest arms
        total = 0
        for arm in range(arms):
            count = state[row + arm] * design[units + arm]
            share = design[_RATIOS + arm]
            total += share
            if count < low:
                low = count
                lightest = share
            elif count == low:
                lightest += share
            if count > high:
                high = count
        if high - low >= design[margin + 2]:
            hit = design[_HIT] * (total - lightest)
            miss = design[_MISS] * lightest
            if hit >= miss:  # otherwise p is less than what the ratio gives these arms
                for arm in range(arms):
                    is_light = state[row + arm] * design[units + arm] == low
                    out[arm] *= hit if is_light else miss
            return


def _after(design: Ints, state: MutableSequence[int], levels: Ints, arm: int) -> None:
    arms = design[_ARMS]
    places = _RATIOS + 2 * arms
    state[arm] += 1
    for factor in range(design[_FACTORS]):
        state[design[places + factor] + levels[factor] * arms + arm] += 1
