"""The life of a kit, once: which step leads from which state to which, and what it changes.

A kit is several orthogonal facts (disposition, custody, quality); its state is what they come to.
Nothing here depends on the type of a kit, and nothing is read or written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.errors import KitNotUsable, WrongShipmentStatus
from core.messages import Digits, Message

STATES: Final = (
    *("new", "available", "expired", "reserved", "in_transit"),
    *("pre_quarantined", "quarantined", "rejected", "unavailable"),
    *("dispensed", "returned", "damaged", "missing", "lost", "misallocated", "verified"),
    *("to_destroy", "destroyed"),
)
"""Every state, as `error.kit_is_<state>` says what to do instead."""
_SETTLED: Final = frozenset(
    {"dispensed", "returned", "damaged", "missing", "lost", "misallocated", "verified"}
    | {"to_destroy", "destroyed"}
)


def state_of(row: Any, today: dt.date) -> str:
    """The state of a kit with its lot's expiry, on a day at the place where it is.

    `row` has disposition, custody, quality, labelled_until and expiry. A kit on its way or reserved
    is told as that, held or not: whoever wants it must have it back first. Expired and unavailable
    (its label shows another date than its lot's) are derived, never stored.
    """
    if row.disposition in _SETTLED:
        return str(row.disposition)
    if row.custody == "in_transit":
        return "in_transit"
    if row.disposition == "reserved":
        return "reserved"
    if row.quality != "none":
        return str(row.quality)
    if row.disposition == "available" and row.expiry < today:
        return "expired"
    if row.disposition == "available" and row.labelled_until is not None:
        return "unavailable"
    return str(row.disposition)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table: `before` are the states from which it may be taken, `after` the state
    that it leads to, `values` the facts that it sets (beside whose and where the kit is)."""

    before: frozenset[str]
    after: str
    values: Mapping[str, str] = field(default_factory=dict)


def _step(before: str, after: str, **values: str) -> Step:
    return Step(frozenset(before.split()), after, values)


STEPS: Final[Mapping[str, Step]] = {
    "release_lot": _step("new", "available", disposition="available"),
    "reserve": _step("available", "reserved", disposition="reserved"),
    "dispatch": _step("reserved", "in_transit", custody="in_transit"),
    "receive": _step("in_transit", "available", disposition="available", custody="at_rest"),
    "receive_held": _step(
        "in_transit",
        "pre_quarantined",
        disposition="available",
        custody="at_rest",
        quality="pre_quarantined",
    ),
    "receive_damaged": _step("in_transit", "damaged", disposition="damaged", custody="at_rest"),
    "receive_missing": _step("in_transit", "missing", disposition="missing", custody="at_rest"),
    "lose": _step("in_transit", "lost", disposition="lost", custody="at_rest"),
    "cancel": _step("reserved", "available", disposition="available"),
    "report_damaged": _step("available expired unavailable", "damaged", disposition="damaged"),
    "report_missing": _step("available expired unavailable", "missing", disposition="missing"),
    "find": _step("missing", "quarantined", disposition="available", quality="quarantined"),
    "dispense": _step("available", "dispensed", disposition="dispensed"),
    "replace_lost": _step("dispensed", "lost", disposition="lost", quality="none"),
    "replace_damaged": _step("dispensed", "damaged", disposition="damaged", quality="none"),
    "replace_not_given": _step(
        "dispensed", "returned", disposition="returned", quality="quarantined"
    ),
    "return": _step("dispensed misallocated", "returned", disposition="returned"),
    "verify": _step("returned damaged rejected expired", "verified", disposition="verified"),
    "authorise": _step("verified", "to_destroy", disposition="to_destroy"),
    # At a depot there is no monitor: what cannot be used there is counted by whoever authorises.
    "authorise_at_depot": _step("damaged rejected expired", "to_destroy", disposition="to_destroy"),
    "destroy": _step("to_destroy", "destroyed", disposition="destroyed"),
    "quarantine": _step("available unavailable", "quarantined", quality="quarantined"),
    "confirm_excursion": _step("pre_quarantined", "quarantined", quality="quarantined"),
    "clear_excursion": _step("pre_quarantined", "available", quality="none"),
    "relabel": _step("unavailable", "available"),
    "recall": _step(
        "new available expired unavailable pre_quarantined", "quarantined", quality="quarantined"
    ),
    "recall_reserved": _step("reserved", "reserved", quality="quarantined"),
    "recall_on_the_way": _step("in_transit", "in_transit", quality="quarantined"),
    "take_back": _step("dispensed", "available", disposition="available"),
    "take_back_returned": _step(
        "dispensed", "returned", disposition="returned", quality="quarantined"
    ),
    "take_back_replaced": _step("returned", "available", disposition="available", quality="none"),
    "misallocate": _step(
        "available dispensed expired unavailable", "misallocated", disposition="misallocated"
    ),
    "release": _step("quarantined", "available", quality="none"),
    "reject": _step("quarantined", "rejected", quality="rejected"),
    # Somebody has been told what is in it.
    "unblind": _step(
        "available expired unavailable pre_quarantined quarantined", "rejected", quality="rejected"
    ),
}
"""The table of legal steps: every deed that moves a kit goes by it."""


def check_step(step: str, rows: Iterable[Any], today: dt.date) -> None:
    """Raises KitNotUsable for the first kit that cannot take the step: where it stands, and what
    to do instead, in the same words for every type."""
    before = STEPS[step].before
    for row in rows:
        state = state_of(row, today)
        if state not in before:
            raise KitNotUsable(Message(f"error.kit_is_{state}", {"kit": Digits(row.number)}))


SHIPMENT_STATES: Final = (
    *("draft", "requested", "confirmed", "packed"),
    *("in_transit", "partially_received"),
    *("received", "cancelled", "lost"),
)
SHIPMENT_STEPS: Final[Mapping[str, frozenset[str]]] = {
    "approve": frozenset({"draft"}),
    "confirm": frozenset({"requested"}),
    "pack": frozenset({"requested", "confirmed"}),
    "dispatch": frozenset({"requested", "confirmed", "packed"}),
    "cancel": frozenset({"draft", "requested", "confirmed", "packed"}),
    "receive": frozenset({"in_transit", "partially_received"}),
    "lose": frozenset({"in_transit", "partially_received"}),
    "correct": frozenset({"partially_received", "received"}),
}
"""From which states of a shipment a step may be taken."""


def check_shipment(step: str, found: Any) -> None:
    """Raises WrongShipmentStatus where the shipment, a row with number and status, cannot take the
    step: what it is instead."""
    if found.status not in SHIPMENT_STEPS[step]:
        status = Message(f"word.shipment_{found.status}")
        raise WrongShipmentStatus(shipment=Digits(found.number), status=status)
