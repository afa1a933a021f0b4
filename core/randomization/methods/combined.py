"""Methods made of methods: clusters that share an arm, and factorial designs.

They hold the inner methods themselves and are therefore run as they are, never compiled.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from core.randomization.exact import check_whole
from core.randomization.method import Method, shares_of


def cluster(inner: Method, clusters: int) -> Method:
    """Whole clusters drawn by `inner`: later subjects have the arm of their cluster's first one.

    The one factor is the cluster. State: the inner state, then for each cluster 0, or its arm and
    one more. Strata of clusters are domains of their own, so the inner method looks at no levels.

    Raises ValueError for an inner method with factors or responses (they belong to subjects, it
    draws clusters), TypeError or ValueError unless `clusters` is a whole number from 0.
    """
    check_whole(0, clusters=clusters)
    if inner.sizes or inner.respond is not None:
        raise ValueError("clusters are drawn by a method without factors and responses")
    head = len(inner.start)

    def shares(design: Any, state: Any, levels: Any, out: Any) -> None:
        known = state[head + levels[0]]
        if not known:
            inner.shares(design, state[:head], (), out)
            return
        for outcome in range(inner.outcomes):
            out[outcome] = 0
        out[known - 1] = 1

    def after(design: Any, state: Any, levels: Any, outcome: Any) -> None:
        if state[head + levels[0]]:
            return
        changed = list(state[:head])
        inner.after(design, changed, (), outcome)
        state[:head] = changed
        if outcome < inner.arms:
            state[head + levels[0]] = outcome + 1

    return Method(
        arms=inner.arms,
        design=inner.design,
        start=(*inner.start, *(0,) * clusters),
        shares=shares,
        after=after,
        moves=inner.moves,
        sizes=(clusters,),
        per_level=1,
        keeps_ratio=inner.keeps_ratio,
        is_predictable=True,
    )


def factorial(arm_levels: Sequence[Sequence[int]], inners: Sequence[Method]) -> Method:
    """A factorial design: each part (treatment factor) is drawn by its own method, independently.

    `arm_levels[arm]` is the arm's level in each part; every combination is an arm, once. Moves are
    those of the first part, then of the second, and so on. State: the inner states one after
    another; where they look at factors, all at the same, their heads come first and then, for each
    level, the counts of each part.

    Raises ValueError unless the arms are the full product of the parts' levels, for parts that
    look at different factors, or at responses.
    """
    parts = _Parts(inners)
    combinations = [tuple(levels) for levels in arm_levels]
    if (
        not inners
        or len(combinations) != math.prod(inner.arms for inner in inners)
        or sorted(combinations) != list(itertools.product(*(range(i.arms) for i in inners)))
    ):
        raise ValueError("the arms are not every combination of the parts' levels, each once")
    arms = len(combinations)

    def shares(design: Any, state: Any, levels: Any, out: Any) -> None:
        found = [parts.shares(part, state, levels) for part in range(len(inners))]
        for outcome in range(arms + parts.moves):
            out[outcome] = 0
        place = arms
        for inner, of_part in zip(inners, found, strict=True):
            if any(of_part[inner.arms :]):
                out[place : place + inner.moves] = of_part[inner.arms :]
                return
            place += inner.moves
        for arm, combination in enumerate(combinations):
            product = 1
            for level, of_part in zip(combination, found, strict=True):
                product *= of_part[level]
            out[arm] = product

    def after(design: Any, state: Any, levels: Any, outcome: Any) -> None:
        if outcome < arms:
            for part, level in enumerate(combinations[outcome]):
                parts.after(part, state, levels, level)
            return
        move = outcome - arms
        for part, inner in enumerate(inners):
            if move < inner.moves:
                parts.after(part, state, levels, inner.arms + move)
                return
            move -= inner.moves

    return Method(
        arms=arms,
        design=(),
        start=parts.start,
        shares=shares,
        after=after,
        moves=parts.moves,
        sizes=parts.sizes,
        per_level=parts.per_level,
        keeps_ratio=all(inner.keeps_ratio for inner in inners),
        is_predictable=all(inner.is_predictable for inner in inners),
    )


class _Parts:
    """The inner methods of a factorial design, each with the places of its state in the whole."""

    def __init__(self, inners: Sequence[Method]) -> None:
        if any(inner.respond is not None for inner in inners):
            raise ValueError("the parts of a factorial design do not look at responses")
        sizes = {inner.sizes for inner in inners if inner.sizes}
        if len(sizes) > 1:
            raise ValueError("the parts of a factorial design look at different factors")
        self.inners = tuple(inners)
        self.sizes = next(iter(sizes), ())
        self.per_level = sum(inner.per_level for inner in inners)
        self.moves = sum(inner.moves for inner in inners)
        self._places = self._lay_out()
        start = [0] * sum(len(inner.start) for inner in inners)
        for inner, places in zip(inners, self._places, strict=True):
            for place, value in zip(places, inner.start, strict=True):
                start[place] = value
        self.start = tuple(start)

    def _lay_out(self) -> list[list[int]]:
        heads = [len(inner.start) - inner.per_level * sum(inner.sizes) for inner in self.inners]
        places: list[list[int]] = []
        for part, head in enumerate(heads):
            before = sum(heads[:part])
            places.append(list(range(before, before + head)))
        free = sum(heads)
        for _ in range(sum(self.sizes)):
            for part, inner in enumerate(self.inners):
                places[part] += range(free, free + inner.per_level)
                free += inner.per_level
        return places

    def _own(self, part: int, state: Any, levels: Any) -> tuple[list[int], Any]:
        return [state[place] for place in self._places[part]], (
            levels if self.inners[part].sizes else ()
        )

    def shares(self, part: int, state: Any, levels: Any) -> list[int]:
        own, levels = self._own(part, state, levels)
        return shares_of(self.inners[part], own, levels)

    def after(self, part: int, state: Any, levels: Any, outcome: int) -> None:
        inner = self.inners[part]
        own, levels = self._own(part, state, levels)
        inner.after(inner.design, own, levels, outcome)
        for place, value in zip(self._places[part], own, strict=True):
            state[place] = value
