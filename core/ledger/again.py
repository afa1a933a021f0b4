"""The draws of one domain made again, from the first one on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.randomization import running
from core.randomization.blocks import ListRow, list_rows
from core.randomization.design import Design
from core.randomization.drawn import Drawn
from core.randomization.forced import Policy
from core.randomization.places import Handed, HasArm, Picked, pick
from core.randomization.running import Earlier, Running, Stock, Whom, chances
from core.study.supply import Dispensing


class DrawWrong(Exception):
    """Why a randomization is not the one that the seed gives."""


@dataclass(frozen=True, slots=True)
class Again:
    """What a draw gives when it is made again: the arm, the row where it is told, the arm due."""

    arm: str
    row: int | None = None
    original: str | None = None


class SeedList:
    """A list as the seed gives it, as far as anybody looks."""

    def __init__(self, rows: Iterator[ListRow]) -> None:
        self._rows, self._had = rows, [ListRow(0, 0, "")]

    def at(self, place: int) -> ListRow:
        """The row at a place from 1."""
        while len(self._had) <= place:
            self._had.append(next(self._rows))
        return self._had[place]


RowAt = Callable[[int], HasArm | None]


@dataclass(slots=True)
class Domain:
    """One domain: what has been drawn there so far, and what the allocator's row should hold.

    `row_at` gives the rows of a list, from the seed or as they were imported.
    """

    design: Design
    name: str
    seed: bytes
    imported: Callable[[int], HasArm | None]
    draws: int = 0
    state: Running | None = None
    handed: Handed | None = None
    list: SeedList | None = None
    whom: Whom | None = None

    @property
    def counts_earlier(self) -> bool:
        """Whether its first draw counts those randomized before an amendment."""
        return self.state is None and self.design.counts_earlier

    @property
    def is_written(self) -> bool:
        """Whether it has a list written from the seed."""
        return self.design.scheme.section.method == "permuted_block"

    def make(
        self, drawn: Drawn, whom: Whom, site: str | None, rule: Dispensing, earlier: Earlier
    ) -> Again:
        """Make a draw again. Raises DrawWrong."""
        if drawn.draw != self.draws + 1:
            raise DrawWrong("the draw is out of order")
        self.draws += 1
        self.whom = self.whom or whom
        stock = None
        if drawn.stocked is not None:
            if rule.stock != Policy.FORCE.value:
                raise DrawWrong("the study file does not force arms by stock")
            stock = Stock(frozenset(drawn.stocked), Policy.FORCE, rule.backfill)
        try:
            names = self.design.scheme.outcomes(whom.levels, whom.among)
            if not self.design.scheme.is_listed:
                return self._by_method(whom, names, stock, earlier)
            if self.design.binds == "dynamic" or stock is not None or self.handed is not None:
                return self._left(names, site, stock)
            return self._next()
        except (ValueError, KeyError) as impossible:
            why = "the study file has no place for these levels"
            raise DrawWrong(why) from impossible

    def row_at(self, place: int) -> HasArm | None:
        """The row of the list at a place. ValueError for a list that can't be written."""
        if self.design.scheme.section.method == "list":
            return self.imported(place)
        return self.seed_list().at(place)

    def seed_list(self) -> SeedList:
        """The list that the seed gives; the arms are those of the first subject drawn."""
        if self.list is None:
            assert self.whom is not None  # noqa: S101 - a draw comes first
            scheme = self.design.scheme
            ratio = scheme.arms(self.whom.levels, self.whom.among)
            self.list = SeedList(list_rows(self.seed, self.name, ratio, scheme.section.block_sizes))
        return self.list

    def kept(self) -> dict[str, Any] | None:
        """What the allocator's row keeps sealed after these draws."""
        if self.state is not None:
            return self.state.to_json()
        return None if self.handed is None else self.handed.to_json()

    def _next(self) -> Again:
        row = self.row_at(self.draws)
        if row is None:
            raise DrawWrong("the list has no such row")
        return Again(row.arm)

    def _left(self, names: Sequence[str], site: str | None, stock: Stock | None) -> Again:
        self.handed = self.handed or Handed.from_json(None, self.draws)
        bound = self.design.binds == "dynamic"
        picked: Picked | None = pick(
            self.handed,
            (site or "") if bound else "",
            self.row_at,
            names,
            stock,
            whole_blocks=bound,
        )
        if picked is None:
            raise DrawWrong("the list leaves no row to draw")
        return Again(picked.arm, picked.row, None if stock is None else picked.original)

    def _by_method(
        self, whom: Whom, names: Sequence[str], stock: Stock | None, earlier: Earlier
    ) -> Again:
        scheme = self.design.scheme
        if self.state is None:
            self.state = running.begin(scheme, whom, earlier)
        uniform = chances(self.seed, self.name, self.draws)
        given = running.advance(scheme, self.state, whom, uniform, stock)
        if given is None:
            raise DrawWrong("what was stocked leaves no arm to draw")
        return Again(names[given.arm], None, None if stock is None else names[given.original])
