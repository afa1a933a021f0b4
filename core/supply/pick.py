"""Which of a depot's kits are sent: as those given at a site, and cheap where there are many.

Lots are read and opened, never kits: of those that expire first some are drawn by their place in
the table until as many are usable as are wanted, so that each is as likely as any other. Where few
places are theirs, the ids of all of them are read.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import bindparam, exists, func, select

from core.context import Context
from core.db.models import kit, lot
from core.db.stock import lot_release
from core.errors import NoKitAvailable
from core.messages import Message
from core.supply.days import last_day
from core.supply.kits import IS_USABLE, Stocked, in_order, lot_type

_BATCHES: Final = 4
_DRAWS_LEAST: Final = 32
_FIRST: Final = 3  # for each kit wanted: two types that are packaged by turns are most common
_SPARE: Final = 8
_READ_FOR_A_DRAW: Final = 4
"""To read an id from the index costs a quarter of drawing one and looking what is there."""


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
    def place(self) -> dict[str, Any]:
        """Where its kits are, for the statements."""
        lots = [one.id for one in self.lots]
        return {"s": self.context.study, "d": self.depot, "lots": lots}

    def list_ids(self) -> Sequence[int]:
        """Every kit of the lots there, also those held: the index has no more than the id."""
        return self.context.db.scalars(_ids, self.place).all()

    def lock(self, ids: Sequence[int]) -> dict[int, Stocked]:
        """Those of the kits that are usable, locked."""
        lots = {one.id: one for one in self.lots}
        return {
            row.id: Stocked(row.id, row.number, lots[row.lot_id].kit_type, lots[row.lot_id].expiry)
            for row in self.context.db.execute(_locked, {**self.place, "ids": ids})
        }


_there = (
    kit.c.study == bindparam("s"),
    kit.c.depot == bindparam("d"),
    kit.c.disposition == "available",
)
_of_lots = kit.c.lot_id.in_(bindparam("lots", expanding=True))
_locked = (
    select(kit.c.id, kit.c.number, kit.c.lot_id)
    .where(*_there, _of_lots, *IS_USABLE, kit.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(kit.c.id)
    .with_for_update(of=kit)
)
_usable = (
    select(kit.c.lot_id, func.count().label("kits"))
    .where(*_there, _of_lots, *IS_USABLE)
    .group_by(kit.c.lot_id)
)
_ids = select(kit.c.id).where(*_there, _of_lots).order_by(kit.c.lot_id, kit.c.id)
_ends = tuple(
    select(end).where(*_there, kit.c.lot_id == bindparam("l"))
    for end in (func.min(kit.c.id), func.max(kit.c.id))
)
_released = (
    select(lot.c.id, lot.c.number, lot.c.kit_type, lot.c.expiry)
    .where(
        lot.c.study == bindparam("s"),
        lot.c.status == "released",
        lot.c.expiry >= bindparam("day"),
        exists().where(*_there, kit.c.lot_id == lot.c.id),
    )
    .order_by(lot.c.id)
    .with_for_update(of=lot, key_share=True)
)
_anywhere = _released.where(exists().where(lot_release.c.lot_id == lot.c.id))
_in_country = _released.where(
    exists().where(lot_release.c.lot_id == lot.c.id, lot_release.c.country == bindparam("c"))
)


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


def count_there(context: Context, depot: str, country: str, good_until: dt.date) -> Counter[str]:
    """The kits by type that `pick` could take there; their lots are locked as `pick` locks them."""
    types = {one.id: one.kit_type for one in _lots(context, depot, country, good_until)}
    found: Counter[str] = Counter()
    place = {"s": context.study, "d": depot, "lots": list(types)}
    for row in context.db.execute(_usable, place):
        found[types[row.lot_id]] += row.kits
    return found


def too_short(
    context: Context, depot: str, country: str, wanted: Iterable[str], last_for: tuple[dt.date, int]
) -> NoKitAvailable:
    """What is said where `pick` found none for a shipment of `last_for` (the date where it goes,
    the days before expiry until which kits are sent): up to which day what is there could have been
    sent, if it is for its expiry only. On record, where blinded readers see it, is the plain word.
    """
    today, days = last_for
    types, plain = frozenset(wanted), Message("error.depot_short")
    gone = [
        one.expiry
        for one in _lots(context, depot, country, today)
        if one.kit_type in types and last_day(one.expiry, days) < today
    ]
    if not gone:
        return NoKitAvailable(plain)
    told = Message("error.depot_short_dates", {"date": last_day(max(gone), days)})
    return NoKitAvailable(told, on_record=plain)


def _by_expiry(one: _Lot) -> tuple[dt.date, int]:
    return one.expiry, one.id


def _lots(context: Context, depot: str, country: str | None, good_until: dt.date) -> Iterator[_Lot]:
    """The released lots with kits there, by id, locked."""
    values: dict[str, Any] = {"s": context.study, "d": depot, "day": good_until}
    query = _anywhere
    if country is not None:
        query, values["c"] = _in_country, country
    for row in context.db.execute(query, values).all():
        kit_type = lot_type(context.keys, context.study, row.number, row.kit_type)
        yield _Lot(row.id, kit_type, row.expiry)


def _draw(shelf: _Shelf, count: int) -> list[Stocked]:
    """`count` of the kits, each as likely as any other; all of them where there are fewer."""
    below = shelf.context.entropy.below
    taken: dict[int, Stocked] = {}
    low, high = _range(shelf)
    draws = max(_DRAWS_LEAST, _FIRST * count)
    for _ in range(_BATCHES):
        if high - low < _READ_FOR_A_DRAW * draws:
            break
        ids = [low + below(high - low + 1) for _ in range(draws)]
        found = shelf.lock(ids)
        for one in ids:
            if one in found:
                taken.setdefault(one, found[one])
            if len(taken) == count:
                return list(taken.values())
        # What the next batch has to be, if as many of it are usable; or all that there are.
        hits = max(len(found), 1)
        there = (high - low + 1) * hits // draws
        draws = (count - len(taken) + _SPARE) * draws // hits
        if there < _READ_FOR_A_DRAW * draws:
            break
    return _draw_from_all(shelf, taken, count)


def _draw_from_all(shelf: _Shelf, taken: dict[int, Stocked], count: int) -> list[Stocked]:
    """The same, with the ids of all read from the index; those held are drawn and passed over."""
    ids = [one for one in shelf.list_ids() if one not in taken]
    while ids and len(taken) < count:
        drawn: list[int] = []
        while ids and len(taken) + len(drawn) < count:
            place = shelf.context.entropy.below(len(ids))
            ids[place], ids[-1] = ids[-1], ids[place]
            drawn.append(ids.pop())
        found = shelf.lock(drawn)
        taken |= {one: found[one] for one in drawn if one in found}
    return list(taken.values())


def _range(shelf: _Shelf) -> tuple[int, int]:
    """The first and the last place of the lots' kits in the table, read from the index's ends."""
    ends: list[int] = []
    for one in shelf.lots:
        where = {"s": shelf.context.study, "d": shelf.depot, "l": one.id}
        found = (shelf.context.db.scalar(end, where) for end in _ends)
        ends += [place for place in found if place is not None]
    return (min(ends), max(ends)) if ends else (0, 0)
