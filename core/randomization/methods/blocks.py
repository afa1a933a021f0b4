"""Permuted blocks, one step at a time.

Gives each row the probability that a list of `pbr-v1` gives it once the earlier rows are known;
the list itself is drawn in core/randomization/blocks.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.randomization.blocks import check_blocks
from core.randomization.exact import check_whole
from core.randomization.method import Method
from core.randomization.methods.numbers import ratio_of

SIZES_MAX = 100


def permuted_block(ratio: Sequence[int], block_sizes: Sequence[int]) -> Method:
    """Blocks that each hold the ratio exactly, in an order drawn at random.

    With several sizes a move draws the size of the next block, each equally likely, as soon as the
    last one is full. design: number of arms, number of sizes, then the places by arm of a whole
    block of each size. state: the places left by arm. TypeError unless whole numbers; ValueError
    for a size that is given twice or is not a multiple of the sum of the ratio, or more than
    SIZES_MAX sizes.
    """
    shares = ratio_of(ratio)
    sizes = list(block_sizes)
    if len(sizes) > SIZES_MAX:
        raise ValueError(f"{len(sizes)} block sizes are more than {SIZES_MAX}")
    for size in sizes:
        check_whole(1, block_size=size)
    check_blocks({str(arm): share for arm, share in enumerate(shares)}, sizes)
    whole_blocks = [share * size // sum(shares) for size in sizes for share in shares]
    is_drawn = len(sizes) > 1
    return Method(
        arms=len(shares),
        design=(len(shares), len(sizes), *whole_blocks),
        start=(0,) * len(shares) if is_drawn else tuple(whole_blocks),
        shares=_shares,
        after=_after,
        moves=len(sizes) if is_drawn else 0,
        bound=lambda subjects: max(*sizes, len(sizes)),
        is_predictable=True,
    )


def _shares(design: Any, state: Any, levels: Any, out: Any) -> None:
    arms = design[0]
    sizes = design[1]
    left = 0
    for arm in range(arms):
        out[arm] = state[arm]
        left += state[arm]
    if sizes > 1:
        for size in range(sizes):
            out[arms + size] = 1 if left == 0 else 0


def _after(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    arms = design[0]
    sizes = design[1]
    size = outcome - arms
    if outcome < arms:
        state[outcome] -= 1
        for arm in range(arms):
            if state[arm] > 0:
                return
        if sizes > 1:
            return
        size = 0
    for arm in range(arms):
        state[arm] = design[2 + size * arms + arm]
