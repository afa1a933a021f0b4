"""Which kits a dose is made up of: exact, in integers, the same way in every arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import gcd
from typing import Protocol

from core.study.supply import EVERY_ARM, DoseLevel, Dosing, KitsByArm


class Sized(Protocol):
    """A kit type, as far as a dose is concerned."""

    @property
    def code(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def size(self) -> int | None: ...


@lru_cache(maxsize=1024)
def make_up(amount: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """How many kits of each of `sizes` (units of the amount, each >= 1) give at least `amount`:
    with the least overage, and of those ways with the fewest kits (supply.md, case W12).

    Of equals the one with more kits of the sizes named first. Raises ValueError without sizes, or
    for a size that is not positive.
    """
    if not sizes or min(sizes) < 1:
        raise ValueError("an amount is made up of kits of a size")
    unit = gcd(*sizes)
    steps = [size // unit for size in sizes]
    target, largest = -(-amount // unit), max(steps)
    # Of `largest` smaller kits some add up to a multiple of the largest, which does it with fewer:
    # so all but largest² of the amount is of the largest kits.
    whole = max(0, (target - largest * largest) // largest)
    target = max(0, target - whole * largest)
    fewest = _fewest(target + largest, steps)
    total = next(at for at in range(target, target + largest) if fewest[at] is not None)
    counts = [0] * len(sizes)
    counts[steps.index(largest)] = whole
    while total:
        place = _first(fewest, steps, total)
        counts[place] += 1
        total -= steps[place]
    return tuple(counts)


def _fewest(below: int, steps: Sequence[int]) -> list[int | None]:
    """The fewest kits that come to exactly 0, 1, 2 …; None where there is no way."""
    found: list[int | None] = [0]
    for total in range(1, below):
        ways = (found[total - step] for step in steps if step <= total)
        fewest = min((one for one in ways if one is not None), default=None)
        found.append(None if fewest is None else fewest + 1)
    return found


def _first(fewest: Sequence[int | None], steps: Sequence[int], total: int) -> int:
    """The first size whose kit is one of the fewest that come to `total`."""
    now = fewest[total] or 0
    return next(
        place
        for place, step in enumerate(steps)
        if step <= total and fewest[total - step] == now - 1
    )


def of_arm(table: KitsByArm, arm: str | None) -> tuple[str, ...]:
    """The line of a table by arm that holds for `arm`; that of "*" where it has none."""
    return table.get(arm or EVERY_ARM, table.get(EVERY_ARM, ()))


def dose_table(
    dosing: Dosing, kit_types: Iterable[Sized], arms: Iterable[str]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The kit types of each dose level, one entry for each kit, by arm (or "*") and level code."""
    types = {each.code: each for each in kit_types}
    return {
        (arm, level.code): _kits(dosing, level, types, arm)
        for arm in (*arms, EVERY_ARM)
        for level in dosing.levels
    }


def _kits(
    dosing: Dosing, level: DoseLevel, types: Mapping[str, Sized], arm: str
) -> tuple[str, ...]:
    if level.amount is None:
        return of_arm(level.kits, arm)
    sized = [(types[code].size or 0, types[code]) for code in of_arm(dosing.sizes, arm)]
    if not sized:
        return ()
    # By what is seen of a kit, never by its type: arms whose kits look alike are given alike.
    sized.sort(key=lambda one: (-one[0], one[1].group, one[1].code))
    counts = make_up(level.amount, tuple(size for size, _ in sized))
    given = zip(sized, counts, strict=True)
    return tuple(each.code for (_, each), count in given for _ in range(count))
