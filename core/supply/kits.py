"""Kits as orthogonal facts, and the choice of which one to give.

The choice is pure: stock in, kits out. Earliest expiry first, uniform among equals, and only what
lasts long enough on the day, in the site's own time zone.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, select, update

from core.context import Context
from core.db.models import kit, lot
from core.db.stock import lot_release
from core.sealed import Keys, Sealed


@dataclass(frozen=True, slots=True)
class Stocked:
    """A kit on the shelf that may be given, as the choice sees it."""

    id: int
    number: str
    kit_type: str
    expiry: dt.date


def choose(
    stock: Iterable[Stocked],
    wanted: Sequence[str],
    good_until: dt.date,
    below: Callable[[int], int],
) -> tuple[Stocked, ...] | None:
    """A kit for each type wanted, by number, or None if any is lacking: all or nothing.

    A kit may be given while `good_until` <= its expiry. `below(n)` draws uniformly from 0..n-1.
    Neither what is drawn nor the order of the answer depends on how a type is called: kits are
    come to as they stand in `stock`.
    """
    needed = Counter(wanted)
    left: dict[str, list[Stocked]] = {}
    for item in stock:
        if item.expiry >= good_until and needed[item.kit_type]:
            left.setdefault(item.kit_type, []).append(item)
    if any(len(left.get(kit_type, ())) < count for kit_type, count in needed.items()):
        return None
    chosen: list[Stocked] = []
    for kit_type, fitting in left.items():
        for _ in range(needed[kit_type]):
            first = min(item.expiry for item in fitting)
            equals = [item for item in fitting if item.expiry == first]
            taken = equals[below(len(equals))]
            fitting.remove(taken)
            chosen.append(taken)
    return in_order(chosen)


def in_order(chosen: Iterable[Stocked]) -> tuple[Stocked, ...]:
    """Kits by number: the only order in which they are ever told, for it says nothing of a type."""
    return tuple(sorted(chosen, key=lambda item: item.number))


def kit_about(study: str, number: str) -> str:
    """What a kit's type is bound to."""
    return f"{study}|kit|{number}"


def lot_about(study: str, number: str) -> str:
    """What a lot's kit type is bound to."""
    return f"{study}|lot|{number}"


def lot_type(keys: Keys, study: str, number: str, token: bytes) -> str:
    """The kit type of a lot, opened."""
    return keys.open(Sealed(token, lot_about(study, number)))


def type_of(keys: Keys, row: Any) -> str:
    """The type of a row of the kit table, opened."""
    return keys.open(Sealed(row.kit_type, kit_about(row.study, row.number)))


IS_USABLE: Final = (
    kit.c.disposition == "available",
    kit.c.quality == "none",
    kit.c.custody == "at_rest",
    kit.c.labelled_until.is_(None),
)
"""What a kit must be, wherever it is, to be given or sent."""
_here = (
    select(
        kit.c.id,
        kit.c.number,
        *(lot.c.id.label("lot_id"), lot.c.study, lot.c.number.label("lot"), lot.c.kit_type),
        lot.c.expiry,
    )
    .join(lot, lot.c.id == kit.c.lot_id)
    .join(
        lot_release, and_(lot_release.c.lot_id == lot.c.id, lot_release.c.country == bindparam("c"))
    )
    .where(
        kit.c.study == bindparam("s"),
        kit.c.site == bindparam("n"),
        *IS_USABLE,
        lot.c.status == "released",
    )
    .order_by(kit.c.id)
)
_shelf = _here.with_for_update(of=kit)


def shelf(context: Context) -> list[Stocked]:
    """What may be given at the site: there, available, released for its country. Locks the kits."""
    return list(_stocked(context, _shelf))


def look_at_shelf(context: Context) -> Iterator[Stocked]:
    """As `shelf`, without a lock."""
    return _stocked(context, _here)


def _stocked(context: Context, query: Select[Any]) -> Iterator[Stocked]:
    here = context.facts.here
    where = {"s": context.study, "n": here.number, "c": here.country}
    types: dict[int, str] = {}
    for row in context.db.execute(query, where).all():
        # All kits of a lot are of its type: a lot is opened once, a kit never.
        if row.lot_id not in types:
            types[row.lot_id] = lot_type(context.keys, row.study, row.lot, row.kit_type)
        yield Stocked(row.id, row.number, types[row.lot_id], row.expiry)


def set_kits(db: Connection, ids: Sequence[int], **values: Any) -> None:
    """Change the facts of kits that are locked."""
    db.execute(update(kit).where(kit.c.id.in_(ids)).values(**values))


def lock_kits(db: Connection, study: str, numbers: Sequence[str]) -> list[Any]:
    """The kits of these numbers, locked, in order of their ids."""
    query = (
        select(kit)
        .where(kit.c.study == study, kit.c.number.in_(numbers))
        .order_by(kit.c.id)
        .with_for_update()
    )
    return list(db.execute(query).all())


def lock_kits_with_expiry(db: Connection, study: str, numbers: Sequence[str]) -> list[Any]:
    """The same with the expiry of each kit's lot, for those who ask for the state of a kit. It is
    read once the kits are locked: a join would still show that of before a lot was extended."""
    lock_kits(db, study, numbers)
    query = (
        select(kit, lot.c.expiry)
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(kit.c.study == study, kit.c.number.in_(numbers))
        .order_by(kit.c.id)
    )
    return list(db.execute(query).all())
