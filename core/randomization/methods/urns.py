"""Urns: the arm of a drawn ball, which then makes the other arms likelier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from core.randomization.exact import check_whole, exact, scaled
from core.randomization.method import Method
from core.randomization.methods.numbers import check_arms, ratio_of


def ehrenfest(balls: int) -> Method:
    """Two equal arms with `balls` balls of each; a drawn ball is replaced by one of the other arm.

    So P(first arm) = 1/2 - D / (2 * balls), D being how far it is ahead, and |D| <= balls always.
    design: nothing. state: balls by arm. Source: Chen, Adv Appl Probab 2000;32:738; `balls` is the
    number that Zhao 2011 names the design by. TypeError or ValueError unless a whole
    number of 1 or more.
    """
    check_whole(1, balls=balls)
    return Method(
        arms=2,
        design=(),
        start=(balls, balls),
        shares=_shares_ehrenfest,
        after=_after_ehrenfest,
        bound=lambda subjects: 2 * balls,
        is_predictable=True,
    )


def _shares_ehrenfest(design: Any, state: Any, levels: Any, out: Any) -> None:
    out[0] = state[0]
    out[1] = state[1]


def _after_ehrenfest(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    state[outcome] -= 1
    state[1 - outcome] += 1


def wei_urn(arms: int, alpha: Fraction | int, beta: Fraction | int) -> Method:
    """UD(alpha, beta): alpha balls of each arm; each draw adds beta balls of every other arm.

    The drawn ball goes back. An empty urn (alpha = 0, the first subject) is even. design: alpha and
    beta as whole numbers. state: subjects by arm. Source: Wei, J Am Stat Assoc 1978;73:559.
    TypeError for a float; ValueError for a negative number, an urn that would stay empty, or more
    than 256 arms.
    """
    check_arms(arms)
    (first, added), _ = scaled((exact(alpha), exact(beta)))
    if first < 0 or added < 0 or not first + added:
        raise ValueError("alpha and beta must be 0 or more, and not both 0")
    # Only their ratio matters, and small numbers stay longer within a machine's integers.
    shrink = math.gcd(first, added)
    first, added = first // shrink, added // shrink
    return Method(
        arms=arms,
        design=(first, added),
        start=(0,) * arms,
        shares=_shares_wei,
        after=_after_wei,
        bound=lambda subjects: arms * max(1, first + added * subjects) + subjects,
        is_predictable=arms == 1 or (arms == 2 and not first),
    )


def _shares_wei(design: Any, state: Any, levels: Any, out: Any) -> None:
    arms = len(state)
    subjects = 0
    for arm in range(arms):
        subjects += state[arm]
    urn = 0
    for arm in range(arms):
        out[arm] = design[0] + design[1] * (subjects - state[arm])
        urn += out[arm]
    if urn == 0:
        for arm in range(arms):
            out[arm] = 1


def _after_wei(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    state[outcome] += 1


def block_urn(ratio: Sequence[int], lambda_: int) -> Method:
    """`lambda_` balanced sets in an urn; drawn balls go back whenever they make up such a set.

    A balanced set is the smallest one that holds the ratio. design: the balls of the full urn by
    arm, then a balanced set. state: balls by arm that are out of the urn. No arm is ever more than
    `lambda_` sets ahead of the complete ones. Source: Zhao & Weng, Contemp Clin Trials 2011;32:953.
    TypeError or ValueError unless whole numbers of 1 or more.
    """
    shares = ratio_of(ratio)
    check_whole(1, **{"lambda": lambda_})
    unit = math.gcd(*shares)
    balanced = tuple(share // unit for share in shares)
    full = tuple(lambda_ * share for share in balanced)
    return Method(
        arms=len(shares),
        design=(*full, *balanced),
        start=(0,) * len(shares),
        shares=_shares_block_urn,
        after=_after_block_urn,
        bound=lambda subjects: sum(full),
        keeps_ratio=lambda_ == 1 or len(set(balanced)) == 1,
        is_predictable=True,
    )


def _shares_block_urn(design: Any, state: Any, levels: Any, out: Any) -> None:
    for arm in range(len(state)):
        out[arm] = design[arm] - state[arm]


def _after_block_urn(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    arms = len(state)
    state[outcome] += 1
    for arm in range(arms):
        if state[arm] < design[arms + arm]:
            return
    for arm in range(arms):
        state[arm] -= design[arms + arm]
