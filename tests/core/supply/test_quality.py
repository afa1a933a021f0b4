"""Quality holds: who puts kits aside, who judges, releases and rejects them, and what is kept."""

from __future__ import annotations

import pytest

from core.messages import Digits, Message
from tests.support.world import Given, World

Kits = list[str]
_SHELF = (
    "SELECT number FROM kit WHERE study = :study AND site = :n AND disposition = 'available' "
    "AND quality = 'none' ORDER BY number"
)
BASIS: Given = {"basis": "Stable for 72 hours at 25 C", "budget_minutes": "90"}


def shelf(world: World, site: str = "101") -> Kits:
    return [row.number for row in world.rows(_SHELF, n=site)]


def _quality(world: World, kits: Kits) -> set[str]:
    return {world.kit(kit).quality for kit in kits}


def test_a_site_puts_kits_aside_and_quality_hears_of_it(world: World) -> None:
    kits, before = shelf(world)[:2], len(world.messages())
    given: Given = {"chosen_by": "kits", "kits": ",".join(kits), "event": "excursion"}
    receipt = world.do("quarantine_kits", "Ada", **given)
    assert receipt.said == Message("said.quarantined", {"count": 2})
    assert _quality(world, kits) == {"quarantined"}
    assert world.last_entry()["facts"] == {
        "chosen_by": "kits",
        "chosen_from": None,
        "kits": kits,
        "count": 2,
        "event": "excursion",
    }
    assert ("sms.quarantined", None, "quality supply_manager") in world.messages()[before:]


def test_a_kit_put_aside_is_not_given(quick_world: World) -> None:
    number = quick_world.randomized()
    kits = shelf(quick_world)
    given: Given = {"chosen_by": "kits", "kits": ",".join(kits), "event": "doubt"}
    quick_world.do("quarantine_kits", "Ada", **given)
    quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")


def test_one_doubtful_kit_is_put_aside_by_report(world: World) -> None:
    kit = shelf(world)[0]
    receipt = world.do("report_stock", "Ada", kit=kit, condition="doubtful")
    assert receipt.facts == {"kit": kit, "before": "available", "after": "quarantined"}
    assert (world.kit(kit).disposition, world.kit(kit).quality) == ("available", "quarantined")


def test_of_a_shipment_those_kits_are_put_aside_that_are_on_the_shelf(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="2").facts
    day = quick_world.core.now().date().isoformat()
    quick_world.do("dispatch_shipment", "Sam", shipment=str(made["shipment"]), dispatch_date=day)
    quick_world.receive(str(made["shipment"]), damaged=made["kits"][0])
    given: Given = {"chosen_by": "shipment", "shipment": made["shipment"], "event": "excursion"}
    receipt = quick_world.do("quarantine_kits", "Ada", **given)
    assert receipt.facts["kits"] == made["kits"][1:]
    assert receipt.facts["chosen_from"] == made["shipment"]


def test_a_site_names_no_lot(quick_world: World) -> None:
    given: Given = {"chosen_by": "lot", "lot": "5001", "event": "recall"}
    quick_world.wrong("chosen_by", "quarantine_kits", "Ada", **given)


@pytest.mark.parametrize("who", ["Sam", "Quinn"])
def test_the_kits_of_a_lot_are_put_aside_wherever_they_are_and_stay_sealed(
    world: World, who: str
) -> None:
    before = len(world.messages())
    given: Given = {"chosen_by": "lot", "lot": "5001", "event": "recall"}
    receipt = world.do("quarantine_stock", who, **given)
    facts = world.last_entry()["facts"]
    assert (facts["kits"], facts["chosen_from"]) == ([], "5001")
    _, sealed = world.secrets(receipt.sequence)["kits"]
    numbers = sealed.split()
    assert len(numbers) == facts["count"] == 24  # those of the depot and of both sites
    assert {world.kit_type(kit) for kit in numbers} == {"A"}
    assert _quality(world, numbers) == {"quarantined"}
    told = [id_ for id_, _, _ in world.messages()[before:]]
    assert told == ["sms.quarantined", "sms.put_aside", "sms.put_aside"]


def _held(world: World) -> str:
    number = world.ship(2, receive=None)
    world.receive(number, logger="alarm")
    return number


def test_quality_clears_what_an_alarm_held_with_the_minutes_on_record(world: World) -> None:
    number = _held(world)
    given: Given = {"chosen_by": "shipment", "shipment": number, "minutes": "45"}
    world.refused("signature_missing", "judge_excursion", "Quinn", signed=False,
                  **given, verdict="clear")  # fmt: skip
    world.refused("not_allowed", "judge_excursion", "Sam", **given, verdict="clear")
    receipt = world.do("judge_excursion", "Quinn", **given, verdict="clear")
    assert (receipt.facts["minutes"], receipt.facts["verdict"]) == (45, "clear")
    assert _quality(world, receipt.facts["kits"]) == {"none"}
    assert receipt.said == Message("said.cleared", {"count": 4})
    refused = world.refused("kit_not_usable", "judge_excursion", "Quinn", **given, verdict="clear")
    assert refused.message.id == "error.no_kit_of_it"


def test_a_harmful_excursion_leads_to_quarantine_and_out_of_it_by_release_or_rejection(
    world: World,
) -> None:
    number = _held(world)
    given: Given = {"chosen_by": "shipment", "shipment": number}
    judged = world.do("judge_excursion", "Quinn", **given, minutes="600", verdict="confirm")
    first, second, *rest = judged.facts["kits"]
    assert _quality(world, [first, second, *rest]) == {"quarantined"}
    world.do("release_kits", "Quinn", chosen_by="kits", kits=first, **BASIS)
    facts = world.last_entry()["facts"]
    assert (facts["basis"], facts["budget_minutes"]) == (BASIS["basis"], 90)
    world.do("reject_kits", "Quinn", chosen_by="kits", kits=second, **BASIS)
    states = [world.kit(kit).quality for kit in (first, second, *rest)]
    assert states == ["none", "rejected", *["quarantined"] * len(rest)]
    again: Given = {"chosen_by": "kits", "kits": f"{rest[0]},{second}", **BASIS}
    refused = world.refused("kit_not_usable", "release_kits", "Quinn", **again)
    assert refused.message == Message("error.kit_is_rejected", {"kit": Digits(second)})
    assert world.kit(rest[0]).quality == "quarantined"


def test_no_kit_named_is_a_wrong_answer(quick_world: World) -> None:
    given: Given = {"chosen_by": "kits", "kits": "", "event": "doubt"}
    wrong = quick_world.wrong("kits", "quarantine_kits", "Ada", **given)
    assert wrong.message.id == "error.no_kits"


def test_a_missing_kit_that_is_found_goes_to_quarantine_never_to_the_shelf(world: World) -> None:
    kit = shelf(world)[0]
    given: Given = {"kit": kit}
    refused = world.refused("kit_not_usable", "kit_found", "Sam", **given)
    assert refused.message.id == "error.kit_is_available"
    world.do("report_stock", "Ada", kit=kit, condition="missing")
    receipt = world.do("kit_found", "Sam", **given)
    assert receipt.facts == {"kit": kit, "before": "missing", "after": "quarantined"}
    assert (world.kit(kit).disposition, world.kit(kit).quality) == ("available", "quarantined")
