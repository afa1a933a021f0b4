"""What became of a lot: its kits, and the sites, shipments and subjects that they came to.

For the unblinded of the supply side: whoever knows the kits of a lot knows which subjects are given
the same. So each reading goes on record, with the numbers of the subjects.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from core.access.roles import Actor, Permission
from core.db.models import kit, lot, shipment, subject, visit
from core.db.stock import not_given, shipment_kit
from core.errors import NotFound
from core.supply.kits import lot_type
from core.supply.lifecycle import state_of
from core.supply.unblinded import check_types, record_reading
from core.transaction import Channel

if TYPE_CHECKING:
    from core.runtime import Core

NUMBER_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True)
class TracedKit:
    """A kit of the lot: how it stands, where it is, and all that it ever came to.

    `shipments` and `subjects` are numbers in the order of time; the last subject is the one who has
    it, where `state` says that a subject does. `visit`, `dispensed_at` and `confirmed_at` (UTC) are
    of that one.
    """

    number: str
    state: str
    depot: str | None
    site: str | None
    shipments: tuple[str, ...]
    subjects: tuple[str, ...]
    visit: str | None
    dispensed_at: dt.datetime | None
    confirmed_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Trace:
    """A lot with its type, dates and status, its kits by number, and what they came to."""

    lot: str
    kit_type: str
    label_lot: str
    expiry: dt.date
    stable_until: dt.date
    status: str
    kits: tuple[TracedKit, ...]
    sites: tuple[str, ...]
    shipments: tuple[str, ...]
    subjects: tuple[str, ...]


def read_trace(core: Core, actor: Actor, study: str, number: str, *, channel: Channel) -> Trace:
    """The trace of a lot, and the reading on record before it is shown.

    Raises NotFound for an unknown lot, and for whoever may not read types and stock in the whole
    study.
    """
    check_types(actor, study, None, Permission.SEE_STOCK)
    if len(number) > NUMBER_CHARACTERS_MAX or not number.isprintable():
        raise NotFound
    with core.reading() as db:
        found = _trace(db, core, study, number)
    record_reading(
        core, actor, study, "trace", of=number, subjects=found.subjects, channel=channel.value
    )
    return found


def _trace(db: Connection, core: Core, study: str, number: str) -> Trace:
    query = select(lot).where(lot.c.study == study, lot.c.number == number)
    found = db.execute(query).one_or_none()
    if found is None:
        raise NotFound
    sent = _sent(db, found.id)
    given = _given_before(db, found.id)
    today = core.now().date()
    kits = tuple(
        _traced(row, today, sent.get(row.id, ()), given.get(row.id, ()))
        for row in db.execute(_kits(found.id)).all()
    )
    to_sites = {row.site for rows in sent.values() for row in rows}
    return Trace(
        *(number, lot_type(core.keys, study, number, found.kit_type), found.label_lot),
        *(found.expiry, found.stable_until, found.status),
        kits,
        _in_order([*to_sites, *(one.site for one in kits)]),
        _in_order(one for each in kits for one in each.shipments),
        _in_order(one for each in kits for one in each.subjects),
    )


def _in_order(numbers: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({one for one in numbers if one is not None}))


def _kits(lot_id: int) -> Any:
    return (
        select(kit, lot.c.expiry, subject.c.number.label("of"), visit.c.code.label("visit"))
        .join(lot, lot.c.id == kit.c.lot_id)
        .outerjoin(subject, subject.c.id == kit.c.subject_id)
        .outerjoin(visit, visit.c.id == kit.c.visit_id)
        .where(kit.c.lot_id == lot_id)
        .order_by(kit.c.number)
    )


def _sent(db: Connection, lot_id: int) -> dict[int, tuple[Any, ...]]:
    """The shipments that each kit was ever in, in order."""
    query = (
        select(shipment_kit.c.kit_id, shipment.c.number, shipment.c.site)
        .join(shipment, shipment.c.id == shipment_kit.c.shipment_id)
        .join(kit, kit.c.id == shipment_kit.c.kit_id)
        .where(kit.c.lot_id == lot_id)
        .order_by(shipment.c.id)
    )
    return _by_kit(db, query)


def _given_before(db: Connection, lot_id: int) -> dict[int, tuple[Any, ...]]:
    """The subjects to whom each kit was assigned, and who never got it."""
    query = (
        select(not_given.c.kit_id, subject.c.number)
        .join(subject, subject.c.id == not_given.c.subject_id)
        .join(kit, kit.c.id == not_given.c.kit_id)
        .where(kit.c.lot_id == lot_id)
        .order_by(not_given.c.id)
    )
    return _by_kit(db, query)


def _by_kit(db: Connection, query: Any) -> dict[int, tuple[Any, ...]]:
    found: dict[int, tuple[Any, ...]] = {}
    for row in db.execute(query):
        found[row.kit_id] = (*found.get(row.kit_id, ()), row)
    return found


def _traced(row: Any, today: dt.date, sent: Iterable[Any], given: Iterable[Any]) -> TracedKit:
    subjects = [one.number for one in given]
    if row.of is not None and row.of not in subjects[-1:]:
        subjects.append(row.of)
    return TracedKit(
        *(row.number, state_of(row, today), row.depot, row.site),
        tuple(one.number for one in sent),
        tuple(subjects),
        *(row.visit, row.dispensed_at, row.confirmed_at),
    )
