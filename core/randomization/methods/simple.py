"""Simple (complete) randomization: every subject by the ratio, whatever went before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.randomization.method import Method
from core.randomization.methods.numbers import ratio_of


def simple(ratio: Sequence[int]) -> Method:
    """Each arm with its share of the ratio at every step; no balance is promised.

    design: the ratio. state: nothing. TypeError or ValueError for a ratio that is not one whole
    number of 1 or more for each arm.
    """
    design = ratio_of(ratio)
    total = sum(design)
    return Method(
        arms=len(design),
        design=design,
        start=(),
        shares=_shares,
        after=_after,
        bound=lambda subjects: total,
        is_predictable=len(design) == 1,
    )


def _shares(design: Any, state: Any, levels: Any, out: Any) -> None:
    for arm in range(len(design)):
        out[arm] = design[arm]


def _after(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    pass
