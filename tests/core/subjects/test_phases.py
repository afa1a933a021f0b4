"""Phases: a run-in, and the ways on after randomization, entered without telling an arm."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from core.ledger.verify import verify
from core.listing import Listing
from core.treatment import treatment_of
from tests.support.stories import decide, dosed, phase_arm, run_in, set_up
from tests.support.studies import DOSED, SOLO
from tests.support.world import TODAY, Given, World

HOLD: Given = {
    "hold_scope": "study",
    "hold_screening": "no",
    "hold_randomization": "yes",
    "hold_dispensing": "no",
    "hold_reason": "Three liver events",
}
YES: Given = {"consent": "yes", "eligible": "yes"}


@pytest.fixture
def here(quick_world: World) -> World:
    made = set_up(quick_world)
    decide(made, "open")
    return made


def _planned(world: World, number: str) -> list[str]:
    with world.core.reading() as db:
        rows = Listing(world.core, db, world.actor("Ada"), world.study).list_visits(number)
    return [row.visit for row in rows if row.status == "planned"]


def _enter(world: World, number: str, phase: str) -> None:
    world.do("enter_phase", "Ada", subject=number, phase=phase)


def _on(world: World, arm: str) -> str:
    """A subject randomized to this arm."""
    found = (dosed(world) for _ in range(4))
    return next(number for number in found if world.arm(number) == arm)


def test_nobody_is_randomized_who_has_not_been_in_the_run_in(here: World) -> None:
    number = here.screen()
    refused = here.refused("phase_not_expected", "randomize", "Ivy", subject=number, **YES)
    assert refused.message.id == "error.run_in_first"
    here.refused("not_randomized", "dispense", "Ada", subject=number, visit="R1")


def test_the_run_in_has_visits_and_kits_of_its_own_the_same_for_all(here: World) -> None:
    number = here.screen()
    here.days_later(2)
    _enter(here, number, "RI")
    assert _planned(here, number) == ["R1", "R2"]
    (kit,) = here.dispense(number, "R1")
    assert here.kit_type(kit) == "P"
    row = here.subject(number)
    assert (row.phase, str(row.phase_on), row.phase_arm) == ("RI", "2026-11-22", None)
    here.refused("phase_not_expected", "enter_phase", "Ada", subject=number, phase="RI")


def test_randomization_ends_the_run_in_and_its_visits_are_no_longer_expected(here: World) -> None:
    number = run_in(here)
    dosed(here, number)
    row = here.subject(number)
    assert (row.phase, row.phase_on, row.phase_arm) == (None, None, None)
    assert _planned(here, number) == ["D1", "D2"]


def test_a_later_phase_changes_arm_visits_and_kits(here: World) -> None:
    number = _on(here, "low")
    here.dispense(number, "D1")
    here.days_later(10)
    _enter(here, number, "EXT")
    assert phase_arm(here, number) == "high"
    assert here.arm(number) == "low"
    assert _planned(here, number) == ["E1"]
    (kit,) = here.dispense(number, "E1")
    assert here.kit_type(kit) == "B"


def test_visits_count_from_the_day_of_entering(here: World) -> None:
    number = dosed(here)
    here.days_later(100)
    _enter(here, number, "OLE")
    here.dispense(number, "O1")
    with here.core.reading() as db:
        *_, coming = Listing(here.core, db, here.actor("Ada"), "dosed").list_visits(number)
    assert coming.due == dt.date(2026, 11, 20) + dt.timedelta(days=107)
    here.days_later(7)
    receipt = here.do("dispense", "Ada", subject=number, visit="O2")
    assert receipt.facts["deviation_days"] == 0
    assert [here.kit_type(kit) for kit in receipt.facts["kits"]] == ["B", "B"]


def test_phases_go_onwards_in_the_order_of_the_file(here: World) -> None:
    number = dosed(here)
    wrong = here.wrong("phase", "enter_phase", "Ada", subject=number, phase="RI")
    assert wrong.message.params == {"values": "EXT, OLE, ROLL"}
    _enter(here, number, "OLE")
    wrong = here.wrong("phase", "enter_phase", "Ada", subject=number, phase="EXT")
    assert wrong.message.params == {"values": "ROLL"}
    _enter(here, number, "ROLL")
    here.refused("phase_not_expected", "enter_phase", "Ada", subject=number, phase="ROLL")


def test_the_second_randomization_is_a_draw_of_its_own(here: World) -> None:
    number = dosed(here)
    _enter(here, number, "ROLL")
    draws = here.rows("SELECT domain, stage FROM draw ORDER BY stage")
    assert [tuple(row) for row in draws] == [("v1|cohort=1", ""), ("v1|ROLL:all", "ROLL")]
    secret = here.secrets(here.last_entry()["sequence"])
    assert secret["arm"][1] == phase_arm(here, number) in ("low", "high")
    (kit,) = here.dispense(number, "X1")
    assert here.kit_type(kit) == {"low": "A", "high": "B"}[phase_arm(here, number)]


def test_nobody_is_drawn_again_where_an_arm_of_the_phase_lacks_kits(here: World) -> None:
    number = dosed(here)
    kits = here.rows("SELECT number FROM kit WHERE study = :study AND site = '101'")
    for one in kits:
        if here.kit_type(one.number) == "B":
            here.do("report_stock", "Ada", kit=one.number, condition="damaged")
    here.refused("no_kit_available", "enter_phase", "Ada", subject=number, phase="ROLL")
    assert here.one("SELECT count(*) FROM draw WHERE stage = 'ROLL'") == 0
    _enter(here, number, "EXT")


def test_a_hold_on_randomization_stops_the_second_one_only(here: World) -> None:
    number = dosed(here)
    here.do("place_hold", "Mia", **HOLD)
    here.refused("on_hold", "enter_phase", "Ada", subject=number, phase="ROLL")
    _enter(here, number, "EXT")


def test_the_ledger_tells_phase_and_day_and_keeps_the_arm_sealed(here: World) -> None:
    number = _on(here, "placebo")
    _enter(here, number, "EXT")
    entry = here.last_entry()
    assert entry["facts"] == {"phase": "EXT", "entered_on": TODAY, "levels": None}
    assert here.secrets(entry["sequence"])["arm"][1] == "low"
    (kept,) = here.rows("SELECT * FROM assignment WHERE phase = 'EXT'")
    assert bytes(kept.arm) == bytes(here.subject(number).phase_arm)
    assert str(kept.entered_on) == TODAY


def test_the_arm_of_a_phase_opens_as_nothing_else(here: World) -> None:
    first, second = dosed(here), dosed(here)
    for number in (first, second):
        _enter(here, number, "EXT")
    tokens = {bytes(here.subject(number).phase_arm) for number in (first, second)}
    assert len(tokens) == 2
    assert all(len(token) == len(bytes(here.subject(first).arm)) for token in tokens)


def test_who_stopped_treatment_enters_nothing(here: World) -> None:
    number = dosed(here)
    here.do("end", "Ada", subject=number, what_ended="discontinued", end_date=TODAY)
    here.refused("wrong_subject_status", "enter_phase", "Ada", subject=number, phase="EXT")


def test_a_paused_site_goes_on_with_those_it_has_but_draws_nobody(here: World) -> None:
    number, other = dosed(here), here.screen()
    here.do("pause_site", "Mia", to_site="101", approval_date=TODAY)
    here.refused("site_not_active", "enter_phase", "Ada", subject=other, phase="RI")
    here.refused("site_not_active", "enter_phase", "Ada", subject=number, phase="ROLL")
    _enter(here, number, "EXT")


def test_the_monitor_and_the_office_enter_nobody(here: World) -> None:
    here.refused("not_allowed", "enter_phase", "Cy", "101", subject=dosed(here), phase="EXT")


def _told(world: World, receipt_id: int) -> str | None:
    with world.core.reading() as db:
        found = treatment_of(world.core, db, receipt_id, "11")
    return found.text("en") if found else None


def test_an_open_label_treatment_is_told_where_it_says_nothing_of_the_arm_before(
    here: World,
) -> None:
    number = dosed(here)
    blind = here.do("enter_phase", "Ada", subject=number, phase="EXT")
    opened = here.do("enter_phase", "Ada", subject=number, phase="OLE")
    rolled = here.do("enter_phase", "Ada", subject=number, phase="ROLL")
    told = [_told(here, one.id) for one in (blind, opened, rolled)]
    assert told == [None, "High dose", None]


def test_an_open_label_arm_that_follows_from_the_one_before_is_not_told(
    quick_world: World,
) -> None:
    source = DOSED.replace(
        'arms = { "*" = "high" }', 'arms = { low = "low", high = "high", placebo = "high" }'
    )
    here = set_up(quick_world, source)
    decide(here, "open")
    receipt = here.do("enter_phase", "Ada", subject=dosed(here), phase="OLE")
    assert _told(here, receipt.id) is None


CROSS = (
    SOLO.replace('"solo"', '"cross"')
    .replace("402", "406")
    .replace("Study solo", "Study cross")
    .replace('method = "permuted_block"\nblock_sizes = [3, 6]', 'method = "crossover"')
    .replace("ratio = 2", "ratio = 1")
    + """
[screening]

[unscheduled]
kits = { active = ["A"], placebo = ["B"] }

[[kit_types]]
code = "A"
description = "Active"
group = "Capsules"

[[kit_types]]
code = "B"
description = "Placebo"
group = "Capsules"

[[depots]]
code = "900"
name = "Depot"

[[visits]]
code = "P1"
name = { en = "Period 1" }
day = 0
after = 3
period = 1
kits = { active = ["A"], placebo = ["B"] }

[[visits]]
code = "P2"
name = { en = "Period 2" }
day = 28
after = 3
period = 2
kits = { active = ["A"], placebo = ["B"] }
"""
)


def test_a_crossover_gives_each_period_its_arm_also_between_visits(quick_world: World) -> None:
    here = set_up(quick_world, CROSS)
    number = here.screen()
    here.do("randomize", "Ivy", subject=number, sex="F", **YES)
    first, second = "AB" if here.arm(number) == "active.placebo" else "BA"

    def unscheduled() -> str:
        (kit,) = here.do("unscheduled", "Ada", subject=number).facts["kits"]
        return here.kit_type(kit)

    assert unscheduled() == first
    assert here.kit_type(here.dispense(number, "P1")[0]) == first
    assert unscheduled() == first
    here.days_later(28)
    (kit,) = here.dispense(number, "P2")
    assert here.kit_type(kit) == unscheduled() == second
    replaced = here.do("replace", "Ada", subject=number, kit=kit, reason="lost")
    assert here.kit_type(replaced.facts["kits"][0]) == second


def _lived(world: World) -> tuple[World, list[str]]:
    numbers = [dosed(world) for _ in range(3)]
    for number, phase in zip(numbers, ("EXT", "EXT", "ROLL"), strict=True):
        _enter(world, number, phase)
    assert verify(world.core, "dosed").ok
    return world, numbers


SWAP = (
    "UPDATE subject SET phase_arm = (SELECT o.phase_arm FROM subject o WHERE o.phase = "
    "subject.phase AND o.id <> subject.id) WHERE phase = 'EXT'"
)
TAMPERED = [
    (SWAP, "does not open"),
    ("UPDATE subject SET phase = NULL, phase_arm = NULL WHERE phase = 'ROLL'", "another phase"),
    ("UPDATE assignment SET entered_on = '2026-11-19' WHERE phase = 'EXT'", "record of the phase"),
    ("UPDATE assignment SET arm = NULL WHERE phase = 'ROLL'", "record of the phase"),
    ("DELETE FROM assignment WHERE phase = 'RI'", "record of the phase"),
    ("DELETE FROM draw WHERE stage = 'ROLL'", "not bound"),
]


@pytest.mark.parametrize(("statement", "why"), TAMPERED)
def test_a_phase_altered_in_the_database_is_found(here: World, statement: str, why: str) -> None:
    world, _ = _lived(here)
    with world.core.writing() as db:
        db.execute(text(statement))
    report = verify(world.core, "dosed")
    told = " ".join([*report.problems, report.first_wrong.why if report.first_wrong else ""])
    assert not report.ok
    assert why in told
