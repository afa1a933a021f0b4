"""The draw: the next place of a list, or the next step of a method, under its lock.

The allocator's row (a stratum, or all that a method counts together) is locked before anything is
read from it. The draw's number is the count of committed draws and one more, and its chance is a
keyed function of that number, so that a crash, a retry or a rollback meets the same arm again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update

from core.codes import checked_number, number_digits
from core.context import Context
from core.db.drawing import allocator, draw
from core.db.models import chain, ledger, subject
from core.db.prepared import Prepared
from core.db.upsert import insert_missing
from core.errors import NoKitAvailable, NotRandomizable
from core.randomization import running
from core.randomization.design import Design, design_of
from core.randomization.drawn import Drawn, arm_about, arm_of, original_about, state_about
from core.randomization.forced import Policy
from core.randomization.lists.activation import check_activated
from core.randomization.places import Handed, Picked, pick
from core.randomization.rows import Row, Rows, Source
from core.randomization.running import Running, Stock, Whom, chances
from core.study.seed import study_seed

_OFF: Final = "off"

_where = (allocator.c.study == bindparam("s"), allocator.c.domain == bindparam("d"))
_locked = Prepared(select(allocator).where(*_where).with_for_update())
_mine = update(allocator).where(*_where)
_take = Prepared(_mine.values(draws=allocator.c.draws + 1).returning(*allocator.c))
_keep = Prepared(_mine.values(draws=bindparam("n"), state=bindparam("state")))
_draw = Prepared(insert(draw).values({one: bindparam(one.name) for one in draw.c}))
_earlier = (
    select(subject.c.number, subject.c.levels, subject.c.arm, subject.c.cohort)
    .join(ledger, (ledger.c.study == subject.c.study) & (ledger.c.subject == subject.c.number))
    .where(subject.c.study == bindparam("s"), subject.c.arm.is_not(None))
    .where(ledger.c.transaction == "randomize", ledger.c.outcome == "done")
    .order_by(ledger.c.sequence)
)


def allocate(
    context: Context,
    levels: Mapping[str, str],
    *,
    stocked: frozenset[str] | None = None,
    stage: str = "",
    cohort: int | None = None,
    among: Sequence[str] | None = None,
) -> Drawn:
    """Draw the arm of a subject with these factor levels; `record` binds it to the subject.

    `stocked`: the outcomes that have kits, None where nobody looks. `stage`: the code of a phase
    with a randomization of its own. `cohort`: its number, and in `among` its arms. Raises
    NotRandomizable where there is no place for a level or no row of a list, NoKitAvailable where
    the study file's rule about stock refuses, whatever the arm.
    """
    design = _design(context, stage)
    check_activated(context, design.epoch, design.scheme.section)
    whom = Whom(levels, None if among is None else tuple(among))
    names = outcomes(context, levels, stage=stage, among=among)
    stock = _stock(context, stocked)
    if stock is not None and stock.policy is Policy.EVERY_ARM and not all(stock.flags(names)):
        raise NoKitAvailable
    domain = design.domain(levels, context.site, cohort)
    one = _Drawing(context, design, domain, whom, names, stock, cohort)
    return one.from_list() if design.scheme.is_listed else one.by_method()


def outcomes(
    context: Context,
    levels: Mapping[str, str],
    *,
    stage: str = "",
    among: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """What may be drawn: arms, or a crossover's sequences of them. Raises NotRandomizable."""
    try:
        return _design(context, stage).scheme.outcomes(levels, among)
    except (ValueError, KeyError):
        raise NotRandomizable from None


def record(context: Context, drawn: Drawn, subject_id: int) -> None:
    """Bind the draw to the subject: unique both ways, whatever else goes wrong."""
    about = original_about(context.study, drawn.domain, drawn.draw)
    original = None if drawn.original is None else context.keys.seal(about, drawn.original).token
    _draw.run(
        context.db,
        {
            "study": context.study,
            "domain": drawn.domain,
            "number": drawn.draw,
            "subject_id": subject_id,
            "stage": drawn.stage,
            "row": drawn.row,
            "original": original,
        },
    )


def hear(context: Context, found: Any, success: bool) -> None:
    """A randomized subject (a row of the subject table) responded or did not.

    Nothing happens where the method does not look at responses.
    """
    epoch = int(found.domain.partition("|")[0].removeprefix("v"))
    design = design_of(context.core, context.db, context.study, epoch)
    if not design.scheme.section.listens:
        return
    locked = _locked.first(context.db, {"s": context.study, "d": found.domain})
    state = Running.from_json(_opened(context, locked))
    arm = context.keys.open(arm_of(context.study, found))
    if running.hear(design.scheme, state, Whom(json.loads(found.levels)), arm, success):
        _put(context, found.domain, locked.draws, state.to_json())


def _design(context: Context, stage: str) -> Design:
    try:
        return design_of(context.core, context.db, context.study, context.facts.version, stage)
    except ValueError:
        raise NotRandomizable from None


def _stock(context: Context, stocked: frozenset[str] | None) -> Stock | None:
    rule = context.config.dispensing
    if stocked is None or rule.stock == _OFF:
        return None
    return Stock(stocked, Policy(rule.stock), rule.backfill)


def _lock(context: Context, domain: str, locking: Prepared) -> Any:
    """The allocator's row, locked by this statement; made first if this is the first draw."""
    where = {"s": context.study, "d": domain}
    found = locking.first(context.db, where)
    if found is None:
        insert_missing(
            context.db, allocator, {"study": context.study, "domain": domain, "draws": 0, "rows": 0}
        )
        found = locking.first(context.db, where)
    return found


def _opened(context: Context, locked: Any) -> Any:
    if locked.state is None:
        return None
    return json.loads(context.keys.open(state_about(locked)))


def _put(context: Context, domain: str, draws: int, kept: Mapping[str, Any]) -> None:
    about = f"{context.study}|allocator|{domain}"
    token = context.keys.seal(about, json.dumps(kept, separators=(",", ":"))).token
    _keep.run(context.db, {"s": context.study, "d": domain, "n": draws, "state": token})


class _Drawing:
    """One draw in one domain."""

    def __init__(
        self,
        context: Context,
        design: Design,
        domain: str,
        whom: Whom,
        names: Sequence[str],
        stock: Stock | None,
        cohort: int | None,
    ) -> None:
        self._context, self._design, self._domain = context, design, domain
        self._whom, self._names, self._stock, self._cohort = whom, names, stock, cohort

    def from_list(self) -> Drawn:
        """The next row, unless blocks belong to sites or a row was or may be passed over."""
        taken = _lock(self._context, self._domain, _take)
        number, rows = int(taken.draws), self._rows(int(taken.rows))
        if self._design.binds == "dynamic" or self._is_forcing or taken.state is not None:
            return self._of_those_left(taken, number, rows)
        row = rows.at(number)
        if row is None or row.arm not in self._names:
            raise NotRandomizable
        if self._stock is not None and row.arm not in self._stock.stocked:
            raise NoKitAvailable
        return self._drawn(number, row.arm, row.number)

    def _of_those_left(self, taken: Any, number: int, rows: Rows) -> Drawn:
        """A row of the blocks that the site holds, or the first one whose arm is stocked."""
        context = self._context
        handed = Handed.from_json(_opened(context, taken), number)
        picked = self._picked(handed, rows, self._design.binds == "dynamic")
        if picked is None:
            raise NotRandomizable if self._stock is None else NoKitAvailable
        _put(context, self._domain, number, handed.to_json())
        row = rows.at(picked.row)
        assert row is not None  # noqa: S101 - it was picked from there
        return self._drawn(number, picked.arm, row.number, picked.row, picked.original)

    def _picked(self, handed: Handed, rows: Rows, bound: bool) -> Picked | None:
        read: dict[int, Row | None] = {}

        def at(place: int) -> Row | None:
            if place not in read:
                read[place] = rows.at(place)
            return read[place]

        holder = (self._context.site or "") if bound else ""
        try:
            return pick(handed, holder, at, self._names, self._stock, whole_blocks=bound)
        except ValueError:
            raise NotRandomizable from None

    def by_method(self) -> Drawn:
        """The next step of the method, from the state that the earlier ones left."""
        context = self._context
        locked = _lock(context, self._domain, _locked)
        number = int(locked.draws) + 1
        kept = _opened(context, locked)
        scheme, whom = self._design.scheme, self._whom
        seed = study_seed(context.core, context.db, context.study)
        try:
            state = self._begin() if kept is None else Running.from_json(kept)
            uniform = chances(seed, self._domain, number)
            given = running.advance(scheme, state, whom, uniform, self._stock)
        except (ValueError, KeyError):
            raise NotRandomizable from None
        if given is None:
            raise NoKitAvailable
        _put(context, self._domain, number, state.to_json())
        shown = checked_number(context.entropy, number_digits(number))
        return self._drawn(
            number, self._names[given.arm], shown, original=self._names[given.original]
        )

    def _begin(self) -> Running:
        """The first state. After an amendment, those randomized before are counted, as the ledger
        has them: its chain is locked, so that nobody comes in between."""
        context, design = self._context, self._design
        earlier: list[tuple[Mapping[str, str], str]] = []
        if design.counts_earlier:
            lock = select(chain.c.sequence).where(chain.c.study == context.study)
            context.db.execute(lock.with_for_update())
            for row in context.db.execute(_earlier, {"s": context.study}):
                levels = json.loads(row.levels)
                if is_of(design, self._domain, levels, context.site, row.cohort):
                    earlier.append((levels, context.keys.open(arm_of(context.study, row))))
        return running.begin(design.scheme, self._whom, earlier)

    def _rows(self, have: int) -> Rows:
        scheme, whom = self._design.scheme, self._whom
        source = None
        if scheme.section.method != "list":
            source = Source(scheme.arms(whom.levels, whom.among), scheme.section.block_sizes)
        return Rows(self._context, self._domain, have, source)

    def _drawn(
        self, number: int, arm: str, shown: str, row: int | None = None, original: str | None = None
    ) -> Drawn:
        stock = self._stock if self._is_forcing else None
        return Drawn(
            arm,
            self._domain,
            number,
            shown,
            row,
            original if stock else None,
            self._design.stage,
            self._cohort,
            self._whom.among,
            tuple(sorted(stock.stocked)) if stock else None,
        )

    @property
    def _is_forcing(self) -> bool:
        return self._stock is not None and self._stock.policy is Policy.FORCE


def is_of(
    design: Design, domain: str, levels: Mapping[str, str], site: str | None, cohort: int | None
) -> bool:
    """Whether a subject with these levels would be drawn in this domain."""
    try:
        return design.domain(levels, site, cohort) == domain
    except (ValueError, KeyError):
        return False


__all__ = ["Drawn", "allocate", "arm_about", "arm_of", "hear", "outcomes", "record"]
