"""The rows of a list in the database: read in their order, and written from the seed as needed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, or_, select, update

from core.codes import checked_number, number_digits
from core.context import Context
from core.db.drawing import allocator, list_row
from core.db.models import subject
from core.db.prepared import Prepared
from core.errors import NotRandomizable
from core.randomization.blocks import ListRow, block_arms, list_rows
from core.randomization.lists.rows import listed_about
from core.sealed import Keys, Sealed
from core.study.seed import study_seed

_ROWS_FIRST: Final = 24
_ROWS_MORE_MAX: Final = 1000
_ROWS_MANY: Final = 10_000  # from there on the earlier rows are gone through all at once

_row = Prepared(
    select(list_row).where(
        list_row.c.study == bindparam("s"),
        list_row.c.domain == bindparam("d"),
        list_row.c.sequence == bindparam("n"),
    )
)
_taken = select(list_row.c.number).where(
    list_row.c.study == bindparam("s"),
    list_row.c.number.in_(bindparam("numbers", expanding=True)),
)
_given = select(subject.c.number, subject.c.randomization_number).where(
    subject.c.study == bindparam("s"),
    or_(
        subject.c.number.in_(bindparam("numbers", expanding=True)),
        subject.c.randomization_number.in_(bindparam("numbers", expanding=True)),
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A place of a list, opened."""

    sequence: int
    block: int | None
    arm: str
    number: str


@dataclass(frozen=True, slots=True)
class Source:
    """What a list is written from: the arms with their shares, and the sizes of blocks."""

    ratio: Mapping[str, int]
    block_sizes: tuple[int, ...]


def row_about(study: str, domain: str, sequence: int, list_version: int | None = None) -> str:
    """What the arm of a list row is bound to; `list_version` where the list was imported."""
    if list_version is not None:
        return listed_about(study, list_version, domain, sequence)
    return f"{row_head(study, domain)}{sequence}"


def row_head(study: str, domain: str) -> str:
    """What the arms of a list written from the seed are bound to, without the row's number."""
    return f"{study}|list|{domain}|"


def open_arm(keys: Keys, row: Any) -> str:
    """The arm in a row of the list_row table. Raises IntegrityBreach."""
    about = row_about(row.study, row.domain, row.sequence, row.list_version)
    return keys.open(Sealed(row.arm, about))


class Rows:
    """The list of one domain, whose allocator is locked and says that it has `have` rows.

    `source` None: the list was imported, and ends where it ends.
    """

    def __init__(self, context: Context, domain: str, have: int, source: Source | None) -> None:
        self._context, self._domain, self._have = context, domain, have
        self._source = source

    def at(self, sequence: int) -> Row | None:
        """The row at this place, from 1; None past the end of an imported list.

        Raises NotRandomizable for a list that can't be written.
        """
        if sequence > self._have:
            if self._source is None:
                return None
            self._extend(self._source, sequence)
        context = self._context
        found = _row.first(context.db, {"s": context.study, "d": self._domain, "n": sequence})
        if found is None:
            return None
        return Row(found.sequence, found.block, open_arm(context.keys, found), found.number)

    def _extend(self, source: Source, wanted: int) -> None:
        """Write the next rows, a quarter of what there is and whole blocks; the earlier stay."""
        context, have = self._context, self._have
        seed = study_seed(context.core, context.db, context.study)
        until = max(have + min(max(have // 4, _ROWS_FIRST), _ROWS_MORE_MAX), wanted)
        try:
            more = rows_between(seed, self._domain, source, have, until)
        except ValueError:
            raise NotRandomizable from None
        numbers = _fresh_numbers(context, len(more))
        study, domain = context.study, self._domain
        arms = {arm: place for place, arm in enumerate(source.ratio)}
        about, picks = row_head(study, domain), (arms[row.arm] for row in more)
        tokens = context.keys.seal_many(about, tuple(arms), picks, have + 1)
        context.db.execute(
            insert(list_row),
            [
                {
                    "study": study,
                    "domain": domain,
                    "sequence": row.sequence,
                    "block": row.block,
                    "number": number,
                    "arm": token,
                }
                for row, number, token in zip(more, numbers, tokens, strict=True)
            ],
        )
        self._have = have + len(more)
        context.db.execute(
            update(allocator)
            .where(allocator.c.study == study, allocator.c.domain == domain)
            .values(rows=self._have)
        )


def rows_between(seed: bytes, domain: str, source: Source, have: int, until: int) -> list[ListRow]:
    """The rows of a list after the first `have`, up to the end of the block of row `until`.

    ValueError for a list that can't be written.
    """
    if have < _ROWS_MANY:
        rows = list_rows(seed, domain, source.ratio, source.block_sizes)
        more = list(itertools.islice(rows, have, until))
    else:
        end = until + max(source.block_sizes)
        bulk = block_arms(seed, domain, source.ratio, source.block_sizes, end)
        arms = tuple(source.ratio)
        rows = (
            ListRow(place + 1, bulk.blocks[place], arms[bulk.arms[place]])
            for place in range(have, end)
        )
        more = list(itertools.islice(rows, until - have))
    more += itertools.takewhile(lambda row: row.block == more[-1].block, rows)
    return more


def _fresh_numbers(context: Context, count: int) -> list[str]:
    """So many randomization numbers that no list of the study has, and no subject who was taken
    over from elsewhere; another stratum that takes one
    of them at this moment makes the deed begin again."""
    query = select(func.sum(allocator.c.rows)).where(allocator.c.study == context.study)
    digits = number_digits(int(context.db.scalar(query) or 0) + count)
    found: dict[str, None] = {}
    while len(found) < count:
        drawn = {checked_number(context.entropy, digits): None for _ in range(count)}
        where = {"s": context.study, "numbers": list(drawn)}
        given = (number for row in context.db.execute(_given, where) for number in row)
        for number in {*context.db.scalars(_taken, where), *given}:
            drawn.pop(number, None)
        found |= drawn
    return list(found)[:count]
