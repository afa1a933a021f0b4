"""Shipments that come in part, are called off or get lost."""

from __future__ import annotations

from typing import Any

import pytest

from core.messages import Digits, Message
from tests.support.world import TODAY, Given, World

CALLED_OFF: Given = {"reason": "The site has enough"}


def _sent(world: World, kits_each: int = 2) -> tuple[str, list[str]]:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each=str(kits_each)).facts
    world.do("dispatch_shipment", "Sam", shipment=made["shipment"], dispatch_date=TODAY)
    return str(made["shipment"]), list(made["kits"])


def _status(world: World, number: str) -> str:
    return str(world.one("SELECT status FROM shipment WHERE number = :n", n=number))


def _states(world: World, kits: list[str]) -> list[tuple[Any, ...]]:
    rows = [world.kit(kit) for kit in kits]
    return [(row.disposition, row.custody, row.quality) for row in rows]


def test_what_is_to_follow_stays_on_its_way_and_is_received_later(world: World) -> None:
    number, kits = _sent(world)
    receipt = world.receive(number, missing=",".join(kits[:3]), to_follow="yes")
    assert receipt.said == Message("said.receive", {"shipment": Digits(number), "count": 1})
    assert receipt.notes == (Message("note.to_follow", {"count": 3}),)
    assert (receipt.facts["to_follow"], receipt.facts["missing"]) == (kits[:3], [])
    assert _states(world, kits[:3]) == [("reserved", "in_transit", "none")] * 3
    assert _states(world, kits[3:]) == [("available", "at_rest", "none")]
    assert _status(world, number) == "partially_received"
    later: Given = {"received_date": TODAY, "logger": "no_alarm", "damaged": kits[0]}
    world.wrong("missing", "receive", "Ada", shipment=number, missing=kits[3], **later)
    world.receive(number, damaged=kits[0], missing=kits[1])
    assert [state[0] for state in _states(world, kits)] == [
        *("damaged", "missing", "available", "available")
    ]
    assert _status(world, number) == "received"


def test_a_shipment_of_which_nothing_came_is_not_received(quick_world: World) -> None:
    number, kits = _sent(quick_world)
    given: Given = {"received_date": TODAY, "logger": "no_alarm", "damaged": ""}
    wrong = quick_world.wrong(
        "to_follow", "receive", "Ada", shipment=number, **given,
        missing=",".join(kits), to_follow="yes",
    )  # fmt: skip
    assert wrong.message.id == "error.nothing_arrived"


def test_a_shipment_called_off_gives_its_kits_back_to_the_depot(world: World) -> None:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="2").facts
    number, kits = str(made["shipment"]), list(made["kits"])
    receipt = world.do("cancel_shipment", "Sam", shipment=number, **CALLED_OFF)
    assert receipt.facts == {
        "shipment": number,
        "depot": "900",
        "site": "101",
        "reason": CALLED_OFF["reason"],
        "kits": sorted(kits),
        "apart": 0,
    }
    assert _states(world, kits) == [("available", "at_rest", "none")] * 4
    assert {world.kit(kit).shipment_id for kit in kits} == {None}
    assert _status(world, number) == "cancelled"
    refused = world.refused("wrong_shipment_status", "dispatch_shipment", "Sam",
                            shipment=number, dispatch_date=TODAY)  # fmt: skip
    assert refused.message.params["status"] == Message("word.shipment_cancelled")


def test_a_shipment_that_has_left_is_not_called_off(quick_world: World) -> None:
    number, _ = _sent(quick_world)
    quick_world.refused(
        "wrong_shipment_status", "cancel_shipment", "Sam", shipment=number, **CALLED_OFF
    )
    quick_world.refused("not_allowed", "cancel_shipment", "Quinn", shipment=number, **CALLED_OFF)


def test_kits_of_a_shipment_called_off_that_have_expired_are_told_apart(
    quick_world: World,
) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    quick_world.days_later(900)
    given: Given = {"shipment": made["shipment"], **CALLED_OFF}
    receipt = quick_world.do("cancel_shipment", "Sam", **given)
    assert receipt.facts["apart"] == len(made["kits"])
    assert receipt.said.params["count"] == 0


def test_what_is_lost_on_its_way_is_given_up_and_what_arrived_stays(world: World) -> None:
    number, kits = _sent(world)
    world.receive(number, missing=",".join(kits[:3]), to_follow="yes")
    before = len(world.messages())
    receipt = world.do("shipment_lost", "Sam", shipment=number, reason="The courier lost it")
    assert receipt.facts["kits"] == sorted(kits[:3])
    assert _states(world, kits) == [
        *[("lost", "at_rest", "none")] * 3,
        ("available", "at_rest", "none"),
    ]
    assert _status(world, number) == "lost"
    told = [("sms.shipment_lost", None, roles) for _, _, roles in world.messages()[before:]]
    assert world.messages()[before:] == told
    assert len(told) == 2
    given: Given = {"received_date": TODAY, "logger": "none", "damaged": "", "missing": ""}
    world.refused("wrong_shipment_status", "receive", "Ada", shipment=number, **given)


def test_a_shipment_leaves_no_earlier_than_it_was_made(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    given: Given = {"shipment": made["shipment"], "dispatch_date": "2026-11-19"}
    wrong = quick_world.wrong("dispatch_date", "dispatch_shipment", "Sam", **given)
    assert wrong.message.id == "error.dispatched_early"


@pytest.mark.parametrize("logger", ["no_alarm", "alarm"])
def test_a_kit_held_on_its_way_arrives_in_quarantine(quick_world: World, logger: str) -> None:
    number, kits = _sent(quick_world)
    with quick_world.core.writing() as db:
        db.exec_driver_sql(f"UPDATE kit SET quality = 'quarantined' WHERE number = '{kits[0]}'")
    quick_world.receive(number, logger=logger)
    held = "pre_quarantined" if logger == "alarm" else "none"
    assert [state[2] for state in _states(quick_world, kits)] == ["quarantined", *[held] * 3]


def test_a_shipment_with_a_kit_that_is_held_does_not_leave(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    kit = made["kits"][0]
    with quick_world.core.writing() as db:
        db.exec_driver_sql(f"UPDATE kit SET quality = 'quarantined' WHERE number = '{kit}'")
    given: Given = {"shipment": made["shipment"], "dispatch_date": TODAY}
    refused = quick_world.refused("wrong_shipment_status", "dispatch_shipment", "Sam", **given)
    assert refused.message.id == "error.shipment_held"
