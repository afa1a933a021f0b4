"""`ixrs keys rotate`: everything sealed under an older key is sealed anew under the current one.

Value by value, in short write sessions, while the installation goes on: whatever is written
meanwhile is under the current key already. Begun again, it goes on where it was. The sealed part of
an entry is beside what is hashed, so no chain changes; the triggers that protect the ledger are
taken away and put back within the one database transaction of each batch. What lives for hours only
(calls under way, forms being filled in) is left to run out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, select, tuple_, update

from core.access.contacts import keep_number, open_number
from core.access.secrets import KEPT
from core.db.models import ledger, proposal
from core.errors import IntegrityBreach
from core.keys.columns import COLUMNS, SealedColumn
from core.ledger import triggers
from core.ledger.append import append_system
from core.sealed import Sealed

if TYPE_CHECKING:
    from core.runtime import Core

EVENT: Final = "keys_rotated"
"""The event's name in the ledger of the installation."""
BATCH: Final = 500
_PROPOSALS: Final = "proposal.answers"


@dataclass(slots=True)
class Rotated:
    """What came of it: how many values were sealed anew by column, and those that do not open."""

    resealed: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many values were sealed anew."""
        return sum(self.resealed.values())


def under_other_keys(core: Core) -> dict[str, int]:
    """How many values each column has that are not under the current key."""
    with core.reading() as db:
        found = {
            one.name: db.scalar(
                select(func.count()).select_from(one.table).where(_is_old(core, one))
            )
            or 0
            for one in COLUMNS
        }
        found[_PROPOSALS] = sum(1 for _ in _kept_numbers(core, db))
    return {name: count for name, count in found.items() if count}


def rotate(core: Core, told: Callable[[int], None] = lambda count: None) -> Rotated:
    """Seal everything anew that is not under the current key; `told` hears how many more are done.

    A value that does not open (altered, or its key is gone) stays as it is and is named. The ledger
    tells of it when something was done. On PostgreSQL it takes the owner of the tables.
    """
    done = Rotated()
    for one in COLUMNS:
        for resealed in _column(core, one, done):
            done.resealed[one.name] = done.resealed.get(one.name, 0) + resealed
            told(resealed)
    if moved := _proposals(core, done):
        done.resealed[_PROPOSALS] = moved
        told(moved)
    if done.resealed:
        facts = {"key": core.keys.mark.hex(), "values": done.resealed, "wrong": len(done.wrong)}
        with core.writing() as db:
            append_system(db, core, None, EVENT, facts, channel="command line")
    return done


def _is_old(core: Core, one: SealedColumn) -> Any:
    start = func.substr(one.column, 1, len(core.keys.mark))
    return one.column.is_not(None) & (start != core.keys.mark)


def _column(core: Core, one: SealedColumn, done: Rotated) -> Iterator[int]:
    """Seal a column anew, batch by batch along its key; yields how many of each batch."""
    key = tuple(one.table.primary_key.columns)
    last: tuple[Any, ...] | None = None
    while True:
        query = one.rows().where(_is_old(core, one)).order_by(*key).limit(BATCH)
        if last is not None:
            query = query.where(_after(key, last))
        with core.writing() as db:
            rows = db.execute(query.with_for_update(of=one.table)).all()
            if not rows:
                return
            count = _protected(db, one, lambda at, found: _batch(core, at, one, found, done), rows)
        last = tuple(getattr(rows[-1], column.name) for column in key)
        yield count


def _after(key: tuple[Any, ...], last: tuple[Any, ...]) -> Any:
    return key[0] > last[0] if len(key) == 1 else tuple_(*key) > tuple_(*last)


def _protected(
    db: Connection, one: SealedColumn, work: Callable[[Connection, list[Any]], int], rows: Any
) -> int:
    """Do it, for the ledger with its triggers away: on both databases that is part of this very
    transaction, so nobody else ever finds the ledger without them."""
    if one.table is not ledger:
        return work(db, list(rows))
    triggers.drop(db)
    count = work(db, list(rows))
    triggers.create(db)
    return count


def _batch(core: Core, db: Connection, one: SealedColumn, rows: list[Any], done: Rotated) -> int:
    count = 0
    for row in rows:
        token = bytes(getattr(row, one.column.name))
        here = [column == getattr(row, column.name) for column in one.table.primary_key.columns]
        try:
            fresh = core.keys.reseal(Sealed(token, one.about(row))).token
        except IntegrityBreach:
            where = " ".join(
                str(getattr(row, column.name)) for column in one.table.primary_key.columns
            )
            done.wrong.append(f"{one.name} of {where} does not open")
            continue
        db.execute(update(one.table).where(*here).values({one.column: fresh}))
        count += 1
    return count


def _kept_numbers(core: Core, db: Connection) -> Iterator[tuple[Any, Mapping[str, str]]]:
    """Proposals in whose answers a telephone number waits under another key."""
    query = select(proposal.c.id, proposal.c.study, proposal.c.number, proposal.c.answers).where(
        proposal.c.answers.contains(KEPT)
    )
    for row in db.execute(query):
        answers = json.loads(row.answers)
        if any(_is_old_number(core, row.study, value) for value in answers.values()):
            yield row, answers


def _is_old_number(core: Core, study: str, value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith(KEPT):
        return False
    try:
        token = base64.urlsafe_b64decode(value.removeprefix(KEPT))
    except ValueError:
        return True  # it will not open, and is named
    return not token.startswith(core.keys.mark)


def _proposals(core: Core, done: Rotated) -> int:
    count = 0
    with core.writing() as db:
        for row, answers in list(_kept_numbers(core, db)):
            try:
                fresh = {
                    name: keep_number(
                        core.keys, row.study, open_number(core.keys, row.study, value)
                    )
                    if _is_old_number(core, row.study, value)
                    else value
                    for name, value in answers.items()
                }
            except IntegrityBreach:
                done.wrong.append(f"{_PROPOSALS} of {row.number} does not open")
                continue
            mine = update(proposal).where(proposal.c.id == row.id)
            db.execute(mine.values(answers=json.dumps(fresh)))
            count += 1
    return count
