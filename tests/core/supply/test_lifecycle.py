"""The table of a kit's life: each legal step leads where it says, every other one is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import text

from core.db.models import kit as kit_table
from core.errors import InvalidInput
from core.messages import Digits, Message
from core.supply.lifecycle import SHIPMENT_STATES, SHIPMENT_STEPS, STATES, STEPS, state_of
from core.supply.recall import STOPPED
from tests.support.shipments import as_draft
from tests.support.world import TODAY, Given, World, kit_number

BASIS: Final[Given] = {"basis": "Report 7", "budget_minutes": "30"}
UNITS: Final[Given] = {"units_used": "1", "units_unused": "0", "units_missing": "0"}
NEW_DATE: Final = "2027-12-15"
LABELS: Final[Given] = {"label_date": NEW_DATE, "labels_used": "1", "labels_destroyed": "0"}
CERTIFICATE: Final[Given] = {
    "destroyed_date": TODAY,
    "method": "incinerated",
    "certificate_number": "C-7",
    "witness": "Pat, pharmacist",
}
SECOND: Final = {"misallocate": "Cy", "relabel": "Ivy"}
"""Who approves what is only proposed."""
AT_DEPOT: Final = ("new", "reserved")
"""What a site does not see."""


def _named(kit: str, **given: Any) -> Given:
    return {"chosen_by": "kits", "kits": kit, **given}


DEEDS: Final[dict[str, tuple[str, str, Callable[[str], Given]]]] = {
    "report_damaged": ("report_stock", "Ada", lambda kit: {"kit": kit, "condition": "damaged"}),
    "report_missing": ("report_stock", "Ada", lambda kit: {"kit": kit, "condition": "missing"}),
    "quarantine": ("quarantine_stock", "Sam", lambda kit: _named(kit, event="doubt")),
    "confirm_excursion": (
        *("judge_excursion", "Quinn"),
        lambda kit: _named(kit, minutes="9", verdict="confirm"),
    ),
    "clear_excursion": (
        *("judge_excursion", "Quinn"),
        lambda kit: _named(kit, minutes="9", verdict="clear"),
    ),
    "release": ("release_kits", "Quinn", lambda kit: _named(kit, **BASIS)),
    "reject": ("reject_kits", "Quinn", lambda kit: _named(kit, **BASIS)),
    "find": ("kit_found", "Sam", lambda kit: {"kit": kit}),
    "verify": ("verify_kits", "Cy", lambda kit: {"kits": kit, "agrees": "yes"}),
    "misallocate": (
        *("wrong_kit", "Ada"),
        lambda kit: {"subject": "101002", "kit": kit, "given_date": TODAY},
    ),
    "relabel": ("relabel_kits", "Ada", lambda kit: {"kits": kit, **LABELS}),
    "authorise": ("authorise_destruction", "Sam", lambda kit: {"kits": kit}),
    "destroy": ("destroy_kits", "Ada", lambda kit: {"kits": kit, **CERTIFICATE}),
}
"""The steps that one kit takes by itself: the deed, who does it, with which answers."""


def _row(world: World, kit: str) -> Any:
    query = (
        "SELECT kit.*, lot.expiry AS expires FROM kit JOIN lot ON lot.id = kit.lot_id "
        "WHERE kit.study = :study AND kit.number = :n"
    )
    (row,) = world.rows(query, n=kit)
    return row


def _state(world: World, kit: str) -> str:
    row = _row(world, kit)

    class Seen:
        disposition, custody, quality = row.disposition, row.custody, row.quality
        expiry, labelled_until = row.expires, row.labelled_until

    today = TODAY if isinstance(row.expires, str) else world.core.now().date()
    return state_of(Seen, today)  # type: ignore[arg-type]  # SQLite gives dates as text


def _shipped(world: World, kits_each: int = 1, **received: str) -> list[str]:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each=str(kits_each)).facts
    given: Given = {"shipment": made["shipment"], "dispatch_date": TODAY}
    world.do("dispatch_shipment", "Sam", **given)
    if received:
        world.receive(str(made["shipment"]), **received)
    return list(made["kits"])


def _kits_in_each_state(world: World) -> dict[str, str]:
    """A kit in each state, brought there by what people do."""
    world.stock([("6001", "A", "2027-12"), ("6002", "B", "2027-12")], 1, start=100)
    found = {"expired": _shipped(world, logger="no_alarm")[0]}
    with world.core.writing() as db:
        db.execute(text("UPDATE lot SET expiry = '2026-11-18' WHERE number IN ('6001', '6002')"))
    world.stock([("6003", "A", "2027-11"), ("6004", "B", "2027-11")], 1, start=110)
    (found["unavailable"],) = set(_shipped(world, logger="no_alarm")) & {kit_number(111)}
    world.do("extend_lot", "Sam", lot="6003", new_expiry=NEW_DATE, basis="Report 12")
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    found["reserved"] = made["kits"][0]
    found["in_transit"] = _shipped(world)[0]
    held = _shipped(world, 2, logger="alarm")
    found["pre_quarantined"], found["quarantined"], found["rejected"], _ = held
    for state in ("quarantined", "rejected"):
        world.do("judge_excursion", "Quinn", **DEEDS["confirm_excursion"][2](found[state]))
    world.do("reject_kits", "Quinn", **DEEDS["reject"][2](found["rejected"]))
    found |= _given_to_subjects(world)
    arrived = _shipped(world, 2, logger="no_alarm")
    found["available"], found["damaged"], found["missing"], _ = arrived
    for state in ("damaged", "missing"):
        world.do("report_stock", "Ada", kit=found[state], condition=state)
    found["misallocated"] = _shipped(world, logger="no_alarm")[0]
    _do(world, "misallocate", found["misallocated"])
    file = "lot,kit_type,expiry,countries\n7001,A,2029-02,US"
    world.do("import_lots", "Sam", file=file)
    world.do("import_kits", "Sam", file="kit_number,sequence,kit_type,lot\n90000007,901,A,7001")
    return {**found, "new": "90000007"}


def _given_to_subjects(world: World) -> dict[str, str]:
    """Kits that left the shelf with a subject, and what became of them."""
    states = ("dispensed", "lost", "returned", "verified", "to_destroy", "destroyed")
    subjects = {state: world.randomized() for state in states}
    found = {state: world.dispense(number)[0] for state, number in subjects.items()}
    world.do("replace", "Ada", subject=subjects["lost"], kit=found["lost"], reason="lost")
    for state in states[2:]:
        world.do("return_kit", "Ada", subject=subjects[state], kit=found[state], **UNITS)
    for state in states[3:]:
        world.do("verify_kits", "Cy", kits=found[state], agrees="yes")
    for state in states[4:]:
        world.do("authorise_destruction", "Sam", kits=found[state])
    world.do("destroy_kits", "Ada", kits=found["destroyed"], **CERTIFICATE)
    return found


def test_each_legal_step_leads_where_it_says_and_every_other_is_refused(
    quick_world: World,
) -> None:
    world = quick_world
    kits = _kits_in_each_state(world)
    assert {state: _state(world, kit) for state, kit in kits.items()} == {s: s for s in STATES}
    for step, (deed, who, given) in DEEDS.items():
        for state, kit in kits.items():
            before = _row(world, kit)
            if who in ("Ada", "Cy") and state in AT_DEPOT:
                with pytest.raises(InvalidInput):
                    world.do(deed, who, **given(kit))
            elif state in STEPS[step].before:
                _do(world, step, kit)
                assert _state(world, kit) == STEPS[step].after, (step, state)
                _put_back(world, before)
            else:
                told = world.refused("kit_not_usable", deed, who, **given(kit)).message
                assert told == Message(f"error.kit_is_{state}", {"kit": Digits(kit)}), step
            assert _row(world, kit) == before, (step, state)


def _do(world: World, step: str, kit: str) -> None:
    """Take the step with the kit; what is only proposed is approved."""
    deed, who, given = DEEDS[step]
    done = world.do(deed, who, **given(kit))
    if done.pending:
        world.do("approve", SECOND[step], proposal=str(done.facts["proposal"]))


def _put_back(world: World, row: Any) -> None:
    values = {column.name: getattr(row, column.name) for column in kit_table.c}
    query = f"UPDATE kit SET {', '.join(f'{name} = :{name}' for name in values)} WHERE id = :id"
    with world.core.writing() as db:
        db.execute(text(query), values)


def test_every_step_starts_and_ends_in_a_state_that_there_is() -> None:
    for step, line in STEPS.items():
        assert line.before <= set(STATES), step
        assert line.after in STATES, step
    taken = {line.after for line in STEPS.values()} | {"new", "expired", "unavailable"}
    assert taken == set(STATES)  # no state that nothing leads to: two come of a lot's date


def test_a_recall_stops_every_kit_that_could_still_be_given(quick_world: World) -> None:
    world = quick_world
    kits = _kits_in_each_state(world)
    for lot in ("5001", "5002", "6001", "6002", "6003", "6004", "7001"):
        world.do("recall_lot", "Quinn", lot=lot, reason="Glass")
    stopped = {state: STEPS[step].after for step in STOPPED for state in STEPS[step].before}
    for state, kit in kits.items():
        assert _state(world, kit) == stopped.get(state, state)
        if state in stopped:
            assert world.kit(kit).quality == "quarantined", state


_SHIPMENT_DEEDS: Final[dict[str, tuple[str, str, Given]]] = {
    "approve": ("approve_shipment", "Sam", {}),
    "confirm": ("acknowledge_shipment", "Sam", {}),
    "pack": ("pack_shipment", "Sam", {}),
    "dispatch": ("dispatch_shipment", "Sam", {"dispatch_date": TODAY}),
    "cancel": ("cancel_shipment", "Sam", {"reason": "Not needed"}),
    "lose": ("shipment_lost", "Sam", {"reason": "Not found"}),
    "receive": (
        *("receive", "Ada"),
        {"received_date": TODAY, "logger": "no_alarm", "damaged": "", "missing": ""},
    ),
}


def _shipment(world: World, state: str) -> str:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    number, kits = str(made["shipment"]), made["kits"]
    ways = {
        "draft": (),
        "requested": (),
        "confirmed": ("confirm",),
        "packed": ("confirm", "pack"),
        "in_transit": ("dispatch",),
        "partially_received": ("dispatch",),
        "received": ("dispatch", "receive"),
        "cancelled": ("cancel",),
        "lost": ("dispatch", "lose"),
    }
    for step in ways[state]:
        deed, who, given = _SHIPMENT_DEEDS[step]
        world.do(deed, who, shipment=number, **given)
    if state == "draft":  # as a resupply leaves it that waits for approval
        as_draft(world, number)
    if state == "partially_received":
        world.receive(number, missing=kits[0], to_follow="yes")
    assert world.one("SELECT status FROM shipment WHERE number = :n", n=number) == state
    return number


@pytest.mark.parametrize("state", SHIPMENT_STATES)
def test_a_shipment_takes_the_steps_of_its_state_and_no_other(
    quick_world: World, state: str
) -> None:
    for step, (deed, who, given) in _SHIPMENT_DEEDS.items():
        number = _shipment(quick_world, state)
        if state in SHIPMENT_STEPS[step]:
            quick_world.do(deed, who, shipment=number, **given)
            continue
        told = quick_world.refused(
            "wrong_shipment_status", deed, who, shipment=number, **given
        ).message
        assert told.params["status"] == Message(f"word.shipment_{state}")
