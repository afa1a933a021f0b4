"""The numbers that builders of methods take, checked and read exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from core.randomization.exact import check_whole, exact


def whole(name: str, value: int, least: int = 1) -> int:
    """The number itself. TypeError unless an int (no bool), ValueError below `least`."""
    check_whole(least, **{name: value})
    return value


def ratio_of(ratio: Sequence[int]) -> tuple[int, ...]:
    """The share of each arm. TypeError unless whole numbers, ValueError if none or below 1."""
    if not ratio:
        raise ValueError("a method needs at least one arm")
    return tuple(whole("ratio", share) for share in ratio)


def probability(name: str, value: object, least: Fraction) -> Fraction:
    """The number exactly. TypeError for float or bool, ValueError outside `least` … 1."""
    found = exact(value)
    if not least <= found <= 1:
        raise ValueError(f"{name} is not from {least} to 1: {found}")
    return found
