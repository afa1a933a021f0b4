"""Kits and lots as the entries tell of them: where each kit is, how it stands and whose it is.

Kits are imported by file, so that a kit no entry has named yet is known by its lot alone; how many
there are is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from core.ledger.fold.book import Book, Leftover, corrected, deed_of, is_done, rows_by
from core.ledger.fold.shipments import ShipmentFold
from core.supply.lifecycle import STEPS

_KITS: Final = """SELECT k.number, k.disposition, k.custody, k.quality, k.depot, k.site,
s.number AS subject, k.confirmed_at IS NOT NULL AS confirmed, k.replaced_by, k.units_used,
k.units_unused, k.units_missing, l.number AS lot FROM kit k JOIN lot l ON l.id = k.lot_id
LEFT JOIN subject s ON s.id = k.subject_id WHERE k.study = :study"""
_LOTS: Final = "SELECT number, status, expiry, label_lot FROM lot WHERE study = :study"
UNITS: Final = ("units_used", "units_unused", "units_missing")
_UNNAMED: Final = {
    "custody": "at_rest",
    "quality": "none",
    "site": None,
    "subject": None,
    "replaced_by": None,
    **dict.fromkeys(UNITS),
}
Entry = Mapping[str, Any]
Secrets = Mapping[str, str]


class KitFold:
    """Follows the kits and lots of one study."""

    def __init__(self, db: Connection, study: str, shipments: ShipmentFold) -> None:
        self._db, self._study, self._shipments = db, study, shipments
        self._kits, self._lots = Book("kit"), Book("lot")
        self._count = 0
        self._labels: dict[str, str] | None = None

    def take(self, entry: Entry, secret: Secrets) -> None:
        """Take in an entry."""
        if not is_done(entry):
            return
        deed = deed_of(entry)
        if deed in STEPPED:
            self._step(entry, STEPPED[deed], _named(entry, secret))
        elif (handler := HANDLERS.get(deed)) is not None:
            handler(self, entry, secret)

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        lots = rows_by(self._db, _LOTS, self._study, "number")
        yield from self._lots.compare(lots)
        kits = rows_by(self._db, _KITS, self._study, "number")
        yield from self._kits.compare(kits, all_told=False)
        for number, row in kits.items():
            if number not in self._kits and not self._is_new(row):
                yield Leftover(f"no entry tells how kit {number} came to stand where it does")
        if len(kits) != self._count:
            yield Leftover(f"there are {len(kits)} kits, and entries tell of {self._count}")

    def _is_new(self, row: Mapping[str, Any]) -> bool:
        status = self._lots.get(row["lot"], "status")
        began = "new" if status == "new" else "available"
        # A lot that was recalled keeps the kits as they are that were never released.
        began_so = row["disposition"] == began or status == "recalled"
        return began_so and all(row[name] == value for name, value in _UNNAMED.items())

    def _step(self, entry: Entry, step: str, numbers: Iterable[str], **values: Any) -> None:
        for number in numbers:
            self._kits.set(number, entry, **STEPS[step].values, **values)

    # -- lots

    def imported_lots(self, entry: Entry, secret: Secrets) -> None:
        for number in entry["facts"]["lots"]:
            self._lots.set(number, entry, status="new")
            for other in self._alike(number):  # a new lot may shorten what their label shows
                self._lots.forget(other, "expiry")

    def released_lot(self, entry: Entry, secret: Secrets) -> None:
        facts = entry["facts"]
        self._lots.set(facts["lot"], entry, status="released", expiry=facts["expiry"])

    def extended_lot(self, entry: Entry, secret: Secrets) -> None:
        for number in self._alike(entry["facts"]["lot"]):
            if number in self._lots:
                self._lots.set(number, entry, expiry=entry["facts"]["after"])

    def _alike(self, number: str) -> list[str]:
        """The lots that show the same lot on their label, which no deed changes."""
        if self._labels is None:
            rows = rows_by(self._db, _LOTS, self._study, "number")
            self._labels = {one: row["label_lot"] for one, row in rows.items()}
        label = self._labels.get(number)
        return [one for one, other in self._labels.items() if other == label]

    def recalled_lot(self, entry: Entry, secret: Secrets) -> None:
        self._lots.set(entry["facts"]["lot"], entry, status="recalled")
        for number in _named(entry, secret):
            self._kits.set(number, entry, quality="quarantined")

    # -- kits

    def made(self, entry: Entry, secret: Secrets) -> None:
        self._count += entry["facts"]["kits"]

    def ordered(self, entry: Entry, secret: Secrets) -> None:
        self._step(entry, "reserve", entry["facts"]["kits"])

    def dispatched(self, entry: Entry, secret: Secrets) -> None:
        facts = entry["facts"]
        place = {"site": facts.get("site"), "depot": facts.get("to_depot")}
        self._step(entry, "dispatch", facts["kits"], **place)

    def received(self, entry: Entry, secret: Secrets) -> None:
        facts = entry["facts"]
        damaged, missing, staying = (
            frozenset(facts[name]) for name in ("damaged", "missing", "to_follow")
        )
        for number in self._shipments.contents(facts["shipment"]):
            if number in staying or self._kits.get(number, "custody") != "in_transit":
                continue
            step = "receive_damaged" if number in damaged else "receive"
            step = "receive_missing" if number in missing else step
            is_held = self._kits.get(number, "quality") not in (None, "none")
            if step == "receive" and facts["held"] and not is_held:
                step = "receive_held"
            self._step(entry, step, (number,))

    def reported(self, entry: Entry, secret: Secrets) -> None:
        after = entry["facts"]["after"]
        step = "quarantine" if after == "quarantined" else f"report_{after}"
        self._step(entry, step, (entry["facts"]["kit"],))

    def judged(self, entry: Entry, secret: Secrets) -> None:
        self._step(entry, f"{entry['facts']['verdict']}_excursion", _named(entry, secret))

    def given(self, entry: Entry, secret: Secrets) -> None:
        fresh = {"subject": entry["subject"], "confirmed": False, "replaced_by": None}
        self._step(entry, "dispense", entry["facts"]["kits"], **fresh)

    def replaced(self, entry: Entry, secret: Secrets) -> None:
        facts = entry["facts"]
        old, whose = facts["kit"], self._kits.get(facts["kit"], "subject")
        (new,) = facts["kits"]
        is_out = facts["before"] == "dispensed" and whose == entry["subject"]
        self.given(entry, secret)
        if is_out:
            self._step(entry, f"replace_{facts['reason']}", (old,), replaced_by=new)
        elif whose in (None, entry["subject"]):
            self._kits.set(old, entry, replaced_by=new)

    def handed_over(self, entry: Entry, secret: Secrets) -> None:
        for number in entry["facts"]["kits"]:
            self._kits.set(number, entry, confirmed=True)

    def returned(self, entry: Entry, secret: Secrets) -> None:
        facts = entry["facts"]
        units = {name: facts[name] for name in UNITS}
        self._step(entry, "return", (facts["kit"],), **units, site=entry["site"])

    def never_got(self, entry: Entry, secret: Secrets) -> None:
        facts = entry["facts"]
        values: dict[str, Any] = {"disposition": facts["after"], "confirmed": False}
        if facts["after"] == "available":
            values["subject"] = None
            if facts["before"] == "returned":
                values["quality"] = "none"
        else:
            values["quality"] = "quarantined"
        self._kits.set(facts["kit"], entry, **values)

    def wrongly_given(self, entry: Entry, secret: Secrets) -> None:
        fresh = {"subject": entry["subject"], "confirmed": False, "replaced_by": None}
        self._step(entry, "misallocate", (entry["facts"]["kit"],), **fresh)

    def corrected(self, entry: Entry, secret: Secrets) -> None:
        for change in corrected(entry, "kit"):
            self._kits.set(change["of"], entry, **{change["field"]: change["after"]})

    def opened(self, entry: Entry, secret: Secrets) -> None:
        """A kit whose type somebody was told is given to nobody, wherever it could still be."""
        facts = entry["facts"]
        if facts["after"] != facts["before"]:
            self._step(entry, "unblind", (facts["kit"],))


def _named(entry: Entry, secret: Secrets) -> list[str]:
    """The kits that the entry is about: in clear, or sealed where they are all of one lot."""
    facts = entry["facts"]
    if "kit" in facts:
        return [facts["kit"]]
    listed = facts.get("kits")
    return secret["kits"].split() if "kits" in secret else list(listed or ())


STEPPED: Final[Mapping[str, str]] = {
    "cancel_shipment": "cancel",
    "shipment_lost": "lose",
    "kit_found": "find",
    "quarantine_kits": "quarantine",
    "quarantine_stock": "quarantine",
    "release_kits": "release",
    "reject_kits": "reject",
    "verify_kits": "verify",
    "authorise_destruction": "authorise",
    "destroy_kits": "destroy",
    "destroy_stock": "destroy",
}
HANDLERS: Final[Mapping[str, Callable[[KitFold, Entry, Secrets], None]]] = {
    "import_lots": KitFold.imported_lots,
    "release_lot": KitFold.released_lot,
    "extend_lot": KitFold.extended_lot,
    "recall_lot": KitFold.recalled_lot,
    "import_kits": KitFold.made,
    "generate_kits": KitFold.made,
    "create_shipment": KitFold.ordered,
    "ship_to_depot": KitFold.ordered,
    "transfer_kits": KitFold.ordered,
    "resupply": KitFold.ordered,
    "dispatch_shipment": KitFold.dispatched,
    "dispatch_transfer": KitFold.dispatched,
    "receive": KitFold.received,
    "receive_at_depot": KitFold.received,
    "report_stock": KitFold.reported,
    "judge_excursion": KitFold.judged,
    "dispense": KitFold.given,
    "unscheduled": KitFold.given,
    "give_rest": KitFold.given,
    "replace": KitFold.replaced,
    "hand_over": KitFold.handed_over,
    "return_kit": KitFold.returned,
    "never_got_it": KitFold.never_got,
    "correct_supply": KitFold.corrected,
    "unblind_kit": KitFold.opened,
    "view_kit": KitFold.opened,
    "wrong_kit": KitFold.wrongly_given,
}
FOLLOWED: Final = frozenset({*STEPPED, *HANDLERS})
