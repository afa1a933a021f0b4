"""Kits as orthogonal facts, and the choice of which one to give.

The choice is pure: stock in, kits out. Earliest expiry first, uniform among equals, and only what
lasts long enough on the day, in the site's own time zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
    """A kit for each type wanted, in that order, or None if any is lacking: all or nothing.

    A kit may be given while `good_until` <= its expiry. `below(n)` draws uniformly from 0..n-1.
    """
    left = [item for item in stock if item.expiry >= good_until]
    chosen: list[Stocked] = []
    for kit_type in wanted:
        fitting = [item for item in left if item.kit_type == kit_type]
        if not fitting:
            return None
        first = min(item.expiry for item in fitting)
        equals = [item for item in fitting if item.expiry == first]
        taken = equals[below(len(equals))]
        left.remove(taken)
        chosen.append(taken)
    return tuple(chosen)


def kit_about(study: str, number: str) -> str:
    """What a kit's type is bound to."""
    return f"{study}|kit|{number}"


def lot_about(study: str, number: str) -> str:
    """What a lot's kit type is bound to."""
    return f"{study}|lot|{number}"


def type_of(keys: Keys, row: Any) -> str:
    """The type of a row of the kit table, opened."""
    return keys.open(Sealed(row.kit_type, kit_about(row.study, row.number)))


_usable = (
    select(kit.c.id, kit.c.study, kit.c.number, kit.c.kit_type, lot.c.expiry)
    .join(lot, lot.c.id == kit.c.lot_id)
    .join(
        lot_release, and_(lot_release.c.lot_id == lot.c.id, lot_release.c.country == bindparam("c"))
    )
    .where(
        kit.c.study == bindparam("s"),
        kit.c.disposition == "available",
        kit.c.quality == "none",
        kit.c.custody == "at_rest",
        lot.c.status == "released",
        kit.c.labelled_until.is_(None),
    )
    .order_by(kit.c.id)
)
_here = _usable.where(kit.c.site == bindparam("n"))
_shelf = _here.with_for_update(of=kit)
_at_depot = _usable.where(kit.c.depot == bindparam("n"), kit.c.site.is_(None)).with_for_update(
    of=kit
)


def shelf(context: Context) -> list[Stocked]:
    """What may be given at the site: there, available, released for its country. Locks the kits."""
    here = context.facts.here
    return list(_stocked(context, _shelf, here.number, here.country))


def look_at_shelf(context: Context) -> Iterator[Stocked]:
    """As `shelf`, without a lock, and each kit's type opened only when it is come to."""
    here = context.facts.here
    return _stocked(context, _here, here.number, here.country)


def depot_stock(context: Context, depot: str, country: str) -> list[Stocked]:
    """What a depot may send to a site of that country. Locks the kits."""
    return list(_stocked(context, _at_depot, depot, country))


def _stocked(context: Context, query: Select[Any], place: str, country: str) -> Iterator[Stocked]:
    where = {"s": context.study, "n": place, "c": country}
    for row in context.db.execute(query, where).all():
        yield Stocked(row.id, row.number, type_of(context.keys, row), row.expiry)


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
    """The same with the expiry of each kit's lot, for those who ask for the state of a kit."""
    query = (
        select(kit, lot.c.expiry)
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(kit.c.study == study, kit.c.number.in_(numbers))
        .order_by(kit.c.id)
        .with_for_update(of=kit)
    )
    return list(db.execute(query).all())
