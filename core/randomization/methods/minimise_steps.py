"""The step of minimisation: from counts and levels to the share of each arm, over integers alone.

A column is what is counted and weighed against the others: an arm or, where the ratio is kept at
each step, one of the equal fake arms that an arm of ratio r is made of. Each measure writes a score
for each column, the lowest being best, then `give_shares` turns scores into shares by the rule. The
cost grows with columns and factors, never with the subjects so far.

A state begins with the subjects in each column and, with fake arms, the one that was drawn and
whose arm is not yet given (its number counted from 1; 0: none). Then come the subjects in each
column at each level of each factor.

A design begins with the named places below, then holds its tables, found through them:
units[column]: lcm of the ratios divided by the column's own, so that count * unit is n/ratio in
whole numbers; ratios[column]; arms[column]; weights[margin] and places[margin]: the factors in
order, then the whole study if it weighs; table[2 * (tied - 1)]: under the biased coin the share of
each tied best column, then of each other one; distinct: the units without repetition.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from functools import cmp_to_key

from core.randomization.roots import sign_of_root_sum

Ints = Sequence[int]

COLUMNS = 0
FIRST = 1  # the first column's place among the outcomes: 0, or after the arms
FACTORS = 2
MARGINS = 3
MEASURE = 4
RULE = 5
P = 6  # of the preferred column, or what the rule makes of it: see give_shares
Q = 7
RANDOM_FIRST = 8
WEIGHT_SCALE = 9  # what the weights were multiplied by
COMMON = 10  # lcm of the columns' ratios
RATIOS = 11
ARMS = 12
WEIGHTS = 13
PLACES = 14
TABLE = 15
DISTINCT = 16
UNITS = 17  # the table itself begins here; the six before it say where theirs do

COIN, HAN, RANK = 0, 1, 2

_SD_BITS = 64


def is_open(design: Ints, state: Ints, out: MutableSequence[int]) -> bool:
    """Whether nothing is left to weigh: a fake arm was drawn, or this is one of the first n."""
    columns = design[COLUMNS]
    first = design[FIRST]
    for arm in range(first):
        out[arm] = 0
    if first > 0 and state[columns] > 0:
        for column in range(columns):
            out[first + column] = 0
        out[design[design[ARMS] + state[columns] - 1]] = 1
        return True
    if design[RANDOM_FIRST] > 0:
        earlier = 0
        for column in range(columns):
            earlier += state[column]
        if earlier < design[RANDOM_FIRST]:
            for column in range(columns):
                out[first + column] = design[design[RATIOS] + column]
            return True
    return False


def give_shares(design: Ints, out: MutableSequence[int]) -> None:
    """Turn the scores in `out`, all >= 0, into shares.

    Coin: by the table. Han: a share of P for each unit of ratio, and what is left of Q to the
    preferred; tied columns get the mean of what each would be preferred. Rank: see `by_rank`.
    """
    first = design[FIRST]
    end = first + design[COLUMNS]
    if design[RULE] == RANK:
        by_rank(design, out)
        return
    low = out[first]
    tied = 0
    for place in range(first, end):
        if out[place] < low:
            low = out[place]
            tied = 1
        elif out[place] == low:
            tied += 1
    if design[RULE] == COIN:
        hit = design[design[TABLE] + 2 * tied - 2]
        miss = design[design[TABLE] + 2 * tied - 1]
        for place in range(first, end):
            out[place] = hit if out[place] == low else miss
        return
    for place in range(first, end):
        share = tied * design[P] * design[design[RATIOS] + place - first]
        out[place] = share + design[Q] if out[place] == low else share


def by_rank(design: Ints, out: MutableSequence[int]) -> None:
    """The column of rank r = 0, 1, … gets 2P - 2Qr; tied ones the mean of their ranks.

    Scores are taken lowest first; a share is kept as -1 - share until all have one, so that it
    can't be mistaken for a score.
    """
    first = design[FIRST]
    end = first + design[COLUMNS]
    better = 0
    while better < design[COLUMNS]:
        low = -1
        tied = 0
        for place in range(first, end):
            score = out[place]
            if score >= 0:
                if low < 0 or score < low:
                    low = score
                    tied = 1
                elif score == low:
                    tied += 1
        share = 2 * design[P] - design[Q] * (2 * better + tied - 1)
        for place in range(first, end):
            if out[place] == low:
                out[place] = -1 - share
        better += tied
    for place in range(first, end):
        out[place] = -1 - out[place]


def shares_by_range(design: Ints, state: Ints, levels: Ints, out: MutableSequence[int]) -> None:
    """Score: weighted sum of the ranges of n/ratio if the subject joined the column."""
    if is_open(design, state, out):
        return
    columns = design[COLUMNS]
    first = design[FIRST]
    for column in range(columns):
        out[first + column] = 0
    for margin in range(design[MARGINS]):
        row = design[design[PLACES] + margin]
        if margin < design[FACTORS]:
            row += levels[margin] * columns
        weight = design[design[WEIGHTS] + margin]
        lowest = state[row] * design[UNITS]
        second = state[row + 1] * design[UNITS + 1]
        if second < lowest:
            lowest, second = second, lowest
        highest = second
        for column in range(2, columns):
            count = state[row + column] * design[UNITS + column]
            if count < lowest:
                lowest, second = count, lowest
            elif count < second:
                second = count
            elif count > highest:
                highest = count
        for column in range(columns):
            count = state[row + column] * design[UNITS + column]
            raised = count + design[UNITS + column]
            bottom = lowest
            if count == lowest:  # the column leaves the bottom; the next one up may stay behind
                bottom = raised if raised < second else second
            top = raised if raised > highest else highest
            out[first + column] += weight * (top - bottom)
    give_shares(design, out)


def shares_by_variance(design: Ints, state: Ints, levels: Ints, out: MutableSequence[int]) -> None:
    """Score: weighted sum of the sample variances, k(k-1) times, of n/ratio with the subject."""
    if is_open(design, state, out):
        return
    columns = design[COLUMNS]
    first = design[FIRST]
    for column in range(columns):
        out[first + column] = 0
    for margin in range(design[MARGINS]):
        row = design[design[PLACES] + margin]
        if margin < design[FACTORS]:
            row += levels[margin] * columns
        weight = design[design[WEIGHTS] + margin]
        total = 0
        squares = 0
        for column in range(columns):
            count = state[row + column] * design[UNITS + column]
            total += count
            squares += count * count
        for column in range(columns):
            unit = design[UNITS + column]
            raised = squares + unit * unit * (2 * state[row + column] + 1)
            out[first + column] += weight * (columns * raised - (total + unit) * (total + unit))
    give_shares(design, out)


def shares_by_taves(design: Ints, state: Ints, levels: Ints, out: MutableSequence[int]) -> None:
    """Score: weighted sum of n/ratio at the subject's levels, before the subject joins."""
    if is_open(design, state, out):
        return
    columns = design[COLUMNS]
    first = design[FIRST]
    for column in range(columns):
        out[first + column] = 0
    for margin in range(design[MARGINS]):
        row = design[design[PLACES] + margin]
        if margin < design[FACTORS]:
            row += levels[margin] * columns
        weight = design[design[WEIGHTS] + margin]
        for column in range(columns):
            out[first + column] += weight * state[row + column] * design[UNITS + column]
    give_shares(design, out)


def shares_by_marginal_balance(
    design: Ints, state: Ints, levels: Ints, out: MutableSequence[int]
) -> None:
    """Score: weighted sum of Han's marginal balance of n/ratio with the subject.

    Its divisor, the sum of the row with the subject in it, differs by margin and by the column's
    unit. All scores are put over the product of every divisor there is, and are whole numbers.
    """
    if is_open(design, state, out):
        return
    columns = design[COLUMNS]
    first = design[FIRST]
    product = 1
    for margin in range(design[MARGINS]):
        row = design[design[PLACES] + margin]
        if margin < design[FACTORS]:
            row += levels[margin] * columns
        total = 0
        for column in range(columns):
            total += state[row + column] * design[UNITS + column]
        for place in range(design[DISTINCT], len(design)):
            product *= total + design[place]
    for column in range(columns):
        out[first + column] = 0
    for margin in range(design[MARGINS]):
        row = design[design[PLACES] + margin]
        if margin < design[FACTORS]:
            row += levels[margin] * columns
        weight = design[design[WEIGHTS] + margin]
        total = 0
        pairs = 0
        for column in range(columns):
            here = state[row + column] * design[UNITS + column]
            total += here
            for other in range(column):
                pairs += abs(here - state[row + other] * design[UNITS + other])
        for column in range(columns):
            unit = design[UNITS + column]
            here = state[row + column] * unit
            raised = pairs - unit  # the column is compared with itself below
            for other in range(columns):
                there = state[row + other] * design[UNITS + other]
                raised += abs(here + unit - there) - abs(here - there)
            out[first + column] += weight * raised * (product // (total + unit))
    give_shares(design, out)


def shares_by_sd(design: Ints, state: Ints, levels: Ints, out: MutableSequence[int]) -> None:
    """Score: the place of the weighted sum of standard deviations among all, ties exact.

    Integer roots to 64 binary places, each short by less than one, order all columns that lie
    further apart than the margins can err; others are compared by `sign_of_root_sum`. Never
    compiled: its numbers have no bound.
    """
    if is_open(design, state, out):
        return
    columns, first = design[COLUMNS], design[FIRST]
    terms: list[list[tuple[int, int]]] = [[] for _ in range(columns)]
    scores = [0] * columns
    for margin in range(design[MARGINS]):
        row = design[design[PLACES] + margin]
        if margin < design[FACTORS]:
            row += levels[margin] * columns
        weight = design[design[WEIGHTS] + margin]
        for column, deviation in enumerate(_deviations(design, state, row)):
            terms[column].append((weight, deviation))
            scores[column] += math.isqrt((weight * weight * deviation) << (2 * _SD_BITS))

    def compare(one: int, other: int) -> int:
        apart = scores[one] - scores[other]
        if abs(apart) > design[MARGINS]:
            return apart
        if sorted(terms[one]) == sorted(terms[other]):
            return 0
        return sign_of_root_sum(terms[one] + [(-weight, n) for weight, n in terms[other]])

    order = sorted(range(columns), key=cmp_to_key(compare))
    place = 0
    for earlier, column in zip([order[0], *order], order, strict=False):
        place += compare(earlier, column) != 0
        out[first + column] = place
    give_shares(design, out)


def _deviations(design: Ints, state: Ints, row: int) -> list[int]:
    """For each column, k(k-1) times the sample variance of the row with the subject in it."""
    columns = design[COLUMNS]
    counts = [state[row + column] * design[UNITS + column] for column in range(columns)]
    total, squares = sum(counts), sum(count * count for count in counts)
    found = []
    for column, count in enumerate(counts):
        unit = design[UNITS + column]
        found.append(columns * (squares + unit * (2 * count + unit)) - (total + unit) ** 2)
    return found


def count_subject(design: Ints, state: MutableSequence[int], levels: Ints, outcome: int) -> None:
    """Count the subject in its column; a fake arm that was drawn is only remembered."""
    columns = design[COLUMNS]
    column = outcome
    if design[FIRST] > 0:
        if outcome >= design[FIRST]:
            state[columns] = outcome - design[FIRST] + 1
            return
        column = state[columns] - 1
        state[columns] = 0
    state[column] += 1
    for factor in range(design[FACTORS]):
        state[design[design[PLACES] + factor] + levels[factor] * columns + column] += 1
