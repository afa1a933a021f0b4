"""What a site recorded of drug, put right: approved by the monitor, no kit takes a step by it."""

from __future__ import annotations

from typing import Any

import pytest

from core.interview import Complete, advance
from core.messages import Digits, Message
from core.register import find
from tests.support.records import WHY
from tests.support.world import Given, World

UNITS: Given = {"units_used": "20", "units_unused": "8", "units_missing": "2"}
RIGHT: Given = {"units_used": "21", "units_unused": "8", "units_missing": "1"}
OF_A_KIT: Given = {"which_entry": "returned_units", **RIGHT, **WHY}


def _returned(world: World) -> tuple[str, str]:
    number = world.randomized()
    (kit,) = world.dispense(number)
    world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    return number, kit


def _propose(world: World, **given: Any) -> str:
    return str(world.do("correct_supply", "Ada", **given).facts["proposal"])


def _warned(world: World, **given: str) -> list[Message]:
    with world.core.reading() as db:
        actor = world.actor("Ada")
        found = advance(world.core, db, find("correct_supply"), actor, "combi", "101", given)
    assert isinstance(found, Complete)
    return list(found.warnings)


@pytest.mark.req("R11")
def test_units_counted_wrongly_are_put_right_by_the_monitors_signature(quick_world: World) -> None:
    number, kit = _returned(quick_world)
    before = {"used": 20, "unused": 8, "missing": 2}
    after = {"used": 21, "unused": 8, "missing": 1}
    assert _warned(quick_world, kit=kit, **OF_A_KIT) == [
        Message(
            "warn.correction_change",
            {
                "what": Message("choice.entry_returned_units"),
                "before": Message("word.units", before),
                "after": Message("word.units", after),
            },
        )
    ]
    proposal = _propose(quick_world, kit=kit, **OF_A_KIT)
    assert quick_world.kit(kit).units_used == 20
    for who in ("Ivy", "Pat", "Mia", "Quinn"):
        quick_world.refused("not_allowed", "approve", who, proposal=proposal)
    quick_world.do("approve", "Cy", proposal=proposal)
    row = quick_world.kit(kit)
    assert (row.disposition, row.units_used, row.units_unused, row.units_missing) == (
        *("returned", 21, 8, 1),
    )
    entry = quick_world.last_entry()
    assert (entry["subject"], entry["facts"]["kit"]) == (number, kit)
    assert entry["facts"]["changes"] == [
        {"record": "kit", "of": kit, "field": "units_used", "before": 20, "after": 21},
        {"record": "kit", "of": kit, "field": "units_missing", "before": 2, "after": 1},
    ]


def test_units_are_those_of_a_kit_that_came_back_and_other_than_on_record(
    quick_world: World,
) -> None:
    number, kit = _returned(quick_world)
    same = {**OF_A_KIT, **UNITS}
    quick_world.wrong("units_missing", "correct_supply", "Ada", kit=kit, **same)
    nothing = {**OF_A_KIT, **dict.fromkeys(UNITS, "0")}
    quick_world.wrong("units_missing", "correct_supply", "Ada", kit=kit, **nothing)
    given = quick_world.do("unscheduled", "Ada", subject=number).facts["kits"][0]
    told = quick_world.refused("kit_not_usable", "correct_supply", "Ada", kit=given, **OF_A_KIT)
    assert told.message == Message("error.kit_is_dispensed", {"kit": Digits(given)})
    wrong = quick_world.wrong("kit", "correct_supply", "Di", kit=kit, **OF_A_KIT)
    assert wrong.message.id == "error.kit_unknown"


def test_a_kit_destroyed_meanwhile_is_counted_no_more(quick_world: World) -> None:
    _, kit = _returned(quick_world)
    proposal = _propose(quick_world, kit=kit, **OF_A_KIT)
    quick_world.do("verify_kits", "Cy", kits=kit, agrees="yes")
    quick_world.do("authorise_destruction", "Sam", kits=kit)
    done: Given = {"destroyed_date": "2026-11-20", "method": "other", "witness": "Pat"}
    quick_world.do("destroy_kits", "Ada", kits=kit, certificate_number="C-8", **done)
    quick_world.refused("kit_not_usable", "approve", "Cy", proposal=proposal)


def test_the_day_of_a_receipt_lies_between_dispatch_and_its_record(quick_world: World) -> None:
    world = quick_world
    number = world.ship(1, receive=None)
    world.days_later(3)
    world.receive(number, "Ada")
    world.days_later(2)
    given: Given = {"which_entry": "received_date", "shipment": number, **WHY}
    days = {
        "2026-11-19": "error.received_early",
        "2026-11-23": "error.same_value",
        "2026-11-24": "error.received_after_recorded",
        "2026-11-26": "error.date_future",
    }
    for day, said in days.items():
        wrong = world.wrong("right_date", "correct_supply", "Ada", **given, right_date=day)
        assert wrong.message.id == said
    proposal = _propose(world, **given, right_date="2026-11-22")
    world.do("approve", "Cy", proposal=proposal)
    query = "SELECT received_on FROM shipment WHERE study = :study AND number = :n"
    assert str(world.one(query, n=number)) == "2026-11-22"
    assert world.last_entry()["facts"]["changes"] == [
        {
            "record": "shipment",
            "of": number,
            "field": "received_on",
            "before": "2026-11-23",
            "after": "2026-11-22",
        }
    ]


def test_a_shipment_under_way_or_of_another_site_has_no_receipt_to_correct(
    quick_world: World,
) -> None:
    number = quick_world.ship(1, receive=None)
    given: Given = {"which_entry": "received_date", "right_date": "2026-11-20", **WHY}
    quick_world.refused("wrong_shipment_status", "correct_supply", "Ada", shipment=number, **given)
    quick_world.receive(number)
    quick_world.wrong("shipment", "correct_supply", "Di", shipment=number, **given)
