"""A site at its end: what is open is derived, the monitor signs, closing without that is told."""

from __future__ import annotations

from typing import Any

from core.interview import Complete, advance
from core.messages import Digits, Message
from core.records.close_out import open_points
from core.records.reviews import last_review
from core.register import find
from tests.support.world import TODAY, Given, World

SETTLED: Given = {"records_filed": "yes", "drug_settled": "yes", "cards_collected": "yes"}
REMARKS = "Left to the site until May"


def _open(world: World, site: str = "101") -> dict[str, int]:
    with world.core.reading() as db:
        return open_points(db, world.study, site)


def _warned(world: World, name: str, who: str, **given: str) -> list[Message]:
    with world.core.reading() as db:
        found = advance(world.core, db, find(name), world.actor(who), world.study, None, given)
    assert isinstance(found, Complete)
    return list(found.warnings)


def test_what_is_open_at_a_site_is_counted_from_the_record(world: World) -> None:
    kits = _open(world)["kits"]
    assert _open(world) == {"kits": kits}
    number = world.randomized()
    world.dispense(number)
    world.ship(1, receive=None)
    right: Given = {"which_factor": "sex", "right_level": "M", "reason": "entry"}
    world.do("correct_levels", "Ada", subject=number, **right)
    world.do("code_break", "Ivy", subject=number, reason="medical_emergency")
    assert _open(world) == {
        "subjects": 1,
        "kits": kits + 2,
        "hand_overs": 1,
        "shipments": 1,
        "proposals": 1,
        "code_breaks": 1,
    }
    assert "subjects" not in _open(world, "102")


def test_a_code_break_that_was_assessed_and_a_subject_who_ended_are_not_open(
    quick_world: World,
) -> None:
    world = quick_world
    number = world.randomized()
    broken = world.do("code_break", "Ivy", subject=number, reason="other", details="Relative")
    world.do("end", "Ada", subject=number, what_ended="lost", end_date=TODAY)
    given: Given = {"code_break": broken.confirmation, "assessment": "No effect on endpoints"}
    world.do("assess_break", "Cy", **given)
    assert set(_open(world)) == {"kits"}


def test_the_monitor_signs_the_checklist_and_says_what_becomes_of_open_points(
    quick_world: World,
) -> None:
    world = quick_world
    kits = _open(world)["kits"]
    world.wrong("remarks", "close_out_site", "Cy", to_site="101", **SETTLED)
    given: Given = {"to_site": "101", **SETTLED, "remarks": REMARKS}
    assert _warned(world, "close_out_site", "Cy", **given) == [
        Message("warn.open_kits", {"count": kits})
    ]
    world.refused("signature_missing", "close_out_site", "Cy", signed=False, **given)
    for who in ("Ada", "Mia", "Sam"):
        world.refused("not_allowed", "close_out_site", who, None, **given)
    facts = world.do("close_out_site", "Cy", **given).facts
    assert facts == {
        "site": "101",
        "open": {"kits": kits},
        "records_filed": True,
        "drug_settled": True,
        "cards_collected": True,
        "remarks": REMARKS,
    }
    with world.core.reading() as db:
        row: Any = last_review(db, "combi", "close_out", "101")
    assert (row.by, row.upto, row.sequence) == ("14", row.sequence - 1, row.sequence)


def test_where_nothing_is_open_no_remark_is_asked(quick_world: World) -> None:
    here = quick_world.of("solo")
    given: Given = {"to_site": "101", "records_filed": "yes"}
    assert _warned(here, "close_out_site", "Cy", **given) == [Message("warn.nothing_open")]
    assert here.do("close_out_site", "Cy", **given).facts["remarks"] is None
    unfiled = {**given, "records_filed": "no"}
    here.wrong("remarks", "close_out_site", "Cy", **unfiled)


def test_closing_a_site_without_the_checklist_is_warned_of_and_never_refused(
    quick_world: World,
) -> None:
    world = quick_world
    closing: Given = {"to_site": "101", "approval_date": TODAY}
    warned = Message("warn.no_close_out", {"site": Digits("101")})
    assert _warned(world, "close_site", "Mia", **closing) == [warned]
    world.do("close_out_site", "Cy", to_site="101", **SETTLED, remarks=REMARKS)
    assert _warned(world, "close_site", "Mia", **closing) == []
    elsewhere = {**closing, "to_site": "102"}
    assert _warned(world, "close_site", "Mia", **elsewhere) != []
    assert world.do("close_site", "Mia", **elsewhere).facts["after"] == "closed"


def test_a_monitor_closes_out_no_site_of_others(quick_world: World) -> None:
    given: Given = {"to_site": "103", **SETTLED, "remarks": REMARKS}
    wrong = quick_world.wrong("to_site", "close_out_site", "Cy", **given)
    assert wrong.message.id == "error.site_unknown"
