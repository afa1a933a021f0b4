"""What corrections, reviews and a destruction leave in the tables is what their entries say."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.ledger.verify import verify
from tests.support import records
from tests.support.world import Given, World

UNITS: Given = {"units_used": "20", "units_unused": "8", "units_missing": "0"}


@pytest.fixture
def lived_in(quick_world: World) -> World:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    quick_world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    quick_world.do("verify_kits", "Cy", kits=kit, agrees="yes")
    quick_world.do("missed_visit", "Ada", subject=number, visit="V2")
    quick_world.do("end", "Ada", subject=number, what_ended="lost", end_date="2026-11-20")
    for given in (
        {"which_entry": "end_by_mistake"},
        {"which_entry": "visit_by_mistake", "which_visit": "V2"},
        {"which_entry": "consent_date", "right_date": "2026-11-18"},
    ):
        answers: Given = {"subject": number, **given, **records.WHY}
        made = quick_world.do("correct_subject", "Ada", **answers).facts["proposal"]
        quick_world.do("approve", "Ivy", proposal=str(made))
    records.lived_in(quick_world)
    return quick_world


@pytest.mark.req("R7")
def test_a_record_that_was_corrected_verifies(lived_in: World) -> None:
    report = verify(lived_in.core, "combi")
    assert (report.ok, list(report.problems)) == (True, [])


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE subject SET year_of_birth = 1961 WHERE year_of_birth = 1962",
        "UPDATE kit SET units_used = 20 WHERE disposition = 'destroyed' AND units_used = 1",
        "UPDATE kit SET disposition = 'verified' WHERE disposition = 'destroyed'",
        "UPDATE subject SET consent_on = '2026-11-20' WHERE consent_on = '2026-11-18'",
    ],
)
def test_a_correction_that_is_undone_in_the_tables_is_found(lived_in: World, edit: str) -> None:
    with lived_in.core.writing() as db:
        assert db.execute(text(edit)).rowcount >= 1
    assert not verify(lived_in.core, "combi").ok
