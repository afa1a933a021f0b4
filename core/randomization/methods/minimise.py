"""Minimisation: a subject most probably goes where the marginal counts stay most even.

For each arm a score says how uneven the arms would be, at each of the subject's levels, if the
subject received it; the scores are summed over the factors with their weights, and the lowest is
best. Pocock & Simon, Biometrics 1975;31:103; Taves, Clin Pharmacol Ther 1974;15:443. `p` is the
probability of the best of k arms, and the rule says what the others get:

- biased_coin, p from 1/k to 1: they share the rest equally. Arms that tie for the lowest score:
  with `ties` split they share p, but at least m/k if m tie, so that a best arm is never less likely
  than another one; with pick one of them, each as likely, is the best.
- han (Han et al., Stat Med 2009;28:3329): p is that of an arm of the lowest ratio r. With R the sum
  of the ratios and c = (1 - p)/(R - r), an arm of ratio r_j that is not the best gets c r_j, and
  the best the rest; p from r/R to 1. Of arms that tie one is the best, each as likely.
- rank, p from 1/k to 2/k: linear in the rank, p - 2i(kp - 1)/(k(k - 1)) for i = 0 … k-1. This is
  Pocock & Simon's q - 2(i + 1)(kq - 1)/(k(k + 1)) with q = (k(k + 1)p - 2)/(k(k - 1)). Arms that
  tie take their ranks in any order, each as likely.

Unequal ratios divide the counts by the ratio. The counts then follow the ratio, but the probability
of an arm at a given step does not: it swings from step to step. `ratio_preserving` mends that: an
arm of ratio r becomes r fake arms of ratio 1, minimised as equal ones, and receives whoever one of
them receives (Kuznetsova & Tymofyeyev, Stat Med 2012;31:701). Fake arms are alike, so that at every
step each is as likely as any other, and an arm as likely as its ratio says. "Arm" above then means
fake arm.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from core.randomization.exact import check_whole, exact, scaled
from core.randomization.measures import Measure, spread
from core.randomization.method import Method, Step
from core.randomization.methods import minimise_steps as steps
from core.randomization.methods.numbers import ratio_of

MEASURES: Mapping[str, Step] = {
    "range": steps.shares_by_range,
    "variance": steps.shares_by_variance,
    "sd": steps.shares_by_sd,
    "marginal_balance": steps.shares_by_marginal_balance,
    "taves": steps.shares_by_taves,
}
RULES: Mapping[str, int] = {"biased_coin": steps.COIN, "han": steps.HAN, "rank": steps.RANK}
TIES = ("split", "pick")
COLUMNS_MAX = 500
_NAMES = tuple(MEASURES)

Number = Fraction | int


def minimisation(
    ratio: Sequence[int],
    sizes: Sequence[int],
    weights: Sequence[Number],
    measure: str,
    p: Number,
    *,
    ties: str = "split",
    rule: str = "biased_coin",
    overall_weight: Number = 0,
    ratio_preserving: bool = False,
    random_first: int = 0,
) -> Method:
    """Minimisation over factors of `sizes` levels with these weights, as the module says.

    `measure` of a margin: range, variance, sd, marginal_balance, or taves, the sum of the counts as
    they stand. `overall_weight` above 0 adds the whole study as one more margin; without factors it
    is required. `random_first` subjects are drawn by the ratio alone. With `ratio_preserving`
    (biased_coin and rank only) a move draws one of sum(ratio) fake arms, ratio in lowest terms; its
    arm is then certain. Every random picking is within the probabilities.

    TypeError for a float, ValueError for numbers that make no design.
    """
    chosen = (measure in MEASURES, rule in RULES, ties in TIES)
    if not all(chosen):
        raise ValueError(f"no such measure, rule or ties: {measure}, {rule}, {ties}")
    if len(ratio_of(ratio)) < 2:
        raise ValueError("minimisation needs two arms or more")
    columns = _columns(ratio, ratio_preserving)
    odds = _ODDS[rule](columns, p, ties)
    margins = _margins(sizes, weights, overall_weight)
    design = _design(columns, margins, odds, sizes)
    design[steps.MEASURE], design[steps.RULE] = _NAMES.index(measure), RULES[rule]
    check_whole(0, random_first=random_first)
    design[steps.RANDOM_FIRST] = random_first
    numbers, k = tuple(design), len(columns.ratios)
    start = (0,) * (columns.head + k * sum(sizes))
    return Method(
        arms=len(ratio),
        design=numbers,
        start=start,
        shares=MEASURES[measure],
        after=steps.count_subject,
        moves=k if columns.fake else 0,
        sizes=tuple(sizes),
        per_level=k,
        bound=None if measure == "sd" else lambda n: _bound(numbers, odds.total, len(start), n),
        keeps_ratio=len(set(columns.ratios)) == 1 or odds.by_ratio,
        is_predictable=odds.certain,
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is weighed: the ratio of each column, the arm it stands for, whether they are fake."""

    ratios: tuple[int, ...]
    arms: tuple[int, ...]
    fake: bool

    @property
    def head(self) -> int:
        """Integers of a state before the levels: the totals, and the fake arm that was drawn."""
        return len(self.ratios) + self.fake


@dataclass(frozen=True, slots=True)
class _Odds:
    """A rule's integers for the step, the sum of its shares at most, and what follows from p.

    `certain`: some arm can be. `by_ratio`: every arm always has its share of the ratio.
    """

    p: int
    q: int
    table: tuple[int, ...]
    total: int
    certain: bool
    by_ratio: bool = False


def _columns(ratio: Sequence[int], ratio_preserving: bool) -> _Columns:
    shared = math.gcd(*ratio)
    if not ratio_preserving or shared == max(ratio):  # equal arms keep their ratio as they are
        return _Columns(tuple(ratio), tuple(range(len(ratio))), False)
    if sum(ratio) // shared > COLUMNS_MAX:
        raise ValueError(f"the ratio makes {sum(ratio) // shared} fake arms, above {COLUMNS_MAX}")
    arms = [arm for arm, part in enumerate(ratio) for _ in range(part // shared)]
    return _Columns((1,) * len(arms), tuple(arms), True)


def _between(least: Fraction, p: Number, most: Fraction) -> Fraction:
    found = exact(p)
    if not least <= found <= most:
        raise ValueError(f"p must be from {least} to {most} in this design, not {found}")
    return found


def _coin(columns: _Columns, p: Number, ties: str) -> _Odds:
    k = len(columns.ratios)
    best = _between(Fraction(1, k), p, Fraction(1))
    table: list[Fraction] = []
    for tied in range(1, k + 1):
        if tied == k:
            pair = Fraction(1, k), Fraction(0)
        elif ties == "pick":
            other = (1 - best) / (k - 1)
            pair = best / tied + other * Fraction(tied - 1, tied), other
        else:
            all_of_them = max(best, Fraction(tied, k))
            pair = all_of_them / tied, (1 - all_of_them) / (k - tied)
        table += pair
    integers, total = scaled(table)
    return _Odds(0, 0, integers, total, best == 1)


def _han(columns: _Columns, p: Number, ties: str) -> _Odds:
    if columns.fake:
        raise ValueError("Han's rule keeps to the ratio in its own way, without fake arms")
    lowest, total = min(columns.ratios), sum(columns.ratios)
    best = _between(Fraction(lowest, total), p, Fraction(1))
    (each, whole_), _ = scaled([(1 - best) / (total - lowest), Fraction(1)])
    by_ratio = best == Fraction(lowest, total)
    most = whole_ * len(columns.ratios)
    return _Odds(each, whole_ - each * total, (), most, best == 1, by_ratio)


def _rank(columns: _Columns, p: Number, ties: str) -> _Odds:
    k = len(columns.ratios)
    best = _between(Fraction(1, k), p, Fraction(2, k))
    (first, less), total = scaled([best, 2 * (k * best - 1) / (k * (k - 1))])
    # At 2/k only the last column has nothing: certain if all others are one arm.
    lone = min(columns.arms.count(arm) for arm in columns.arms) == 1
    certain = best == Fraction(2, k) and max(columns.arms) == 1 and lone
    return _Odds(first, less, (), 2 * total, certain)


_ODDS = {"biased_coin": _coin, "han": _han, "rank": _rank}


def _margins(
    sizes: Sequence[int], weights: Sequence[Number], overall: Number
) -> tuple[tuple[int, ...], int]:
    """The scaled weight of each margin, the study last if it counts, and their denominator."""
    for size in sizes:
        check_whole(1, size=size)
    if len(weights) != len(sizes):
        raise ValueError("each factor needs one weight")
    exactly = [exact(weight) for weight in weights]
    if any(weight <= 0 for weight in exactly):
        raise ValueError("the weight of a factor must be above 0")
    if exact(overall) < 0:
        raise ValueError("the overall weight is below 0")
    exactly += [exact(overall)] if overall else []
    if not exactly:
        raise ValueError("nothing to balance: no factor and no overall weight")
    return scaled(exactly)


def _design(
    columns: _Columns, margins: tuple[tuple[int, ...], int], odds: _Odds, sizes: Sequence[int]
) -> list[int]:
    """The design as `minimise_steps` lays it out, measure, rule and random_first still 0."""
    k, weights = len(columns.ratios), margins[0]
    common = math.lcm(*columns.ratios)
    units = [common // ratio for ratio in columns.ratios]
    before = itertools.accumulate(sizes, initial=0)
    places = [columns.head + k * levels for levels in before][: len(sizes)]
    places += [0] * (len(weights) - len(sizes))  # the study's counts begin the state
    design = [0] * steps.UNITS + units
    for name, table in (
        (steps.RATIOS, columns.ratios),
        (steps.ARMS, columns.arms),
        (steps.WEIGHTS, weights),
        (steps.PLACES, places),
        (steps.TABLE, odds.table),
        (steps.DISTINCT, sorted(set(units))),
    ):
        design[name] = len(design)
        design += table
    design[steps.COLUMNS], design[steps.FIRST] = k, (max(columns.arms) + 1) * columns.fake
    design[steps.FACTORS], design[steps.MARGINS] = len(sizes), len(weights)
    design[steps.P], design[steps.Q] = odds.p, odds.q
    design[steps.WEIGHT_SCALE], design[steps.COMMON] = margins[1], common
    return design


def _bound(design: Sequence[int], total: int, size: int, subjects: int) -> int:
    """At least every integer of a trial of this length, in a state of this size."""
    k, margins = design[steps.COLUMNS], design[steps.MARGINS]
    weights = design[design[steps.WEIGHTS] : design[steps.PLACES]]
    distinct = len(design) - design[steps.DISTINCT]
    high = design[-1] * (subjects + 1)  # a row's sum in units, the subject included
    score: int
    if _NAMES[design[steps.MEASURE]] == "marginal_balance":
        score = sum(weights) * k * high ** (margins * distinct)
    else:
        score = sum(weights) * k * high * high
    return max(score, 2 * total + 1, k * high, size, *design)


def imbalance(method: Method, state: Sequence[int], levels: Sequence[int]) -> tuple[Fraction, ...]:
    """The score of each arm (of each fake arm, where there are) of a minimisation, for people.

    Pocock & Simon's G: the weighted sum of the measure over the margins if the subject received
    that arm; for taves the weighted sum of n/ratio as it stands. Exact but for sd, cut off after 50
    decimals; a step never uses these. They unblind as the probabilities do.
    """
    design = method.design
    measure = _NAMES[design[steps.MEASURE]]
    k = design[steps.COLUMNS]
    scores = [Fraction()] * k
    for margin in range(design[steps.MARGINS]):
        row = design[design[steps.PLACES] + margin]
        row += levels[margin] * k if margin < design[steps.FACTORS] else 0
        weight = Fraction(design[design[steps.WEIGHTS] + margin], design[steps.WEIGHT_SCALE])
        units = [Fraction(unit, design[steps.COMMON]) for unit in design[steps.UNITS :][:k]]
        counts = [n * unit for n, unit in zip(state[row : row + k], units, strict=True)]
        for column, unit in enumerate(units):
            raised = [*counts[:column], counts[column] + unit, *counts[column + 1 :]]
            uneven = counts[column] if measure == "taves" else spread(Measure(measure), raised)
            scores[column] += weight * uneven
    return tuple(scores)


def arms_of_scores(method: Method) -> tuple[int, ...]:
    """The arm that each score of `imbalance` belongs to: itself, or the one a fake arm is of."""
    design = method.design
    return design[design[steps.ARMS] :][: design[steps.COLUMNS]]


def canonical(method: Method, state: Sequence[int]) -> tuple[int, ...]:
    """The state in the one order of an arm's fake arms that stands for all orders.

    They are alike: states with the same canonical one give the same probabilities ever after. A
    state without fake arms is its own.
    """
    out, arms = list(state), arms_of_scores(method)
    k = len(arms)
    head = len(state) - k * sum(method.sizes)
    rows = [0, *range(head, len(state), k)]
    drawn = state[k] - 1 if method.moves else -1
    order = sorted(range(k), key=lambda c: (arms[c], c == drawn, [state[row + c] for row in rows]))
    for column, source in enumerate(order):
        for row in rows:
            out[row + column] = state[row + source]
    if drawn >= 0:
        out[k] = order.index(drawn) + 1
    return tuple(out)
