"""Which row of a list the next subject gets, where it is not simply the next one.

Blocks are handed to sites as these need them, or rows are passed over because their arm is not
stocked. What is left of the rows handed out is the state. Pure, as `running` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from core.randomization.forced import Policy, choose_row
from core.randomization.running import Stock

WALK_MAX: Final = 1000


class HasArm(Protocol):
    """A row of a list."""

    @property
    def arm(self) -> str:
        """The arm (outcome) of it."""

    @property
    def block(self) -> int | None:
        """The block it is in."""


RowAt = Callable[[int], HasArm | None]
"""The row at a place from 1; None past the end."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The row to use, its arm, and the arm that was due."""

    row: int
    arm: str
    original: str


@dataclass(slots=True)
class Handed:
    """The first row that nobody was handed, and those handed out and not used, by holder."""

    next: int
    left: dict[str, list[int]]

    def to_json(self) -> dict[str, Any]:
        """As it is kept, sealed, in the allocator's row."""
        return {"next": self.next, "left": self.left}

    @classmethod
    def from_json(cls, kept: dict[str, Any] | None, draw: int) -> Handed:
        """What `to_json` gave; without it, every row before that of this draw was used in turn."""
        return cls(draw, {}) if kept is None else cls(kept["next"], dict(kept["left"]))


def pick(
    handed: Handed,
    holder: str,
    row_at: RowAt,
    outcomes: Sequence[str],
    stock: Stock | None,
    *,
    whole_blocks: bool,
) -> Picked | None:
    """The row of the next subject of this holder; `handed` is changed in place.

    `whole_blocks`: a holder that has none left is handed the next block. None: refused for want of
    stock or of rows. ValueError for a row whose arm is not one of the outcomes.
    """
    mine = list(handed.left.get(holder, ()))

    def arms() -> Iterator[int]:
        for place in range(WALK_MAX):
            if place >= len(mine) and not _hand_out(handed, mine, row_at, whole_blocks):
                return
            row = row_at(mine[place])
            if row is None:
                return
            yield outcomes.index(row.arm)

    flags = [True] * len(outcomes) if stock is None else stock.flags(outcomes)
    policy = Policy.OWN_ARM if stock is None else stock.policy
    backfill = stock is not None and stock.backfill
    place = choose_row(arms(), flags, policy, backfill=backfill)
    if place is None:
        return None
    gone = {place.row, *place.passed}
    handed.left[holder] = [row for index, row in enumerate(mine) if index not in gone]
    if not handed.left[holder]:
        del handed.left[holder]
    return Picked(mine[place.row], outcomes[place.arm], outcomes[place.original])


def _hand_out(handed: Handed, mine: list[int], row_at: RowAt, whole: bool) -> bool:
    """The next row of the list, or the whole of its next block, to one holder; False at the end."""
    first = row_at(handed.next)
    if first is None:
        return False
    row: HasArm | None = first
    while row is not None and row.block == first.block:
        mine.append(handed.next)
        handed.next += 1
        if not whole:
            break
        row = row_at(handed.next)
    return True
