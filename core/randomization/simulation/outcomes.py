"""Outcomes of a simulated trial and what the tests see in them; compiled, or run as they are."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from core.randomization.simulation.kernels import NOISE, Key, draw_arms, fill
from core.randomization.simulation.measure import (
    column_of_arm,
    eliminate,
    fill_cross,
    note_levels,
    note_pairs,
)

_TOLERANCE: Final = 1e-9
_WORDS: Final = 4294967296.0


class Model(NamedTuple):
    """What outcomes are made of: effects of all factors' levels, of arm 0, of time."""

    levels: Any
    effect: float
    trend: float


def draw_outcomes(
    words: Any, key: Any, subjects: Any, offsets: Any, model: Any, values: Any
) -> None:
    """Outcomes without the treatment's effect. Normal numbers after Box & Muller."""
    fill(words, key, NOISE)
    n = len(values)
    for i in range(n):
        radius = math.sqrt(-2.0 * math.log((words[2 * i] + 0.5) / _WORDS))
        value = radius * math.cos(2.0 * math.pi * (words[2 * i + 1] / _WORDS))
        if n > 1:
            value += model.trend * i / (n - 1)
        for f in range(subjects.factors):
            value += model.levels[offsets[f] + subjects.levels[i * subjects.factors + f]]
        values[i] = value


class Sheet(NamedTuple):
    """Scratch: counts by level and arm, by two levels, by arm; X'X with the outcome."""

    levels: Any
    pairs: Any
    study: Any
    cross: Any


def estimate(arms: Any, subjects: Any, scale: Any, values: Any, sheet: Any, row: Any) -> None:
    """Arm 0 less arm 1, its standard error and degrees of freedom: alone, then with the factors.

    No degree of freedom where the arms can't be compared.
    """
    table, pairs, study, cross = sheet.levels, sheet.pairs, sheet.study, sheet.cross
    table[:] = 0
    pairs[:] = 0
    study[:] = 0
    for i in range(len(arms)):
        if arms[i] < 2:
            place, unit = i * subjects.factors, scale.units[arms[i]]
            study[arms[i]] += unit
            note_levels(table, scale.offsets, subjects.levels, place, arms[i], unit)
            note_pairs(pairs, scale.offsets, subjects.levels, place)
    fill_cross(cross, table, pairs, study, scale)
    number = int(cross[0, 0])
    column = column_of_arm(scale)
    for i in range(len(arms)):
        if arms[i] < 2:
            note_outcome(cross, column, scale, subjects, i, values[i], arms[i] == 0)
    eliminate(cross, 1)
    note_estimate(cross, column, number - 2, row, 0)
    # The mean is out already; its row is passed over and the factors follow.
    cross[0, 0] = 0.0
    rank = 1 + eliminate(cross, column)
    note_estimate(cross, column, number - rank - 1, row, 3)


def note_outcome(
    cross: Any, column: int, scale: Any, subjects: Any, i: int, value: float, first: bool
) -> None:
    """Add the outcome to its column, the last one."""
    cross[0, column + 1] += value
    cross[column + 1, column + 1] += value * value
    if first:
        cross[column, column + 1] += value
    for f in range(subjects.factors):
        level = subjects.levels[i * subjects.factors + f]
        if level > 0:
            cross[scale.offsets[f] - f + level, column + 1] += value


def note_estimate(cross: Any, column: int, freedom: int, row: Any, place: int) -> None:
    """The coefficient of the arm from products of residuals."""
    products = cross[column, column]
    row[place + 2] = 0.0
    if freedom < 1 or products <= _TOLERANCE:
        return
    found = cross[column, column + 1] / products
    left = cross[column + 1, column + 1] - found * cross[column, column + 1]
    row[place] = found
    row[place + 1] = math.sqrt(max(left, 0.0) / freedom / products)
    row[place + 2] = freedom


def difference(arms: Any, values: Any) -> float:
    """Absolute difference between the means of arms 0 and 1; -1 where one is empty."""
    first = 0
    second = 0
    of_first = 0.0
    of_second = 0.0
    for i in range(len(arms)):
        if arms[i] == 0:
            first += 1
            of_first += values[i]
        elif arms[i] == 1:
            second += 1
            of_second += values[i]
    if first == 0 or second == 0:
        return -1.0
    return abs(of_first / first - of_second / second)


def least_extreme(observed: float) -> float:
    """From where a difference counts as extreme: sums in another order may differ in last digits.

    An observed trial with an empty arm shows nothing: every draw counts.
    """
    return observed - _TOLERANCE * (1.0 + abs(observed))


def count_extreme(
    shares: Any,
    after: Any,
    respond: Any,
    design: Any,
    start: Any,
    places: Any,
    room: Any,
    key: Any,
    values: Any,
    with_effect: Any,
    draws: int,
) -> tuple[int, int]:
    """Draws as extreme as the arms that are there, for both columns of outcomes."""
    least = least_extreme(difference(places.arms, values))
    least_with_effect = least_extreme(difference(places.arms, with_effect))
    count = 0
    count_with_effect = 0
    for again in range(1, draws + 1):
        now = Key(key.low, key.high, key.trial, again)
        draw_arms(shares, after, respond, design, start, places, room, now)
        if difference(places.arms, values) >= least:
            count += 1
        if difference(places.arms, with_effect) >= least_with_effect:
            count_with_effect += 1
    return count, count_with_effect
