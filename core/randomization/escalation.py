"""Dose escalation: what 3+3 and BOIN advise after each cohort. A person decides.

Tallies are by dose, lowest first: subjects treated whose toxicity is known, and those of them with
a dose-limiting toxicity. Doses are indices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from core.randomization.exact import exact

COHORT: Final = 3
DIGITS: Final = 40

_TOLERATED_MAX = 1
_ELIMINATION_MIN = 3
_ELIMINATION_CHANCE = Fraction(19, 20)


class Action(StrEnum):
    """What comes next. `expand` is a second cohort at the dose; `stay` goes on at the dose."""

    ESCALATE = "escalate"
    EXPAND = "expand"
    STAY = "stay"
    DE_ESCALATE = "de_escalate"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Advice:
    """What the rule advises.

    `dose` is the dose of the next subjects; with `stop`, the maximum tolerated dose, or None if
    not even the lowest is tolerated. `too_toxic` is the lowest dose beyond the maximum tolerated
    one; it and those above it are closed. None: no such dose is known.
    """

    action: Action
    dose: int | None
    too_toxic: int | None = None


def three_plus_three(treated: Sequence[int], toxic: Sequence[int]) -> Advice:
    """The traditional 3+3 design, from the tallies of all cohorts so far.

    No toxicity in three: escalate. One in three: expand to six, and escalate if it stays the only
    one. Two at a dose: it exceeds the maximum tolerated dose, which is the highest dose below it
    with at most one toxicity in six; de-escalate to treat six there. The highest dose of all, too,
    is the maximum tolerated one only with six. A cohort that is not full is filled (`stay`).

    Source: Storer, Biometrics 1989;45:925 (design A); Le Tourneau et al., J Natl Cancer Inst
    2009;101:708. Raises ValueError for tallies that no such trial can show: more toxic than
    treated, more than six at a dose, or subjects above a dose that nobody had.
    """
    _check(treated, toxic)
    if any(count > 2 * COHORT for count in treated):
        raise ValueError("more than six subjects at a dose of a 3+3 design")
    closed = next((d for d, count in enumerate(toxic) if count > _TOLERATED_MAX), None)
    if closed == 0:
        return Advice(Action.STOP, None, closed)
    dose = _highest_treated(treated) if closed is None else closed - 1
    is_last = dose + 1 == (len(treated) if closed is None else closed)
    up = Advice(Action.ESCALATE, dose + 1, closed)
    match treated[dose]:
        case 6:
            return Advice(Action.STOP, dose, closed) if is_last else up
        case 3 if toxic[dose] == 0 and not is_last:
            return up
        case 3 if closed is not None:
            return Advice(Action.DE_ESCALATE, dose, closed)
        case 3:
            return Advice(Action.EXPAND, dose, closed)
    return Advice(Action.STAY, dose, closed)


class Boundaries(NamedTuple):
    """Observed rates of toxicity at or below / at or above which BOIN changes the dose."""

    escalate: Decimal
    de_escalate: Decimal


def boin_boundaries(
    target: Fraction, phi1: Fraction | None = None, phi2: Fraction | None = None
) -> Boundaries:
    """The boundaries of the Bayesian optimal interval design, to 40 digits.

    `target` is the rate of toxicity aimed at; `phi1` (.6 target if not given) the highest rate at
    which a dose is too low, `phi2` (1.4 target) the lowest at which it is too high.

    Source: Liu & Yuan, J R Stat Soc C 2015;64:507, the local optimum. Raises ValueError unless
    0 < phi1 < target < phi2 < 1, TypeError for floats.
    """
    aim = exact(target)
    low = aim * Fraction(3, 5) if phi1 is None else exact(phi1)
    high = aim * Fraction(7, 5) if phi2 is None else exact(phi2)
    if not 0 < low < aim < high < 1:
        raise ValueError("rates of toxicity must be 0 < phi1 < target < phi2 < 1")
    return Boundaries(_boundary(low, aim), _boundary(aim, high))


def boin_decision(
    target: Fraction,
    treated: Sequence[int],
    toxic: Sequence[int],
    current: int,
    phi1: Fraction | None = None,
    phi2: Fraction | None = None,
) -> Advice:
    """What BOIN advises after a cohort at the dose `current`.

    A dose with three or more subjects whose rate exceeds the target with a probability above .95
    is eliminated with all above it; if that is the lowest one, the trial stops without a dose.

    Source and numbers as for `boin_boundaries`. Raises ValueError besides for tallies that cannot
    be, IndexError for no such dose, and ValueError if nobody had it.
    """
    boundaries = boin_boundaries(target, phi1, phi2)
    _check(treated, toxic)
    if not 0 <= current < len(treated):
        raise IndexError(f"no such dose: {current}")
    if treated[current] == 0:
        raise ValueError("nobody had this dose")
    aim = exact(target)
    tallies = enumerate(zip(treated, toxic, strict=True))
    closed = next((dose for dose, (n, bad) in tallies if is_eliminated(aim, n, bad)), None)
    if closed == 0:
        return Advice(Action.STOP, None, closed)
    top = len(treated) - 1 if closed is None else closed - 1
    rate = Fraction(toxic[current], treated[current])
    if current > top:
        return Advice(Action.DE_ESCALATE, top, closed)
    if rate <= Fraction(boundaries.escalate) and current < top:
        return Advice(Action.ESCALATE, current + 1, closed)
    if rate >= Fraction(boundaries.de_escalate) and current > 0:
        return Advice(Action.DE_ESCALATE, current - 1, closed)
    return Advice(Action.STAY, current, closed)


def is_eliminated(target: Fraction, treated: int, toxic: int) -> bool:
    """Whether the rate exceeds `target` with a posterior probability above .95, from three on.

    The prior is Beta(1, 1); the tail of Beta(toxic + 1, treated - toxic + 1) above the target is
    the chance of at most `toxic` successes in `treated` + 1 trials at the target: exact.
    """
    if treated < _ELIMINATION_MIN:
        return False
    trials = treated + 1
    tail = sum(
        math.comb(trials, hits) * target**hits * (1 - target) ** (trials - hits)
        for hits in range(toxic + 1)
    )
    return tail > _ELIMINATION_CHANCE


def _boundary(low: Fraction, high: Fraction) -> Decimal:
    """Where an observed rate is as likely under the one rate as under the other."""
    context = Context(prec=DIGITS + 10)
    odds = _log((1 - low) / (1 - high), context)
    rates = _log(high * (1 - low) / (low * (1 - high)), context)
    return Context(prec=DIGITS).divide(odds, rates)


def _log(value: Fraction, context: Context) -> Decimal:
    return context.ln(context.divide(Decimal(value.numerator), Decimal(value.denominator)))


def _highest_treated(treated: Sequence[int]) -> int:
    return max((dose for dose, count in enumerate(treated) if count), default=0)


def _check(treated: Sequence[int], toxic: Sequence[int]) -> None:
    if not treated or len(treated) != len(toxic):
        raise ValueError("tallies are needed for each dose, treated and toxic alike")
    for count, bad in zip(treated, toxic, strict=True):
        if not 0 <= bad <= count:
            raise ValueError("toxic must lie between 0 and treated at each dose")
    if 0 in treated[: _highest_treated(treated)]:
        raise ValueError("subjects above a dose that nobody had")
