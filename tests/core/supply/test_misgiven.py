"""Kits that the subject never got, and kits given by mistake: the site says so, Cy approves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.messages import Digits, Message, to_json
from core.transaction import Receipt
from tests.support.world import TODAY, Given, World


def _never_got(world: World, number: str, kit: str, stored: str = "yes") -> Receipt:
    given: Given = {"subject": number, "kit": kit, "storage_confirmed": stored}
    proposed = world.do("never_got_it", "Ada", **given)
    return world.do("approve", "Cy", proposal=str(proposed.facts["proposal"]))


def _wrong_kit(world: World, number: str, kit: str) -> Receipt:
    given: Given = {"subject": number, "kit": kit, "given_date": TODAY}
    proposed = world.do("wrong_kit", "Ada", **given)
    return world.do("approve", "Cy", proposal=str(proposed.facts["proposal"]))


def _stands(world: World, kit: str) -> tuple[Any, ...]:
    row = world.kit(kit)
    return row.disposition, row.quality, row.subject_id, row.visit_id, row.replaced_by


def _shelf(world: World) -> str:
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = '101' "
        "AND disposition = 'available' ORDER BY number LIMIT 1"
    )
    return str(world.one(query))


def test_a_kit_that_was_in_storage_all_the_time_is_available_again(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    receipt = _never_got(world, number, kit)
    assert _stands(world, kit) == ("available", "none", None, None, None)
    assert world.kit(kit).site == "101"
    assert {name: receipt.facts[name] for name in ("before", "after", "visit", "replaced_by")} == {
        "before": "dispensed",
        "after": "available",
        "visit": "V1",
        "replaced_by": None,
    }
    assert receipt.subject == number


def test_a_kit_whose_storage_nobody_confirms_is_put_aside_with_the_returns(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    receipt = _never_got(world, number, kit, "no")
    assert _stands(world, kit)[:2] == ("returned", "quarantined")
    assert world.kit(kit).subject_id == world.subject(number).id
    assert receipt.said.id == "said.taken_back_returned"


@pytest.mark.parametrize("stored", ["yes", "no"])
@pytest.mark.parametrize("replaced", ["before", "after"])
def test_a_kit_is_replaced_before_or_after_it_is_told_never_given_with_the_same_record(
    quick_world: World, stored: str, replaced: str
) -> None:
    world = quick_world
    number = world.randomized()
    (kit,) = world.dispense(number)
    visit = world.kit(kit).visit_id
    swap: Given = {"subject": number, "kit": kit, "reason": "not_given"}
    if replaced == "before":
        (new,) = world.do("replace", "Ada", **swap).facts["kits"]
        receipt = _never_got(world, number, kit, stored)
        assert receipt.facts["replaced_by"] == new
    else:
        _never_got(world, number, kit, stored)
        (new,) = world.do("replace", "Ada", **swap).facts["kits"]
    whose = None if stored == "yes" else world.subject(number).id
    assert _stands(world, kit) == (
        "available" if stored == "yes" else "returned",
        "none" if stored == "yes" else "quarantined",
        whose,
        None if stored == "yes" else visit,
        new,
    )
    assert _stands(world, new) == ("dispensed", "none", world.subject(number).id, visit, None)
    assert world.kit_type(new) == world.kit_type(kit)
    world.refused("kit_not_usable", "replace", "Ada", **swap)  # once
    again: Given = {"subject": number, "kit": kit, "storage_confirmed": "yes"}
    world.refused("kit_not_usable", "never_got_it", "Ada", **again)


def test_of_a_kit_known_not_to_be_given_nothing_else_can_have_happened(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    _never_got(quick_world, number, kit)
    quick_world.wrong("reason", "replace", "Ada", subject=number, kit=kit, reason="lost")


def test_a_kit_back_on_the_shelf_is_anybody_s_and_still_replaced(quick_world: World) -> None:
    """It goes to another subject before the first one has a new one: the link is kept."""
    world = quick_world
    number = world.randomized()
    (kit,) = world.dispense(number)
    _never_got(world, number, kit)
    others = (world.randomized() for _ in range(12))
    other = next(one for one in others if world.arm(one) == world.arm(number))
    with world.core.writing() as db:
        db.exec_driver_sql(
            "UPDATE kit SET quality = 'quarantined' WHERE disposition = 'available' "
            f"AND number <> '{kit}'"
        )
    assert world.dispense(other) == (kit,)
    with world.core.writing() as db:
        db.exec_driver_sql("UPDATE kit SET quality = 'none' WHERE disposition = 'available'")
    swap: Given = {"subject": number, "kit": kit, "reason": "not_given"}
    (new,) = world.do("replace", "Ada", **swap).facts["kits"]
    assert _stands(world, kit) == (
        *("dispensed", "none", world.subject(other).id),
        *(world.kit(kit).visit_id, None),
    )
    assert world.one("SELECT replaced_by FROM not_given") == new


def test_a_kit_that_came_back_from_the_subject_was_given(quick_world: World) -> None:
    world = quick_world
    number = world.randomized()
    (kit,) = world.dispense(number)
    units: Given = {"units_used": "3", "units_unused": "0", "units_missing": "0"}
    world.do("return_kit", "Ada", subject=number, kit=kit, **units)
    given: Given = {"subject": number, "kit": kit, "storage_confirmed": "yes"}
    refused = world.refused("kit_not_usable", "never_got_it", "Ada", **given)
    assert refused.message == Message("error.kit_is_returned", {"kit": Digits(kit)})


def test_a_kit_of_a_lot_that_was_recalled_is_never_available_again(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    with quick_world.core.writing() as db:
        db.exec_driver_sql("UPDATE lot SET status = 'recalled'")
    _never_got(quick_world, number, kit)
    assert _stands(quick_world, kit)[:2] == ("returned", "quarantined")


def test_whoever_approves_is_told_that_the_kit_was_handed_over(quick_world: World) -> None:
    from core.facts import Facts
    from core.supply.misgiven import handed_over

    world = quick_world
    number = world.randomized()
    (kit,) = world.dispense(number)
    answers = {"subject": number, "kit": kit}
    for told in ((), (Message("warn.handed_over", {"kit": Digits(kit)}),)):
        with world.core.reading() as db:
            facts = Facts(db, world.core, actor=world.actor("Cy"), study="combi", site=None,
                          now=world.core.now())  # fmt: skip
            assert handed_over(facts.config, facts, answers) == told
        if not told:
            world.do("hand_over", "Ada", subject=number, carton_1=kit[-4:])


def test_nobody_but_a_monitor_of_the_site_approves(quick_world: World) -> None:
    world = quick_world
    number = world.randomized()
    (kit,) = world.dispense(number)
    given: Given = {"subject": number, "kit": kit, "storage_confirmed": "yes"}
    proposal = str(world.do("never_got_it", "Ivy", **given).facts["proposal"])
    for who in ("Ivy", "Sam", "Mia", "Quinn"):
        code = "same_signer" if who == "Ivy" else "not_allowed"
        world.refused(code, "approve", who, proposal=proposal)
    assert world.kit(kit).disposition == "dispensed"
    world.do("move_subject", "Mia", subject=number, to_site="102")
    stored: Given = {"subject": number, "kit": kit, "storage_confirmed": "yes"}
    told = world.wrong("storage_confirmed", "never_got_it", "Di", **stored)
    assert told.message == Message("error.stored_elsewhere", {"kit": Digits(kit)})


@pytest.mark.parametrize("where", ["shelf", "own", "other"])
def test_a_wrong_kit_is_that_of_the_subject_who_got_it(quick_world: World, where: str) -> None:
    world = quick_world
    got, meant = world.randomized(), world.randomized()
    (own,), (others,) = world.dispense(got), world.dispense(meant)
    kit = {"shelf": _shelf(world), "own": own, "other": others}[where]
    if where == "own":
        given: Given = {"subject": got, "kit": kit, "given_date": TODAY}
        refused = world.refused("kit_not_usable", "wrong_kit", "Ada", **given)
        assert refused.message.id == "error.kit_is_own"
        return
    before = len(world.messages())
    receipt = _wrong_kit(world, got, kit)
    assert _stands(world, kit) == ("misallocated", "none", world.subject(got).id, None, None)
    assert receipt.facts["meant_for"] == (meant if where == "other" else None)
    assert receipt.facts["deviation"] == "wrong_kit"
    assert receipt.facts["before"] == ("dispensed" if where == "other" else "available")
    told = [roles for id_, _, roles in world.messages()[before:] if id_ == "sms.wrong_kit"]
    assert told == ["pharmacist unblinded_pharmacist investigator study_manager"]
    assert world.kit(own).disposition == "dispensed"
    _never_got(world, got, own)
    assert world.kit(own).disposition == "available"


def test_whoever_the_wrong_kit_was_meant_for_is_given_another(quick_world: World) -> None:
    world = quick_world
    got, meant = world.randomized(), world.randomized()
    (kit,) = world.dispense(meant)
    visit = world.kit(kit).visit_id
    _wrong_kit(world, got, kit)
    swap: Given = {"subject": meant, "kit": kit, "reason": "not_given"}
    (new,) = world.do("replace", "Ada", **swap).facts["kits"]
    assert _stands(world, new) == ("dispensed", "none", world.subject(meant).id, visit, None)
    assert _stands(world, kit) == ("misallocated", "none", world.subject(got).id, None, None)


def test_a_kit_given_by_mistake_comes_back_from_who_got_it(quick_world: World) -> None:
    world = quick_world
    number = world.randomized()
    kit = _shelf(world)
    _wrong_kit(world, number, kit)
    units: Given = {"units_used": "3", "units_unused": "0", "units_missing": "0"}
    receipt = world.do("return_kit", "Ada", subject=number, kit=kit, **units)
    assert (receipt.facts["before"], receipt.facts["after"]) == ("misallocated", "returned")
    assert world.kit(kit).disposition == "returned"


def test_both_sign_that_a_wrong_kit_was_given(quick_world: World) -> None:
    world = quick_world
    given: Given = {"subject": world.randomized(), "kit": _shelf(world), "given_date": TODAY}
    world.refused("signature_missing", "wrong_kit", "Ada", signed=False, **given)
    proposed = world.do("wrong_kit", "Ada", **given)
    assert [one["user_id"] for one in world.entry(proposed.sequence)["signatures"]] == ["11"]
    proposal = str(proposed.facts["proposal"])
    world.refused("signature_missing", "approve", "Cy", signed=False, proposal=proposal)
    approved = world.do("approve", "Cy", proposal=proposal)
    assert [one["user_id"] for one in world.entry(approved.sequence)["signatures"]] == ["14"]


def test_the_record_of_a_wrong_kit_says_the_same_whether_its_type_was_right(
    quick_world: World,
) -> None:
    world = quick_world
    number = world.randomized()
    told = set()
    for kind in ("A", "B"):
        rows = world.rows(
            "SELECT number FROM kit WHERE study = :study AND site = '101' "
            "AND disposition = 'available' ORDER BY number"
        )
        kit = next(row.number for row in rows if world.kit_type(row.number) == kind)
        receipt = _wrong_kit(world, number, kit)
        facts = {**receipt.facts, "kit": "", "proposal": ""}
        said = json.dumps(to_json(receipt.said)).replace(kit, "")
        told.add((json.dumps(facts, default=str), said))
        assert world.secrets(receipt.sequence)[f"kit_type_{kit}"][1] == kind
    assert len(told) == 1


def test_a_wrong_kit_is_recorded_of_somebody_who_should_get_none_too(quick_world: World) -> None:
    world = quick_world
    number, kit = world.screen(), _shelf(world)
    receipt = _wrong_kit(world, number, kit)
    assert receipt.subject == number
    assert world.kit(kit).disposition == "misallocated"
