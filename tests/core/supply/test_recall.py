"""A recall: from that moment nothing of the lot is shipped, given, handed over or cleared."""

from __future__ import annotations

import json

import pytest

from core.messages import Digits, Message
from tests.support.world import TODAY, Given, World

WHY: Given = {"reason": "Glass in a bottle"}


def _kits(world: World, lot: str, where: str = "") -> list[str]:
    query = (
        "SELECT kit.number FROM kit JOIN lot ON lot.id = kit.lot_id "
        f"WHERE kit.study = :study AND lot.number = :n {where} ORDER BY kit.number"
    )
    return [row.number for row in world.rows(query, n=lot)]


def _lot_of(world: World, kit: str) -> str:
    query = "SELECT lot.number FROM kit JOIN lot ON lot.id = kit.lot_id WHERE kit.number = :k"
    return str(world.one(f"{query} AND kit.study = :study", k=kit))


def _quality(world: World, kits: list[str]) -> set[str]:
    return {world.kit(kit).quality for kit in kits}


@pytest.mark.req("R25")
def test_kits_are_put_aside_wherever_they_are(world: World) -> None:
    """At the depot, reserved, on their way and at the sites; a rejected one stays rejected."""
    world.do("create_shipment", "Sam", to_site="102", kits_each="1")
    world.ship(1, receive=None)
    on_shelf = _kits(world, "5001", "AND kit.site = '101' AND kit.custody = 'at_rest'")
    named: Given = {"chosen_by": "kits", "kits": on_shelf[0]}
    world.do("quarantine_stock", "Sam", **named, event="doubt")
    world.do("reject_kits", "Quinn", **named, basis="Cracked", budget_minutes="0")
    done = world.do("recall_lot", "Quinn", lot="5001", **WHY)
    kits = [kit for kit in _kits(world, "5001") if kit != on_shelf[0]]
    assert _quality(world, kits) == {"quarantined"}
    assert world.kit(on_shelf[0]).quality == "rejected"
    assert _quality(world, _kits(world, "5002")) == {"none"}
    assert done.facts["count"] == len(kits) == 23
    assert (
        world.one("SELECT status FROM lot WHERE study = :study AND number = '5001'") == "recalled"
    )


def test_what_was_on_its_way_arrives_in_quarantine_and_is_told(quick_world: World) -> None:
    number = quick_world.ship(1, receive=None)
    quick_world.do("recall_lot", "Quinn", lot="5001", **WHY)
    done = quick_world.receive(number)
    (kit,) = done.facts["put_aside"]
    assert done.notes == (Message("note.put_aside", {"count": 1, "kits": (Digits(kit),)}),)
    assert _lot_of(quick_world, kit) == "5001"
    assert quick_world.kit(kit).quality == "quarantined"


def test_nothing_of_the_lot_is_shipped_or_given(quick_world: World) -> None:
    reserved = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts[
        "shipment"
    ]
    quick_world.do("recall_lot", "Quinn", lot="5001", **WHY)
    given: Given = {"to_site": "101", "kits_each": "1"}
    quick_world.refused("no_kit_available", "create_shipment", "Sam", **given)
    told = quick_world.refused(
        *("wrong_shipment_status", "dispatch_shipment", "Sam"),
        shipment=reserved,
        dispatch_date=TODAY,
    )
    assert told.message.id == "error.shipment_held"
    quick_world.refused("lot_not_usable", "release_lot", "Sam", lot="5001", certificate="9")
    extend: Given = {"lot": "5001", "new_expiry": "2029-06-30", "basis": "Report"}
    told = quick_world.refused("lot_not_usable", "extend_lot", "Sam", **extend)
    assert told.message == Message("error.lot_recalled", {"lot": Digits("5001")})
    quick_world.refused("lot_not_usable", "recall_lot", "Quinn", lot="5001", **WHY)


def test_a_subject_whose_kits_are_recalled_gets_none_of_them(quick_world: World) -> None:
    number = quick_world.randomized()
    lot = "5001" if quick_world.arm(number) == "active" else "5002"
    quick_world.do("recall_lot", "Quinn", lot=lot, **WHY)
    quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")


def test_a_kit_assigned_and_not_yet_in_the_subjects_hands_is_not_handed_over(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    quick_world.do("recall_lot", "Quinn", lot=_lot_of(quick_world, kit), **WHY)
    told = quick_world.refused(
        *("kit_not_usable", "hand_over", "Ada"), subject=number, carton_1=kit[-4:]
    )
    assert told.message == Message("error.kit_recalled", {"kit": Digits(kit)})
    assert quick_world.kit(kit).confirmed_at is None


def test_a_recalled_kit_never_leaves_quarantine_for_the_shelf(quick_world: World) -> None:
    kit = _kits(quick_world, "5001", "AND kit.site = '101'")[0]
    quick_world.do("recall_lot", "Quinn", lot="5001", **WHY)
    given: Given = {"chosen_by": "kits", "kits": kit, "basis": "None", "budget_minutes": "0"}
    assert quick_world.refused(
        "kit_not_usable", "release_kits", "Quinn", **given
    ).message == Message("error.kit_recalled", {"kit": Digits(kit)})
    quick_world.do("reject_kits", "Quinn", **given)
    assert quick_world.kit(kit).quality == "rejected"


def test_sites_hear_whose_kits_to_take_back_and_no_type(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    lot = _lot_of(world, kit)
    before = len(world.messages())
    done = world.do("recall_lot", "Quinn", lot=lot, **WHY)
    rows = world.rows("SELECT message, site, roles FROM outbox ORDER BY id")[before:]
    told = {(json.loads(row.message)["message"], row.site) for row in rows}
    assert told == {
        *(("sms.put_aside", "101"), ("sms.put_aside", "102")),
        ("sms.recall_subjects", "101"),
        *(("sms.lot_recalled_at", "101"), ("sms.lot_recalled_at", "102")),
        ("sms.lot_recalled", None),
    }
    (named,) = [row for row in rows if "recall_subjects" in row.message]
    assert number in named.message
    for row in rows:
        assert kit not in row.message
        if row.site is not None:
            assert lot not in row.message
    facts = world.entry(done.sequence)["facts"]
    assert (facts["count"], facts["with_subjects"]) == (23, 1)
    assert number not in json.dumps(facts)
    assert kit not in json.dumps(facts)
    assert world.secrets(done.sequence)["subjects"][1] == f"{number}:{kit}"


def test_many_subjects_are_named_in_several_messages(quick_world: World) -> None:
    numbers = [quick_world.randomized() for _ in range(9)]
    active = [one for one in numbers if quick_world.arm(one) == "active"]
    for number in active:
        quick_world.dispense(number)
    quick_world.do("recall_lot", "Quinn", lot="5001", **WHY)
    rows = quick_world.rows("SELECT message FROM outbox WHERE message LIKE '%recall_subjects%'")
    assert len(active) == 6
    assert len(rows) == 2
    assert all(any(number in row.message for row in rows) for number in active)


def test_only_quality_recalls_and_signs_it(quick_world: World) -> None:
    quick_world.refused("not_allowed", "recall_lot", "Sam", lot="5001", **WHY)
    quick_world.refused(
        *("signature_missing", "recall_lot", "Quinn"), signed=False, lot="5001", **WHY
    )
