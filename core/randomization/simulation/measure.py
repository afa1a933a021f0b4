"""What a trial shows once it is drawn: the lines are compiled, and the same for every method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from core.randomization.simulation.kernels import Key, draw_arms, draw_subjects

CONVERGENCE, BEST, CERTAIN, BALANCED, SIGNED, FINAL, LARGEST, LOSS = range(8)
COLUMNS: Final = 8
"""Columns of a trial's row; the imbalances by level follow."""
ABSOLUTE, SQUARED, ZERO = range(3)
CHANCES: Final = 3
"""Columns of a step's sums; each arm's chances follow, then their squares."""

_CERTAIN: Final = 1 - 1e-12
_PIVOT_MIN: Final = 1e-9


class Scale(NamedTuple):
    """How the balance is measured.

    `units[arm]` is what a subject adds to its arm: the least common multiple of the ratio divided
    by the arm's share. `offsets[f]` is the place of factor f's first level among all levels.
    """

    units: Any
    offsets: Any
    sizes: Any
    ideal: float
    """Product of the first two arms' shares among themselves: 1/4 where they are equal."""


class Sums(NamedTuple):
    """Scratch of one trial: scaled counts by stratum, by level, by two levels, in all; X'X."""

    strata: Any
    levels: Any
    pairs: Any
    study: Any
    cross: Any


def spread_of(row: Any) -> int:
    """The largest less the smallest."""
    least = row[0]
    most = row[0]
    for value in row:
        if value < least:
            least = value
        if value > most:
            most = value
    return int(most - least)


def lightest_chance(row: Any, chances: Any, place: int) -> float:
    """The chance that the lightest arm is right; the mean over those that tie."""
    least = row[0]
    for value in row:
        if value < least:
            least = value
    found = 0.0
    tied = 0
    for arm in range(len(row)):
        if row[arm] == least:
            found += chances[place + arm]
            tied += 1
    return found / tied


def clear(sums: Any) -> None:
    """Nobody counted."""
    sums.strata[:] = 0
    sums.levels[:] = 0
    sums.study[:] = 0
    sums.pairs[:] = 0


def tables(sizes: Sequence[int], arms: int) -> tuple[Any, Any, Any]:
    """Room for what is counted of a trial: by level and arm, by two levels, by arm."""
    levels = sum(sizes)
    return (
        np.zeros((levels, arms), np.int64),
        np.zeros((levels, levels), np.int64),
        np.zeros(arms, np.int64),
    )


def note_levels(table: Any, offsets: Any, levels: Any, place: int, arm: int, unit: int) -> None:
    """Count a subject on its arm at its level of each factor."""
    for f in range(len(offsets)):
        table[offsets[f] + levels[place + f], arm] += unit


def note_pairs(pairs: Any, offsets: Any, levels: Any, place: int) -> None:
    """Count a subject of the first two arms by its levels of each two factors."""
    factors = len(offsets)
    for f in range(factors):
        row = pairs[offsets[f] + levels[place + f]]
        for g in range(f + 1, factors):
            row[offsets[g] + levels[place + g]] += 1


def fill_cross(cross: Any, table: Any, pairs: Any, study: Any, scale: Any) -> None:
    """X'X of the first two arms, its upper triangle: mean, all levels but the first, first arm."""
    column = column_of_arm(scale)
    units = scale.units
    cross[:] = 0.0
    cross[0, 0] = study[0] // units[0] + study[1] // units[1]
    cross[0, column] = study[0] // units[0]
    cross[column, column] = study[0] // units[0]
    for f in range(len(scale.sizes)):
        for level in range(1, scale.sizes[f]):
            row = scale.offsets[f] + level
            here = row - f
            counted = table[row, 0] // units[0] + table[row, 1] // units[1]
            cross[0, here] = counted
            cross[here, here] = counted
            cross[here, column] = table[row, 0] // units[0]
            for g in range(f + 1, len(scale.sizes)):
                for other in range(1, scale.sizes[g]):
                    there = scale.offsets[g] + other
                    cross[here, there - g] = pairs[row, there]


def column_of_arm(scale: Any) -> int:
    """The column after the mean and all levels but each factor's first."""
    columns = 1
    for size in scale.sizes:
        columns += size - 1
    return columns


def eliminate(cross: Any, columns: int) -> int:
    """Sweep the first columns out of an upper triangle, in place; returns how many counted.

    What stays in the later columns are products of residuals. A column that depends on those
    before it is passed over.
    """
    rank = 0
    for c in range(columns):
        pivot = cross[c, c]
        if pivot <= _PIVOT_MIN:
            continue
        rank += 1
        for a in range(c + 1, cross.shape[0]):
            factor = cross[c, a] / pivot
            if factor != 0.0:
                for b in range(a, cross.shape[0]):
                    cross[a, b] -= factor * cross[c, b]
    return rank


def note_chances(chances: Any, place: int, step: Any, i: int, count: int) -> float:
    """Add the arms' chances and their squares to the step; returns the largest."""
    best = 0.0
    for arm in range(count):
        chance = chances[place + arm]
        step[i, CHANCES + arm] += chance
        step[i, CHANCES + count + arm] += chance * chance
        best = max(best, chance)
    return best


def measure(
    arms: Any, chances: Any, subjects: Any, scale: Any, sums: Any, row: Any, step: Any
) -> None:
    """One trial's numbers into `row`, and added to each step's sums in `step`.

    Arrays have names of their own: taking one out of a tuple for each subject would cost more
    than what is done with it.
    """
    clear(sums)
    strata, table, study, pairs = sums.strata, sums.levels, sums.study, sums.pairs
    stratum, levels, factors = subjects.stratum, subjects.levels, subjects.factors
    units, offsets = scale.units, scale.offsets
    n, count = len(arms), len(units)
    convergence, likeliest = 0.0, 0.0
    certain, balanced, largest = 0, 0, 0
    own, here = strata[0], 0
    for i in range(n):
        if stratum[i] != here:
            here = stratum[i]
            own = strata[here]
        convergence += lightest_chance(own, chances, i * count)
        best = note_chances(chances, i * count, step, i, count)
        likeliest += best
        if best > _CERTAIN:
            certain += 1
        arm = arms[i]
        own[arm] += units[arm]
        study[arm] += units[arm]
        note_levels(table, offsets, levels, i * factors, arm, units[arm])
        if arm < 2:
            note_pairs(pairs, offsets, levels, i * factors)
        imbalance = spread_of(study)
        step[i, ABSOLUTE] += imbalance
        step[i, SQUARED] += imbalance * imbalance
        largest = max(largest, imbalance)
        if imbalance == 0:
            balanced += 1
            step[i, ZERO] += 1
    row[CONVERGENCE] = convergence / n
    row[BEST] = likeliest / n
    row[CERTAIN] = certain / n
    row[BALANCED] = balanced / n
    row[LARGEST] = largest
    note_end(scale, sums, row)


def note_end(scale: Any, sums: Any, row: Any) -> None:
    """What the trial looks like after the last subject."""
    study, cross = sums.study, sums.cross
    row[FINAL] = spread_of(study)
    row[SIGNED] = study[0] - study[1] if len(study) == 2 else row[FINAL]
    last = column_of_arm(scale)
    fill_cross(cross, sums.levels, sums.pairs, study, scale)
    number = cross[0, 0]
    eliminate(cross, last)
    row[LOSS] = number - cross[last, last] / scale.ideal
    for level in range(len(sums.levels)):
        row[COLUMNS + level] = spread_of(sums.levels[level])


def characterise(
    shares: Any,
    after: Any,
    respond: Any,
    design: Any,
    start: Any,
    places: Any,
    room: Any,
    key: Any,
    scale: Any,
    sums: Any,
    rows: Any,
    steps: Any,
) -> None:
    """A row for each trial from `key.trial` on, and the sums of the steps over all of them."""
    for t in range(len(rows)):
        now = Key(key.low, key.high, key.trial + t, key.again)
        draw_subjects(places, now)
        draw_arms(shares, after, respond, design, start, places, room, now)
        measure(places.arms, places.chances, places.subjects, scale, sums, rows[t], steps)
