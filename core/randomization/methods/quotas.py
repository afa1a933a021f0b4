"""Sequences of a given length that end at the ratio exactly, each followed by another such."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.randomization.exact import check_whole
from core.randomization.method import Method
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.numbers import ratio_of


def random_allocation(ratio: Sequence[int], length: int) -> Method:
    """Random allocation rule: every sequence of `length` that holds the ratio is equally likely.

    That is one permuted block as long as the trial. Errors as for `permuted_block`. Source:
    Rosenberger & Lachin, Randomization in Clinical Trials, 2nd ed. 2016, chapter 3.
    """
    _check_length(ratio_of(ratio), length)
    return permuted_block(ratio, (length,))


def truncated_binomial(ratio: Sequence[int], length: int) -> Method:
    """By the ratio until an arm has its quota, then by the ratio among the arms that have not.

    design: number of arms, the ratio, the quotas. state: the places left by arm. Arms of equal
    shares keep the ratio at every step; unequal ones do not, since the smallest quota is filled
    first more often. Source: Blackwell & Hodges, Ann Math Stat 1957;28:449; quotas of unequal or
    more than two arms are our generalisation. TypeError unless whole numbers; ValueError for a
    length that is not a multiple of the sum of the ratio.
    """
    shares = ratio_of(ratio)
    unit = sum(shares)
    _check_length(shares, length)
    quotas = tuple(share * length // unit for share in shares)
    return Method(
        arms=len(shares),
        design=(len(shares), *shares, *quotas),
        start=quotas,
        shares=_shares_truncated,
        after=_after_truncated,
        bound=lambda subjects: max(unit, length),
        keeps_ratio=len(set(shares)) == 1,
        is_predictable=True,
    )


def _shares_truncated(design: Any, state: Any, levels: Any, out: Any) -> None:
    for arm in range(design[0]):
        out[arm] = design[1 + arm] if state[arm] > 0 else 0


def _after_truncated(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    arms = design[0]
    state[outcome] -= 1
    for arm in range(arms):
        if state[arm] > 0:
            return
    for arm in range(arms):
        state[arm] = design[1 + arms + arm]


def _check_length(shares: tuple[int, ...], length: int) -> None:
    check_whole(1, length=length)
    if length % sum(shares):
        raise ValueError(f"length {length} is no multiple of {sum(shares)}, the sum of the ratio")
