"""What a trial shows once it is drawn: the lines are compiled, and the same for every method."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

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
    """Scratch of one trial: scaled counts by stratum, by level and in all; X'X of the design."""

    strata: Any
    levels: Any
    study: Any
    cross: Any
    active: Any


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
    sums.cross[:] = 0.0


def note_columns(cross: Any, active: Any, scale: Any, levels: Any, place: int, first: bool) -> int:
    """Add a subject of the first two arms to X'X: mean, levels but each factor's first, arm 1.

    `active` keeps the subject's columns that are 1; returns their number.
    """
    count = 1
    active[0] = 0
    for f in range(len(scale.sizes)):
        level = levels[place + f]
        if level > 0:
            active[count] = scale.offsets[f] - f + level
            count += 1
    if first:
        active[count] = column_of_arm(scale)
        count += 1
    for a in range(count):
        for b in range(a, count):
            cross[active[a], active[b]] += 1.0
    return count


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


def measure(
    arms: Any, chances: Any, subjects: Any, scale: Any, sums: Any, row: Any, step: Any
) -> None:
    """One trial's numbers into `row`, and added to each step's sums in `step`."""
    clear(sums)
    n = len(arms)
    count = len(scale.units)
    factors = subjects.factors
    pair = 0
    largest = 0
    for c in range(COLUMNS):
        row[c] = 0.0
    for i in range(n):
        own = sums.strata[subjects.stratum[i]]
        row[CONVERGENCE] += lightest_chance(own, chances, i * count)
        best = 0.0
        for arm in range(count):
            chance = chances[i * count + arm]
            step[i, CHANCES + arm] += chance
            step[i, CHANCES + count + arm] += chance * chance
            best = max(best, chance)
        row[BEST] += best
        arm = arms[i]
        unit = scale.units[arm]
        own[arm] += unit
        sums.study[arm] += unit
        for f in range(factors):
            sums.levels[scale.offsets[f] + subjects.levels[i * factors + f], arm] += unit
        if arm < 2:
            pair += 1
            note_columns(sums.cross, sums.active, scale, subjects.levels, i * factors, arm == 0)
        imbalance = spread_of(sums.study)
        step[i, ABSOLUTE] += imbalance
        step[i, SQUARED] += imbalance * imbalance
        largest = max(largest, imbalance)
        if best > _CERTAIN:
            row[CERTAIN] += 1
        if imbalance == 0:
            row[BALANCED] += 1
            step[i, ZERO] += 1
    for c in range(COLUMNS):
        row[c] /= n
    row[SIGNED] = sums.study[0] - sums.study[1] if count == 2 else spread_of(sums.study)
    row[FINAL] = spread_of(sums.study)
    row[LARGEST] = largest
    last = column_of_arm(scale)
    eliminate(sums.cross, last)
    row[LOSS] = pair - sums.cross[last, last] / scale.ideal
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
