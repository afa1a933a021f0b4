"""Shipments as the entries tell of them, and which kits each was made with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from core.ledger.fold.book import Book, Leftover, corrected, deed_of, is_done, rows_by

_SHIPMENTS: Final = """SELECT number, depot, from_site, site, to_depot, status, dispatched_on,
received_on, logger FROM shipment WHERE study = :study"""
_CONTENTS: Final = """SELECT s.number, k.number AS kit FROM shipment_kit c
JOIN shipment s ON s.id = c.shipment_id JOIN kit k ON k.id = c.kit_id WHERE s.study = :study"""
Entry = Mapping[str, Any]


class ShipmentFold:
    """Follows the shipments of one study."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._study = db, study
        self._book = Book("shipment")
        self._contents: dict[str, tuple[str, ...]] = {}

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if is_done(entry) and (handler := HANDLERS.get(deed_of(entry))) is not None:
            handler(self, entry)

    def contents(self, number: str) -> tuple[str, ...]:
        """The kits that a shipment was made with."""
        return self._contents.get(number, ())

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        yield from self._book.compare(rows_by(self._db, _SHIPMENTS, self._study, "number"))
        kept: dict[str, set[str]] = {}
        for number, kit in rows_by(self._db, _CONTENTS, self._study, "number", "kit"):
            kept.setdefault(number, set()).add(kit)
        for number in sorted({*kept, *self._contents}):
            if kept.get(number, set()) != set(self._contents.get(number, ())):
                why = f"shipment {number} has other kits than it was made with"
                yield Leftover(why, self._book.last(number))

    def _set(self, entry: Entry, **values: Any) -> None:
        self._book.set(entry["facts"]["shipment"], entry, **values)

    def ordered(self, entry: Entry) -> None:
        facts = entry["facts"]
        if facts["shipment"] is None:  # a night on which the site needed nothing
            return
        ends = {name: facts.get(name) for name in ("depot", "from_site", "site", "to_depot")}
        self._set(entry, **ends, status=facts.get("status", "requested"), received_on=None)
        self._contents[facts["shipment"]] = tuple(facts["kits"])

    def dispatched(self, entry: Entry) -> None:
        self._set(entry, status="in_transit", dispatched_on=entry["facts"]["dispatch_date"])

    def received(self, entry: Entry) -> None:
        facts = entry["facts"]
        status = "partially_received" if facts["to_follow"] else "received"
        self._set(entry, status=status, received_on=facts["received_date"], logger=facts["logger"])

    def cancelled(self, entry: Entry) -> None:
        self._set(entry, status="cancelled")
        self._contents.pop(entry["facts"]["shipment"], None)

    def approved(self, entry: Entry) -> None:
        self._set(entry, status="requested")

    def confirmed(self, entry: Entry) -> None:
        self._set(entry, status="confirmed")

    def packed(self, entry: Entry) -> None:
        self._set(entry, status="packed")

    def lost(self, entry: Entry) -> None:
        self._set(entry, status="lost")

    def corrected(self, entry: Entry) -> None:
        for change in corrected(entry, "shipment"):
            self._book.set(change["of"], entry, **{change["field"]: change["after"]})


HANDLERS: Final[Mapping[str, Callable[[ShipmentFold, Entry], None]]] = {
    "create_shipment": ShipmentFold.ordered,
    "ship_to_depot": ShipmentFold.ordered,
    "transfer_kits": ShipmentFold.ordered,
    "resupply": ShipmentFold.ordered,
    "approve_shipment": ShipmentFold.approved,
    "acknowledge_shipment": ShipmentFold.confirmed,
    "pack_shipment": ShipmentFold.packed,
    "dispatch_shipment": ShipmentFold.dispatched,
    "dispatch_transfer": ShipmentFold.dispatched,
    "receive": ShipmentFold.received,
    "receive_at_depot": ShipmentFold.received,
    "correct_supply": ShipmentFold.corrected,
    "cancel_shipment": ShipmentFold.cancelled,
    "shipment_lost": ShipmentFold.lost,
}
FOLLOWED: Final = frozenset(HANDLERS)
