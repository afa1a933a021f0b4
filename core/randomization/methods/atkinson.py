"""Atkinson's biased coin: two equal arms, the better one for the precision of the treatment effect.

The model is a linear one with an intercept and the factors in effect coding: a factor of s levels
has s - 1 columns, 1 at their own level, -1 at the last one, 0 elsewhere. X are the rows of earlier
subjects, t their arms (+1 the first, -1 the second), x the next subject's row. With
v = x'(X'X)^-1 X't the first arm has the probability (1-v)^2 / ((1-v)^2 + (1+v)^2), the share of its
gain in D_A-optimality. While X'X is singular the coin is fair. Atkinson, Biometrika 1982;69:61.

The state is X'X row by row, then X't. Elimination after Bareiss (Math Comput 1968;22:565) keeps it
to whole numbers: that of X'X bordered by X't and x' ends in det(X'X) and -det(X'X) v.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from core.randomization.exact import check_whole
from core.randomization.method import Method

Ints = Sequence[int]

COLUMNS_MAX = 100
"""Elimination takes their cube: a draw must not take seconds."""


def atkinson(sizes: Sequence[int]) -> Method:
    """The coin over factors of `sizes` levels; without factors it looks at the arms' sizes alone.

    The state counts no levels one by one: where a site is added, it is counted afresh from the
    subjects. Someone who fits the model perfectly is certain of the other arm, as the second
    subject is without factors. TypeError or ValueError unless sizes are whole, 1 or more;
    ValueError for a model of more than COLUMNS_MAX columns.
    """
    check_whole(1, **{f"size_{place}": size for place, size in enumerate(sizes)})
    if sum(sizes) - len(sizes) >= COLUMNS_MAX:
        raise ValueError(f"the factors' levels make a model of more than {COLUMNS_MAX} columns")
    # For each column after the intercept: its factor, the level with 1, the level with -1.
    columns = [(f, level, size - 1) for f, size in enumerate(sizes) for level in range(size - 1)]
    q = len(columns) + 1
    return Method(
        arms=2,
        design=(q, *(number for column in columns for number in column)),
        start=(0,) * (q * q + q),
        shares=_shares,
        after=_after,
        sizes=tuple(sizes),
        bound=lambda subjects: _bound(q, subjects),
        is_predictable=True,
    )


def _bound(q: int, subjects: int) -> int:
    """A minor of order j of the bordered X'X is at most (n + q + 1)^j, by Hadamard's inequality.

    Those with a part of x have a row of numbers no larger than 1, fewer than q + 2 of them. A step
    multiplies two minors of order q at most, and adds two such products; so do the shares.
    """
    minor: int = (q + 2) * (subjects + q + 1) ** q
    return 2 * minor * minor


def _coded(design: Ints, levels: Ints, column: int) -> int:
    """The subject's number in a column of the model."""
    if column == 0:
        return 1
    level = levels[design[3 * column - 2]]
    if level == design[3 * column - 1]:
        return 1
    return -1 if level == design[3 * column] else 0


def _shares(design: Ints, state: Ints, levels: Ints, out: MutableSequence[int]) -> None:
    q = design[0]
    wide = q + 1
    cells = [0] * (wide * wide)
    for row in range(q):
        for column in range(q):
            cells[row * wide + column] = state[row * q + column]
        cells[row * wide + q] = state[q * q + row]
        cells[q * wide + row] = _coded(design, levels, row)
    out[0] = 1
    out[1] = 1
    before = 1
    for step in range(q):
        # X'X has no negative minor along its diagonal; it is singular where one is 0.
        pivot = cells[step * wide + step]
        if pivot == 0:
            return
        for row in range(step + 1, wide):
            left = cells[row * wide + step]
            for column in range(step + 1, wide):
                place = row * wide + column
                product = cells[place] * pivot - left * cells[step * wide + column]
                cells[place] = product // before
        before = pivot
    size = before
    value = -cells[q * wide + q]
    one, other = size, abs(value)
    while other > 0:
        one, other = other, one % other
    out[0] = ((size - value) // one) ** 2
    out[1] = ((size + value) // one) ** 2


def _after(design: Ints, state: MutableSequence[int], levels: Ints, arm: int) -> None:
    q = design[0]
    for row in range(q):
        here = _coded(design, levels, row)
        for column in range(q):
            state[row * q + column] += here * _coded(design, levels, column)
        state[q * q + row] += here * (1 - 2 * arm)
