"""Permuted blocks for simulation: NumPy's own stream, no list that anyone is given.

Lists of a study come from `core.randomization.blocks`; these only have to be right in distribution
and fast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from core.randomization.blocks import check_blocks
from core.randomization.exact import check_whole

ORDERS_MAX: Final = 20_000
ARMS_MAX: Final = 127
_BYTE: Final = 8
_KEYS: Final = 2**56


def permuted_blocks(
    ratio: Sequence[int], block_sizes: Sequence[int], rows: int, generator: np.random.Generator
) -> Any:
    """`rows` arms (indices, int8) in blocks of these sizes, each size equally likely.

    The last block is cut off where the rows end. ValueError for a design that can't be drawn, more
    than 127 arms, or fewer than no rows.
    """
    check_blocks({str(arm): share for arm, share in enumerate(ratio)}, block_sizes)
    if len(ratio) > ARMS_MAX:
        raise ValueError(f"more than {ARMS_MAX} arms")
    check_whole(0, rows=rows)
    shares, sizes = tuple(ratio), tuple(block_sizes)
    if len(sizes) == 1:
        return _blocks(shares, sizes[0], -(-rows // sizes[0]), generator).ravel()[:rows]
    drawn = _sizes(sizes, rows, generator)
    ends = np.cumsum(drawn)
    out = np.empty(int(ends[-1]) if len(ends) else 0, np.int8)
    for size in sizes:
        starts = ends[drawn == size] - size
        places = starts[:, None] + np.arange(size)
        out[places] = _blocks(shares, size, len(starts), generator)
    return out[:rows]


def _sizes(sizes: tuple[int, ...], rows: int, generator: np.random.Generator) -> Any:
    """Sizes of successive blocks, until the rows are covered."""
    drawn = np.array(sizes)[generator.integers(0, len(sizes), -(-rows // min(sizes)))]
    needed = int(np.searchsorted(np.cumsum(drawn), rows)) + 1
    return drawn[:needed] if rows else drawn[:0]


def _blocks(ratio: tuple[int, ...], size: int, count: int, generator: np.random.Generator) -> Any:
    """`count` rows of one block each."""
    table = _orders(ratio, size)
    if table is not None:
        return table[generator.integers(0, len(table), count)]
    # Arms go along in the lowest byte of their keys: sorting is faster than finding an order, and
    # 56 random bits leave no ties that count.
    keys = generator.integers(0, _KEYS, (count, size), np.uint64) << np.uint64(_BYTE)
    keys |= np.array(_places(ratio, size), np.uint64)
    keys.sort(axis=1)
    return (keys & np.uint64(2**_BYTE - 1)).astype(np.int8)


def _places(ratio: tuple[int, ...], size: int) -> list[int]:
    unit = sum(ratio)
    return [arm for arm, share in enumerate(ratio) for _ in range(share * size // unit)]


@lru_cache(maxsize=64)
def _orders(ratio: tuple[int, ...], size: int) -> Any:
    """Every distinct order of a block, one a row; None where they are too many for a table."""
    places = _places(ratio, size)
    count = math.factorial(size)
    for arm in set(places):
        count //= math.factorial(places.count(arm))
    if count > ORDERS_MAX:
        return None
    found: list[tuple[int, ...]] = [()]
    for _ in range(size):
        found = [
            (*order, arm)
            for order in found
            for arm in range(len(ratio))
            if order.count(arm) < places.count(arm)
        ]
    return np.array(found, np.int8)
