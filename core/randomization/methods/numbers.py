"""The numbers that builders of methods take, checked and read exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from core.randomization.exact import check_whole, exact

ARMS_MAX: Final = 256  # a list keeps an arm in a byte


def ratio_of(ratio: Sequence[int]) -> tuple[int, ...]:
    """The share of each arm.

    TypeError unless whole numbers, ValueError for one below 1, no arm or more than ARMS_MAX.
    """
    check_arms(len(ratio))
    for share in ratio:
        check_whole(1, ratio=share)
    return tuple(ratio)


def check_arms(arms: int) -> None:
    """Raise TypeError unless a whole number, ValueError for no arm or more than ARMS_MAX."""
    if arms == 0:
        raise ValueError("a method needs at least one arm")
    check_whole(1, arms=arms)
    if arms > ARMS_MAX:
        raise ValueError(f"{arms} arms are more than {ARMS_MAX}")


def probability(name: str, value: object, least: Fraction) -> Fraction:
    """The number exactly. TypeError for float or bool, ValueError outside `least` … 1."""
    found = exact(value)
    if not least <= found <= 1:
        raise ValueError(f"{name} is not from {least} to 1: {found}")
    return found
