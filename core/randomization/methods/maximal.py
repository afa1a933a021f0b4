"""The maximal procedure: the largest set of sequences that a bound on imbalance allows."""

from __future__ import annotations

from typing import Any

from core.randomization.exact import check_whole
from core.randomization.method import Method

TABLE_BITS_MAX = 100_000_000


def maximal(mti: int, length: int) -> Method:
    """Every sequence of `length` with |D| <= mti throughout and D = 0 at its end, equally likely.

    Two equal arms, D being how far the first is ahead; after `length` subjects another such
    sequence begins. design: length, the bound, then for 0 … length subjects left and |D| = 0 …
    bound the number of ways to the end. state: subjects left, D. Source: Berger, Ivanova & Knoll,
    Stat Med 2003;22:3017. TypeError unless whole numbers; ValueError for an odd length, an mti
    below 1, or a table of more than TABLE_BITS_MAX bits.
    """
    check_whole(1, mti=mti, length=length)
    if length % 2:
        raise ValueError(f"length {length} is odd: the arms could not end level")
    # A difference of more than half the length never comes back to 0 anyway.
    bound = min(mti, length // 2)
    if length * length // 2 * (bound + 1) > TABLE_BITS_MAX:  # a number has a bit for each left
        raise ValueError(f"mti {mti} and length {length} are too large to count every sequence")
    ways = _ways(bound, length)
    largest = max(ways)
    return Method(
        arms=2,
        design=(length, bound, *ways),
        start=(length, 0),
        shares=_shares,
        after=_after,
        bound=lambda subjects: max(largest, length),
        is_predictable=True,
    )


def _ways(bound: int, length: int) -> list[int]:
    row = [1] + [0] * bound
    table = list(row)
    for _ in range(length):
        padded = [row[1], *row, 0]  # |D| = -1 is 1, and beyond the bound there is no way
        row = [padded[d] + padded[d + 2] for d in range(bound + 1)]
        table += row
    return table


def _shares(design: Any, state: Any, levels: Any, out: Any) -> None:
    bound = design[1]
    row = 2 + (state[0] - 1) * (bound + 1)
    for arm in range(2):
        away = abs(state[1] + 1 - 2 * arm)
        out[arm] = design[row + away] if away <= bound else 0


def _after(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    state[0] -= 1
    state[1] += 1 - 2 * outcome
    if state[0] == 0:
        state[0] = design[0]
