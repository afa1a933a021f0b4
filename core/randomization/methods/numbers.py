"""The numbers that builders of methods take, checked and read exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from core.randomization.exact import check_whole, exact


def ratio_of(ratio: Sequence[int]) -> tuple[int, ...]:
    """The share of each arm. TypeError unless whole numbers, ValueError if none or below 1."""
    if not ratio:
        raise ValueError("a method needs at least one arm")
    for share in ratio:
        check_whole(1, ratio=share)
    return tuple(ratio)


def probability(name: str, value: object, least: Fraction) -> Fraction:
    """The number exactly. TypeError for float or bool, ValueError outside `least` … 1."""
    found = exact(value)
    if not least <= found <= 1:
        raise ValueError(f"{name} is not from {least} to 1: {found}")
    return found
