"""Which of a depot's kits are sent: as those given at a site, and cheap where there are many.

Lots are read and opened, never all kits: of those that expire first some are drawn by their place
in the table until as many are usable as are wanted, so that each is as likely as any other.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Select, and_, exists, func, select

from core.context import Context
from core.db.models import kit, lot
from core.db.stock import lot_release
from core.supply.kits import IS_USABLE, Stocked, in_order, lot_type

_BATCHES: Final = 3
_DRAWS_LEAST: Final = 32
"""Drawn at once: enough where one kit in ten of the range is usable, too few below one in fifty,
and then what there is is read, for it is not many."""


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot with kits at the depot."""

    id: int
    kit_type: str
    expiry: dt.date


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The usable kits of some lots at a depot."""

    context: Context
    depot: str
    lots: Sequence[_Lot]

    @property
    def query(self) -> Select[Any]:
        """Their id, number and lot."""
        return select(kit.c.id, kit.c.number, kit.c.lot_id).where(
            *_at(self.context, self.depot),
            kit.c.lot_id.in_([one.id for one in self.lots]),
            *IS_USABLE,
        )

    def lock(self, ids: Sequence[int]) -> dict[int, Stocked]:
        """Those of the kits that are usable, locked."""
        query = self.query.where(kit.c.id.in_(ids)).order_by(kit.c.id).with_for_update(of=kit)
        lots = {one.id: one for one in self.lots}
        return {
            row.id: Stocked(row.id, row.number, lots[row.lot_id].kit_type, lots[row.lot_id].expiry)
            for row in self.context.db.execute(query)
        }


def pick(
    context: Context,
    depot: str,
    country: str | None,
    wanted: Sequence[str] | Mapping[str, int],
    good_until: dt.date,
) -> tuple[Stocked, ...] | None:
    """A kit at the depot for each type wanted (or so many of each), by number, or None if any is
    lacking.

    They are usable, of lots released for the country (None: for any) that expire on `good_until` or
    later; earliest expiry first, uniform among equals. The kits are locked, and their lots, so that
    two who take from the same lot never wait for each other's kits.
    """
    needed = Counter(wanted)
    found = [one for one in _lots(context, depot, country, good_until) if needed[one.kit_type]]
    chosen: list[Stocked] = []
    # In the order of the lots, not of the types' names: what is drawn must not tell them apart.
    for kit_type in dict.fromkeys(one.kit_type for one in found):
        left = needed[kit_type]
        alike = sorted((one for one in found if one.kit_type == kit_type), key=_by_expiry)
        for _, lots in groupby(alike, key=lambda one: one.expiry):
            drawn = _draw(_Shelf(context, depot, tuple(lots)), left)
            chosen += drawn
            left -= len(drawn)
            if not left:
                break
    return in_order(chosen) if len(chosen) == needed.total() else None


def _by_expiry(one: _Lot) -> tuple[dt.date, int]:
    return one.expiry, one.id


def _at(context: Context, depot: str) -> tuple[Any, ...]:
    return (
        kit.c.study == context.study,
        kit.c.depot == depot,
        kit.c.disposition == "available",
    )


def _lots(context: Context, depot: str, country: str | None, good_until: dt.date) -> Iterator[_Lot]:
    """The released lots with kits there, by id, locked."""
    releases = exists().where(lot_release.c.lot_id == lot.c.id)
    if country is not None:
        releases = exists().where(
            and_(lot_release.c.lot_id == lot.c.id, lot_release.c.country == country)
        )
    query = (
        select(lot.c.id, lot.c.number, lot.c.kit_type, lot.c.expiry)
        .where(
            lot.c.study == context.study,
            lot.c.status == "released",
            lot.c.expiry >= good_until,
            releases,
            exists().where(*_at(context, depot), kit.c.lot_id == lot.c.id),
        )
        .order_by(lot.c.id)
        .with_for_update(of=lot, key_share=True)
    )
    for row in context.db.execute(query).all():
        kit_type = lot_type(context.keys, context.study, row.number, row.kit_type)
        yield _Lot(row.id, kit_type, row.expiry)


def _draw(shelf: _Shelf, count: int) -> list[Stocked]:
    """`count` of the kits, each as likely as any other; all of them where there are fewer."""
    below = shelf.context.entropy.below
    taken: dict[int, Stocked] = {}
    low, high = _range(shelf)
    draws = max(_DRAWS_LEAST, 16 * count)
    if high - low < draws * _BATCHES:
        return _draw_from_all(shelf, taken, count)
    for _ in range(_BATCHES):
        ids = [low + below(high - low + 1) for _ in range(draws)]
        usable = shelf.lock(ids)
        for one in ids:
            if one in usable:
                taken.setdefault(one, usable[one])
            if len(taken) == count:
                return list(taken.values())
    return _draw_from_all(shelf, taken, count)


def _draw_from_all(shelf: _Shelf, taken: dict[int, Stocked], count: int) -> list[Stocked]:
    query = shelf.query.with_only_columns(kit.c.id).order_by(kit.c.id)
    ids = [one for one in shelf.context.db.scalars(query) if one not in taken]
    drawn: list[int] = []
    while ids and len(taken) + len(drawn) < count:
        drawn.append(ids.pop(shelf.context.entropy.below(len(ids))))
    usable = shelf.lock(drawn) if drawn else {}
    return [*taken.values(), *usable.values()]


def _range(shelf: _Shelf) -> tuple[int, int]:
    """The first and the last place of the lots' kits in the table, read from the index's ends."""
    ends: list[int] = []
    for one in shelf.lots:
        there = (*_at(shelf.context, shelf.depot), kit.c.lot_id == one.id)
        for end in (func.min(kit.c.id), func.max(kit.c.id)):
            found = shelf.context.db.scalar(select(end).where(*there))
            ends += [] if found is None else [found]
    return (min(ends), max(ends)) if ends else (0, 0)
