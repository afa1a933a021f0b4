"""Drug that comes back: counted at the site, verified by the monitor."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.interview import Complete, advance
from core.messages import Digits, Message
from core.register import find
from core.study.problems import StudyFileErrors
from core.study.read import load
from tests.support.studies import COMBI
from tests.support.world import Given, World

UNITS: Given = {"units_used": "20", "units_unused": "8", "units_missing": "2"}


def _given(world: World) -> tuple[str, str]:
    number = world.randomized()
    (kit,) = world.dispense(number)
    return number, kit


def _return(world: World) -> tuple[str, str]:
    number, kit = _given(world)
    world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    return number, kit


def test_a_subject_returns_a_kit_with_its_units_counted(world: World) -> None:
    number, kit = _given(world)
    receipt = world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    assert receipt.facts == {
        "kit": kit,
        "before": "dispensed",
        "after": "returned",
        "units_used": 20,
        "units_unused": 8,
        "units_missing": 2,
        "units_expected": None,
    }
    row = world.kit(kit)
    assert (row.disposition, row.units_used, row.units_unused, row.units_missing) == (
        *("returned", 20, 8, 2),
    )
    refused = world.refused("kit_not_usable", "return_kit", "Ada",
                            subject=number, kit=kit, **UNITS)  # fmt: skip
    assert refused.message == Message("error.nothing_to_return", {"subject": Digits(number)})


def test_a_kit_of_another_subject_is_not_returned(quick_world: World) -> None:
    _, kit = _given(quick_world)
    other, _ = _given(quick_world)
    refused = quick_world.refused("kit_not_usable", "return_kit", "Ada",
                                  subject=other, kit=kit, **UNITS)  # fmt: skip
    assert refused.message.id == "error.kit_not_of_subject"


def test_a_return_of_nothing_at_all_is_a_wrong_answer(quick_world: World) -> None:
    number, kit = _given(quick_world)
    none: Given = dict.fromkeys(UNITS, "0")
    quick_world.wrong("units_missing", "return_kit", "Ada", subject=number, kit=kit, **none)


@pytest.mark.parametrize(("missing", "warned"), [("2", False), ("1", True), ("3", True)])
def test_units_that_do_not_make_up_a_full_kit_are_warned_of(
    quick_world: World, missing: str, warned: bool
) -> None:
    packed = COMBI.replace('group = "Capsules"', 'group = "Capsules"\npack_size = 30')
    quick_world.do("publish", "Mia", file=packed)
    day = quick_world.core.now().date().isoformat()
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=day)
    number, kit = _given(quick_world)
    given = {"subject": number, "kit": kit, **UNITS, "units_missing": missing}
    with quick_world.core.reading() as db:
        found = advance(
            quick_world.core,
            db,
            find("return_kit"),
            quick_world.actor("Ada"),
            "combi",
            "101",
            given,
        )
    assert isinstance(found, Complete)
    assert [one.id for one in found.warnings] == ["warn.units"] * warned
    receipt = quick_world.do("return_kit", "Ada", **given)
    assert receipt.facts["units_expected"] == 30


def test_kits_that_look_alike_hold_as_many_units_under_double_blind() -> None:
    one = COMBI.replace('group = "Capsules"', 'group = "Capsules"\npack_size = 30', 1)
    with pytest.raises(StudyFileErrors) as caught:
        load(one)
    assert [each.message.id for each in caught.value.problems] == ["study.pack_size_unblinds"]


def test_the_monitor_verifies_what_was_returned_and_how_it_differs(world: World) -> None:
    _, kit = _return(world)
    given: Given = {"kits": kit, "agrees": "no", "discrepancy": "One unit more than told"}
    world.refused("not_allowed", "verify_kits", "Ada", **given)
    world.refused("signature_missing", "verify_kits", "Cy", signed=False, **given)
    receipt = world.do("verify_kits", "Cy", **given)
    assert receipt.facts == {
        "kits": [kit],
        "count": 1,
        "units_used": 20,
        "units_unused": 8,
        "units_missing": 2,
        "discrepancy": "One unit more than told",
    }
    assert world.kit(kit).disposition == "verified"


def test_damaged_rejected_and_expired_kits_are_verified_too_but_none_on_the_shelf(
    quick_world: World,
) -> None:
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' ORDER BY number"
    damaged, rejected, well, *_ = [row.number for row in quick_world.rows(query)]
    quick_world.do("report_stock", "Ada", kit=damaged, condition="damaged")
    quick_world.do("report_stock", "Ada", kit=rejected, condition="doubtful")
    basis: Given = {"basis": "Seal open", "budget_minutes": "0"}
    quick_world.do("reject_kits", "Quinn", chosen_by="kits", kits=rejected, **basis)
    apart = f"{damaged},{rejected}"
    refused = quick_world.refused(
        "kit_not_usable", "verify_kits", "Cy", kits=f"{apart},{well}", agrees="yes"
    )
    assert refused.message == Message("error.kit_is_available", {"kit": Digits(well)})
    quick_world.do("verify_kits", "Cy", kits=apart, agrees="yes")
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE lot SET expiry = '2026-11-19'"))
    quick_world.do("verify_kits", "Cy", kits=well, agrees="yes")
    kits = (damaged, rejected, well)
    assert {quick_world.kit(kit).disposition for kit in kits} == {"verified"}


def test_a_monitor_verifies_nothing_at_another_site(quick_world: World) -> None:
    kit = quick_world.one("SELECT number FROM kit WHERE site = '102' ORDER BY number LIMIT 1")
    quick_world.do("report_stock", "Di", kit=kit, condition="damaged")
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE grant_role SET site = '101' WHERE user_id = '14'"))
    wrong = quick_world.wrong("kits", "verify_kits", "Cy", kits=kit, agrees="yes")
    assert wrong.message.id == "error.kit_unknown"


def test_a_kit_lost_with_the_subject_is_found_by_nobody(quick_world: World) -> None:
    number, kit = _given(quick_world)
    quick_world.do("replace", "Ada", subject=number, kit=kit, reason="lost")
    refused = quick_world.refused("kit_not_usable", "verify_kits", "Cy", kits=kit, agrees="yes")
    assert refused.message.id == "error.kit_is_lost"
