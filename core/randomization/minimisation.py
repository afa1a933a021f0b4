"""Minimisation after Pocock & Simon, Biometrics 1975;31:103, exact and free of chance.

`step` is a pure function: design + counts so far + the new subject's levels → the probability of
each arm, as integers over one denominator; `choose` turns them and a uniform integer into an arm.
For each arm the imbalance is computed that would follow if the subject received it, for each factor
among the earlier subjects who share the subject's level, and summed with the factors' weights. The
arms with the lowest sum are preferred.

Unequal ratios divide the counts by the ratio. The counts then follow the ratio, but the probability
of an arm at a given step does not: it swings from step to step (Kuznetsova & Tymofyeyev, Stat Med
2012;31:701).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

from core.randomization.exact import exact, scaled
from core.randomization.measures import RULES, Measure, spread


class Ties(StrEnum):
    """What the arms that tie for the lowest imbalance get.

    SPLIT: they share p equally and the others share the rest. With m of k arms tied they share
    at least m/k, so that a preferred arm is never less likely than another one.
    PICK: one of them, each as likely, is preferred and gets p; the k - 1 others share the rest
    (Pocock & Simon rank tied arms at random). The probabilities already contain the picking.
    """

    SPLIT = "split"
    PICK = "pick"


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm and its whole share in the allocation ratio."""

    name: str
    ratio: int = 1


@dataclass(frozen=True, slots=True)
class Factor:
    """A prognostic factor, its levels, and its weight in the sum."""

    name: str
    levels: tuple[str, ...]
    weight: Fraction = Fraction(1)


@dataclass(frozen=True)
class Plan:
    """One minimised design. Numbers are exact; what `step` needs is scaled to integers once.

    `p` is the probability of the preferred arm, 1/(number of arms) to 1; at 1 the allocation is
    deterministic. `overall_weight` above 0 adds the whole study as one more margin; with no
    factors it is required, as there would be nothing to balance. Raises TypeError for a float,
    ValueError for a design that cannot be run.
    """

    arms: tuple[Arm, ...]
    factors: tuple[Factor, ...]
    p: Fraction
    measure: Measure = Measure.RANGE
    ties: Ties = Ties.SPLIT
    overall_weight: Fraction = Fraction(0)
    units: tuple[int, ...] = field(init=False, repr=False)
    """lcm of the ratios divided by each arm's: what one subject adds to its arm's scaled count."""
    weights: tuple[int, ...] = field(init=False, repr=False)
    """Scaled weight of each margin: the factors in order, then the whole study if it counts."""
    shares: tuple[tuple[int, int], ...] = field(init=False, repr=False)
    """By number of preferred arms: the share of each of these and of each other arm."""
    denominator: int = field(init=False)
    """What the integers of `step` add up to."""

    def __post_init__(self) -> None:
        """Check the design and scale it."""
        object.__setattr__(self, "p", exact(self.p))
        object.__setattr__(self, "overall_weight", exact(self.overall_weight))
        _check_names(self)
        _check_numbers(self)
        common = math.lcm(*(arm.ratio for arm in self.arms))
        weights = [exact(factor.weight) for factor in self.factors]
        weights += [self.overall_weight] if self.overall_weight else []
        sizes = range(len(self.arms) + 1)
        shares = [_shares(self.p, tied, len(self.arms), self.ties) for tied in sizes]
        integers, denominator = scaled([share for pair in shares for share in pair])
        set_ = object.__setattr__
        set_(self, "units", tuple(common // arm.ratio for arm in self.arms))
        set_(self, "weights", scaled(weights)[0])
        set_(self, "shares", tuple(zip(integers[::2], integers[1::2], strict=True)))
        set_(self, "denominator", denominator)

    def levels_of(self, values: Mapping[str, str]) -> tuple[int, ...]:
        """The subject's level of each factor, as indices; ValueError names what is missing."""
        found = []
        for factor in self.factors:
            value = values.get(factor.name)
            if value is None or value not in factor.levels:
                raise ValueError(f"no such level of {factor.name}: {value!r}")
            found.append(factor.levels.index(value))
        return tuple(found)


def _check_names(plan: Plan) -> None:
    if len(plan.arms) < 2:
        raise ValueError("minimisation needs two arms or more")
    groups = [("arm", [arm.name for arm in plan.arms])]
    groups.append(("factor", [factor.name for factor in plan.factors]))
    groups += [(f"level of {factor.name}", list(factor.levels)) for factor in plan.factors]
    for what, names in groups:
        if len(set(names)) != len(names):
            raise ValueError(f"the same {what} twice")
    for factor in plan.factors:
        if not factor.levels:
            raise ValueError(f"factor {factor.name} has no level")


def _check_numbers(plan: Plan) -> None:
    for arm in plan.arms:
        if isinstance(arm.ratio, bool) or not isinstance(arm.ratio, int):
            raise TypeError(f"the ratio of {arm.name} is not a whole number")
        if arm.ratio < 1:
            raise ValueError(f"the ratio of {arm.name} is below 1")
    for factor in plan.factors:
        if exact(factor.weight) <= 0:
            raise ValueError(f"the weight of {factor.name} is not above 0")
    if plan.overall_weight < 0:
        raise ValueError("the overall weight is below 0")
    if not plan.factors and not plan.overall_weight:
        raise ValueError("nothing to balance: no factor and no overall weight")
    if not Fraction(1, len(plan.arms)) <= plan.p <= 1:
        raise ValueError("p must lie between 1/(number of arms) and 1")


def _shares(p: Fraction, tied: int, arms: int, ties: Ties) -> tuple[Fraction, Fraction]:
    """The share of each of `tied` preferred arms, and of each other arm."""
    if tied == 0:
        return Fraction(0), Fraction(0)  # never met: some arm is always lowest
    if tied == arms:
        return Fraction(1, arms), Fraction(0)
    if ties is Ties.PICK:
        other = (1 - p) / (arms - 1)
        return p / tied + other * Fraction(tied - 1, tied), other
    preferred = max(p, Fraction(tied, arms))
    return preferred / tied, (1 - preferred) / (arms - tied)


@dataclass(frozen=True, slots=True)
class State:
    """How many earlier subjects each arm has, plain integers.

    `counts[factor][level][arm]`, factors and levels in the plan's order; `totals[arm]`, the whole
    study.
    """

    counts: tuple[tuple[tuple[int, ...], ...], ...]
    totals: tuple[int, ...]

    @classmethod
    def empty(cls, plan: Plan) -> State:
        """Nobody randomized yet."""
        nobody = (0,) * len(plan.arms)
        return cls(tuple((nobody,) * len(factor.levels) for factor in plan.factors), nobody)

    @classmethod
    def from_json(cls, value: Any) -> State:
        """What `to_json` gave; ValueError if it is not that or its margins disagree."""
        try:
            counts = tuple(tuple(tuple(row) for row in factor) for factor in value["counts"])
            state = cls(counts, tuple(value["totals"]))
        except (KeyError, TypeError) as error:
            raise ValueError("not a minimisation state") from error
        state._check()
        return state

    def to_json(self) -> dict[str, Any]:
        """Lists of integers, for JSON: `{"counts": [[[…]]], "totals": […]}`."""
        return {
            "counts": [[list(row) for row in factor] for factor in self.counts],
            "totals": list(self.totals),
        }

    def widened(self, plan: Plan) -> State:
        """The same counts under a plan that appended levels (new sites, an amendment).

        ValueError if arms or factors differ in number or levels were taken away. Levels keep
        their places: a plan must append, never reorder.
        """
        if len(self.counts) != len(plan.factors) or len(self.totals) != len(plan.arms):
            raise ValueError("another number of factors or arms")
        nobody = (0,) * len(plan.arms)
        wider = []
        for rows, factor in zip(self.counts, plan.factors, strict=True):
            if len(rows) > len(factor.levels):
                raise ValueError(f"levels of {factor.name} were taken away")
            wider.append(rows + (nobody,) * (len(factor.levels) - len(rows)))
        return State(tuple(wider), self.totals)

    def after(self, levels: Sequence[int], arm: int) -> State:
        """The state once a subject with these levels has this arm (indices); this one stays.

        IndexError or ValueError for levels or an arm that the state does not have.
        """
        _check_place(arm, len(self.totals))
        counts = []
        for rows, level in zip(self.counts, levels, strict=True):
            _check_place(level, len(rows))
            counts.append((*rows[:level], _raised(rows[level], arm), *rows[level + 1 :]))
        return State(tuple(counts), _raised(self.totals, arm))

    def margins(self, plan: Plan, levels: Sequence[int]) -> list[tuple[int, ...]]:
        """Counts by arm at each of the levels, then of the study if the plan weighs it."""
        rows = []
        for by_level, level in zip(self.counts, levels, strict=True):
            _check_place(level, len(by_level))
            rows.append(by_level[level])
        if plan.overall_weight:
            rows.append(self.totals)
        return rows

    def _check(self) -> None:
        for factor in (*self.counts, (self.totals,)):
            for row in factor:
                if len(row) != len(self.totals) or any(type(n) is not int or n < 0 for n in row):
                    raise ValueError("counts are not whole numbers by arm")
            if tuple(map(sum, zip(*factor, strict=True))) != self.totals:
                raise ValueError("the margins of the minimisation state disagree")


def step(plan: Plan, state: State, levels: Sequence[int]) -> tuple[int, ...]:
    """The probability of each arm for a subject with these levels, times `plan.denominator`.

    Runs on integers alone, in time proportional to factors times arms whatever the number of
    earlier subjects. ValueError or IndexError for levels that the state does not have.
    """
    rows = state.margins(plan, levels)
    preferred = RULES[plan.measure](rows, plan.units, plan.weights)
    hit, miss = plan.shares[len(preferred)]
    shares = [miss] * len(plan.units)
    for arm in preferred:
        shares[arm] = hit
    return tuple(shares)


def choose(shares: Sequence[int], uniform: int) -> int:
    """The arm (index) that a uniform integer in 0 … sum(shares)-1 falls on.

    ValueError for a number outside.
    """
    left = uniform
    if left >= 0:
        for arm, share in enumerate(shares):
            if left < share:
                return arm
            left -= share
    raise ValueError(f"uniform number outside 0 … {sum(shares) - 1}: {uniform}")


def probabilities(plan: Plan, state: State, levels: Sequence[int]) -> tuple[Fraction, ...]:
    """The exact probability of each arm; errors as for `step`."""
    shares = step(plan, state, levels)
    return tuple(Fraction(share, plan.denominator) for share in shares)


def imbalance(plan: Plan, state: State, levels: Sequence[int]) -> tuple[Fraction, ...]:
    """Pocock & Simon's G for each arm: the weighted sum if the subject received it.

    Exact, but for SD, which is cut off after 50 decimals; `step` never uses these. It unblinds as
    the probabilities do. Errors as for `step`.
    """
    rows = state.margins(plan, levels)
    weights = [exact(factor.weight) for factor in plan.factors]
    weights += [plan.overall_weight] if plan.overall_weight else []
    sums = []
    for chosen in range(len(plan.arms)):
        after = (_per_ratio(plan, _raised(row, chosen)) for row in rows)
        spreads = (spread(plan.measure, counts) for counts in after)
        sums.append(sum((w * s for w, s in zip(weights, spreads, strict=True)), Fraction()))
    return tuple(sums)


def _per_ratio(plan: Plan, row: Sequence[int]) -> list[Fraction]:
    return [Fraction(n, arm.ratio) for n, arm in zip(row, plan.arms, strict=True)]


def _raised(row: tuple[int, ...], arm: int) -> tuple[int, ...]:
    return (*row[:arm], row[arm] + 1, *row[arm + 1 :])


def _check_place(index: int, length: int) -> None:
    # A negative index would quietly count from the end.
    if not 0 <= index < length:
        raise IndexError(f"no such level or arm: {index}")
