"""Numbers of a protocol read exactly: never through a float, so that true ties stay ties.

Weights .1/.2/.3/.4 compared as floats lose a third of their ties; every number of a study file
therefore becomes a `Fraction` here and, once, an integer for the methods that run on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

_DECIMAL = re.compile(r"[+-]?[0-9]{1,60}(\.[0-9]{1,60})?")
_RATIO = re.compile(r"[+-]?[0-9]{1,60}/[0-9]{1,60}")
_EXPONENT_MAX = 60


def exact(value: object) -> Fraction:
    """The number that `value` writes, exactly.

    Takes int, Fraction, finite Decimal, and text such as "4", "0.8" or "4/5".
    Raises TypeError for every other type (float and bool above all) and ValueError for text
    that is no number, a zero denominator, NaN, infinity or an exponent beyond 60.
    """
    if isinstance(value, bool):
        raise TypeError("a yes or no is not a number")
    if isinstance(value, int | Fraction):
        return Fraction(value)
    if isinstance(value, Decimal):
        return _from_decimal(value)
    if isinstance(value, str):
        return _from_text(value)
    raise TypeError(f"not an exact number: {type(value).__name__}")


def check_whole(least: int, **values: object) -> None:
    """Raise TypeError unless all are ints (a yes or no is none), ValueError below `least`."""
    for name, value in values.items():
        if type(value) is not int:
            raise TypeError(f"{name} is not a whole number: {value!r}")
        if value < least:
            raise ValueError(f"{name} is below {least}: {value}")


def scaled(values: Sequence[Fraction]) -> tuple[tuple[int, ...], int]:
    """The values as integers over their least common denominator: `(integers, denominator)`."""
    denominator = math.lcm(*(value.denominator for value in values))
    return tuple(int(value * denominator) for value in values), denominator


def _from_decimal(value: Decimal) -> Fraction:
    exponent = value.as_tuple().exponent
    # A huge exponent would be a legal Decimal and a denial of service as an integer.
    if not isinstance(exponent, int) or abs(exponent) > _EXPONENT_MAX:
        raise ValueError(f"not a number that can be used exactly: {value}")
    return Fraction(value)


def _from_text(value: str) -> Fraction:
    if not (_DECIMAL.fullmatch(value) or _RATIO.fullmatch(value)):
        raise ValueError(f'not a number like "4", "0.8" or "4/5": {value!r}')
    try:
        return Fraction(value)
    except ZeroDivisionError as error:
        raise ValueError(f"zero denominator: {value!r}") from error
