"""Coins for two equal arms that lean towards the lighter one.

All are one step: a coin for the lighter arm, an even one when the arms are level, and certainty
once the difference has reached what is tolerated.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from core.randomization.exact import check_whole
from core.randomization.method import Method
from core.randomization.methods.numbers import probability

_HALF = Fraction(1, 2)
_NO_BOUND = 0


def efron(p: Fraction | int) -> Method:
    """The lighter arm with probability p. Source: Efron, Biometrika 1971;58:403.

    TypeError for a float; ValueError unless 1/2 <= p <= 1.
    """
    return _coin(probability("p", p, _HALF), _NO_BOUND)


def chen(p: Fraction | int, mti: int) -> Method:
    """The lighter arm with probability p, and for certain once it is `mti` behind.

    Source: Chen, Commun Stat Stoch Models 1999;15:953. Errors as for `efron`, and for an mti that
    is not a whole number of 1 or more.
    """
    check_whole(1, mti=mti)
    return _coin(probability("p", p, _HALF), mti)


def big_stick(mti: int) -> Method:
    """Even until an arm is `mti` behind, which then follows for certain.

    Source: Soares & Wu, Commun Stat Theory Methods 1983;12:2017. Errors as for `chen`.
    """
    return chen(_HALF, mti)


def _coin(p: Fraction, mti: int) -> Method:
    """design: share of the lighter arm, of the other, mti or 0. state: arm 0 less arm 1."""
    hit, total = p.numerator, p.denominator
    return Method(
        arms=2,
        design=(hit, total - hit, mti),
        start=(0,),
        shares=_shares,
        after=_after,
        bound=lambda subjects: max(2, subjects, total, mti),
        is_predictable=hit == total or mti != _NO_BOUND,
    )


def _shares(design: Any, state: Any, levels: Any, out: Any) -> None:
    ahead = state[0]
    if ahead == 0:
        out[0] = 1
        out[1] = 1
    else:
        lighter = 1 if ahead > 0 else 0
        out[lighter] = design[0]
        # A difference of 0 never comes here, so an mti of 0 is no bound.
        out[1 - lighter] = 0 if abs(ahead) == design[2] else design[1]


def _after(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    state[0] += 1 - 2 * outcome
