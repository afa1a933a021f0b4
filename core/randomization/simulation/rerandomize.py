"""The re-randomization test: what the method itself could have given to the same subjects.

Responses, covariates and order of entry stay as they were; only the arms are drawn again, all of
them with their exact probabilities or a number of them at random. Source: Rosenberger & Lachin,
Randomization in Clinical Trials, 2nd ed., chapter 6. The Monte Carlo p-value is
(1 + count)/(1 + draws), which keeps the level of the test (Phipson & Smyth, Stat Appl Genet Mol
Biol 2010;9:39).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from core.randomization.exact import exact, scaled
from core.randomization.method import Knowledge, Method, TooManyStates
from core.randomization.simulation.exact import State, Turns
from core.randomization.simulation.population import Population
from core.randomization.simulation.results import Rerandomization, Value

PLACES_MAX: Final = 300_000
"""Of the sequences after one subject: states and sums of outcomes, those alike taken together."""
_TOLERANCE: Final = 1e-9

Outcome = int | Fraction | Decimal


class ImpossibleSequence(ValueError):
    """The method could not have given these arms: the test would have no meaning."""

    def __init__(self, place: int) -> None:
        """`place`: the first subject, counted from 1, whose arm had probability 0."""
        super().__init__(f"subject {place} could not have received this arm under the method")
        self.place = place


@dataclass(frozen=True, slots=True)
class _Trial:
    """What was observed, checked. `strata[i]` numbers the subject's stratum, `own[i]` the rest."""

    method: Method
    arms: tuple[int, ...]
    outcomes: tuple[Fraction, ...]
    strata: tuple[int, ...]
    own: tuple[tuple[int, ...], ...]
    responses: tuple[int, ...] | None


def rerandomize(
    method: Method,
    arms: Sequence[int],
    outcomes: Sequence[Outcome],
    *,
    levels: Sequence[Sequence[int]] | None = None,
    strata: Sequence[int] = (),
    responses: Sequence[int] | None = None,
    draws: int | None = None,
    seed: int = 0,
    adjusted: bool = False,
) -> Rerandomization:
    """The two-sided p-value of the absolute difference between the first two arms' means.

    `levels[i]` are the levels (indices) of all factors of the i-th subject; those of `strata` keep
    states of their own. `responses` (0 or 1 by subject) for methods that look at them. `adjusted`
    takes the factors' effects, as fitted without treatment, off the outcomes first. A sequence
    that leaves one of the two arms empty is not extreme. `draws` None follows every sequence
    exactly; otherwise so many are drawn with `seed`, and differences equal within 1e-9 of the
    observed one count as extreme.

    ImpossibleSequence where the method could not have given `arms`; TooManyStates where an exact
    test is too much; ValueError for data that don't fit together; TypeError for a float.
    """
    trial = _checked(method, arms, outcomes, levels, strata, responses)
    check_possible(trial)
    values = trial.outcomes
    if adjusted:
        values = residuals(values, levels or [()] * len(values))
    observed = difference(trial.arms, values)
    if observed is None:
        raise ValueError("one of the first two arms has no subject: there is nothing to compare")
    statistic = Value.of(observed)
    if draws is None:
        p = Value.of(_exact_p(trial, values, observed))
        return Rerandomization(p, statistic, None, None, adjusted)
    if draws < 1:
        raise ValueError("at least one draw is needed")
    p = _drawn_p(trial, values, float(observed), draws, seed)
    return Rerandomization(p, statistic, draws, seed, adjusted)


def difference(arms: Sequence[int], outcomes: Sequence[Fraction]) -> Fraction | None:
    """Absolute difference between the means of arms 0 and 1; None if one is empty."""
    groups = [[y for y, a in zip(outcomes, arms, strict=True) if a == arm] for arm in (0, 1)]
    if not all(groups):
        return None
    first, second = (sum(group, Fraction()) / len(group) for group in groups)
    return abs(first - second)


def residuals(
    outcomes: Sequence[Fraction], levels: Sequence[Sequence[int]]
) -> tuple[Fraction, ...]:
    """The outcomes less what mean and levels of the factors explain, by exact least squares."""
    rows = [_indicators(one, levels) for one in levels]
    columns = len(rows[0])
    table: list[list[Fraction]] = [
        [Fraction(sum(r[a] * r[b] for r in rows)) for b in range(columns)]
        + [sum((r[a] * y for r, y in zip(rows, outcomes, strict=True)), Fraction())]
        for a in range(columns)
    ]
    fitted = _solved(table)
    return tuple(
        y - sum((f * x for f, x in zip(fitted, row, strict=True)), Fraction())
        for y, row in zip(outcomes, rows, strict=True)
    )


def _indicators(one: Sequence[int], levels: Sequence[Sequence[int]]) -> list[int]:
    """1 for the mean, then whether each factor is at each of its levels but the first."""
    row = [1]
    for factor, level in enumerate(one):
        most = max(other[factor] for other in levels)
        row += [int(level == value) for value in range(1, most + 1)]
    return row


def _solved(table: list[list[Fraction]]) -> list[Fraction]:
    """Solutions of normal equations, Gauss-Jordan; 0 for a column that depends on others."""
    columns = len(table)
    for c in range(columns):
        pivot = table[c][c]
        if not pivot:
            continue
        table[c] = [value / pivot for value in table[c]]
        for r in range(columns):
            if r != c and table[r][c]:
                factor = table[r][c]
                table[r] = [a - factor * b for a, b in zip(table[r], table[c], strict=True)]
    return [table[c][-1] if table[c][c] else Fraction() for c in range(columns)]


def _checked(
    method: Method,
    arms: Sequence[int],
    outcomes: Sequence[Outcome],
    levels: Sequence[Sequence[int]] | None,
    strata: Sequence[int],
    responses: Sequence[int] | None,
) -> _Trial:
    n = len(arms)
    rows = [tuple(one) for one in (levels if levels is not None else [()] * n)]
    if n < 2 or len(outcomes) != n or len(rows) != n or len({len(row) for row in rows}) != 1:
        raise ValueError("arms, outcomes and levels are needed for the same two or more subjects")
    if any(not 0 <= arm < method.arms for arm in arms):
        raise ValueError("an arm that the method does not have")
    if (method.respond is None) != (responses is None):
        raise ValueError("responses go with response-adaptive methods, and only these")
    if responses is not None and (len(responses) != n or not set(responses) <= {0, 1}):
        raise ValueError("each subject needs one response, 0 or 1")
    if any(not 0 <= factor < len(rows[0]) for factor in strata):
        raise ValueError("strata must name factors")
    factors = [f for f in range(len(rows[0])) if f not in strata] if method.sizes else []
    own = tuple(tuple(row[f] for f in factors) for row in rows)
    _check_levels(method, rows, own)
    numbered: dict[tuple[int, ...], int] = {}
    places = [numbered.setdefault(tuple(r[f] for f in strata), len(numbered)) for r in rows]
    heard = None if responses is None else tuple(int(one) for one in responses)
    values = tuple(exact(value) for value in outcomes)
    return _Trial(method, tuple(arms), values, tuple(places), own, heard)


def _check_levels(
    method: Method, rows: Sequence[Sequence[int]], own: Sequence[Sequence[int]]
) -> None:
    if len(own[0]) != len(method.sizes):
        raise ValueError(f"the method counts {len(method.sizes)} factors, not {len(own[0])}")
    if any(level < 0 for row in rows for level in row):
        raise ValueError("a level below 0")
    for row in own:
        if any(level >= size for level, size in zip(row, method.sizes, strict=True)):
            raise ValueError("a level that the method does not have")


def check_possible(trial: _Trial) -> None:
    """Raise ImpossibleSequence unless the method could have given these arms."""
    known: dict[int, Knowledge] = {}
    for place, arm in enumerate(trial.arms):
        knowledge = known.setdefault(trial.strata[place], Knowledge(trial.method))
        try:
            knowledge.see(trial.own[place], arm)
        except TooManyStates:
            raise
        except ValueError:
            raise ImpossibleSequence(place + 1) from None
        if trial.responses is not None:
            knowledge.hear(arm, bool(trial.responses[place]))


def _exact_p(trial: _Trial, outcomes: Sequence[Fraction], observed: Fraction) -> Fraction:
    """The probability of all sequences at least as extreme.

    Sequences that agree in the states of all strata and in number and sum of both arms have the
    same future and the same statistic, and go on as one.
    """
    values, common = scaled(outcomes)
    known: dict[tuple[int, ...], Turns] = {}
    starts = (trial.method.start,) * (max(trial.strata) + 1)
    places: dict[Any, Fraction] = {(starts, 0, 0, 0, 0): Fraction(1)}
    for i, value in enumerate(values):
        turns = known.setdefault(trial.own[i], Turns(trial.method, trial.own[i], most=PLACES_MAX))
        stratum, ahead = trial.strata[i], dict[Any, Fraction]()
        for (states, *sums), weight in places.items():
            turn = turns[states[stratum]]
            for arm, after, share in turn.ways:
                heard = _heard(trial, after, arm, i)
                key = (
                    (*states[:stratum], heard, *states[stratum + 1 :]),
                    *_added(sums, arm, value),
                )
                part = weight * Fraction(share, turn.total)
                ahead[key] = ahead.get(key, Fraction()) + part
        if len(ahead) > PLACES_MAX:
            raise TooManyStates("there are too many sequences to follow exactly; draw some instead")
        places = ahead
    by_sums: dict[tuple[int, ...], Fraction] = defaultdict(Fraction)
    for (_, *sums), weight in places.items():
        by_sums[tuple(sums)] += weight
    return sum(
        (weight for sums, weight in by_sums.items() if _is_extreme(sums, observed * common)),
        Fraction(),
    )


def _added(sums: Sequence[int], arm: int, value: int) -> tuple[int, ...]:
    """Numbers of arms 0 and 1, then their sums, with one subject more."""
    first, second, of_first, of_second = sums
    if arm == 0:
        return first + 1, second, of_first + value, of_second
    if arm == 1:
        return first, second + 1, of_first, of_second + value
    return first, second, of_first, of_second


def _is_extreme(sums: Sequence[int], observed: Fraction) -> bool:
    first, second, of_first, of_second = sums
    if not first or not second:
        return False
    return abs(Fraction(of_first, first) - Fraction(of_second, second)) >= observed


def _heard(trial: _Trial, state: State, arm: int, place: int) -> State:
    if trial.responses is None or trial.method.respond is None:
        return state
    heard = list(state)
    trial.method.respond(trial.method.design, heard, arm, trial.responses[place])
    return tuple(heard)


def _drawn_p(
    trial: _Trial, outcomes: Sequence[Fraction], observed: float, draws: int, seed: int
) -> Value:
    import numpy as np  # an exact test needs neither NumPy nor a compiler

    from core.randomization.simulation.walker import Setting, Walker, check_simulation_seed

    check_simulation_seed(seed)
    sizes = (*trial.method.sizes, max(trial.strata) + 1)
    population = Population.even(sizes, (len(sizes) - 1,))
    ratio = (1,) * trial.method.arms
    setting = Setting(trial.method, len(outcomes), seed, ratio, population, None, trial.responses)
    walker = Walker(setting)
    rows = [(*own, stratum) for own, stratum in zip(trial.own, trial.strata, strict=True)]
    subjects = walker.places.subjects
    subjects.levels[:] = np.array(rows, np.int64).ravel()
    subjects.stratum[:] = trial.strata
    values = np.array([float(value) for value in outcomes])
    count = 0
    for again in range(1, draws + 1):
        walker.draw_arms(0, again)
        count += float_difference(walker.places.arms, values) >= observed * (1 - _TOLERANCE)
    p = (1 + count) / (1 + draws)
    return Value(p, exact=Fraction(1 + count, 1 + draws), se=math.sqrt(p * (1 - p) / draws))


def float_difference(arms: Any, values: Any) -> float:
    """As `difference`, in arrays; -1 if an arm is empty."""
    first, second = values[arms == 0], values[arms == 1]
    if not len(first) or not len(second):
        return -1.0
    return abs(float(first.mean() - second.mean()))
