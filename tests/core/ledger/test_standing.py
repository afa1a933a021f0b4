"""Holds, responses and marks in their rows are held against the ledger."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.ledger.verify import verify
from tests.support import doses
from tests.support.stories import decide, dosed, respond, set_up
from tests.support.world import TODAY, Given, World


@pytest.fixture
def here(world: World) -> World:
    """Two holds, one of them lifted; a response; a subject randomized in error."""
    made = set_up(world)
    decide(made, "open")
    respond(made, dosed(made), "yes")
    number = dosed(made)
    made.do(
        "randomized_in_error", "Ivy", subject=number, reason="duplicate", treatment_goes_on="yes"
    )
    held: Given = {"hold_scope": "arm", "hold_arm": "low", "hold_dispensing": "yes"}
    for _ in range(2):
        made.do("place_hold", "Mia", **held, hold_randomization="yes", hold_reason="Excursion")
    made.do("lift_hold", "Mia", hold="1", hold_reason="Over")
    return made


HOLDS = "holds stand, or are lifted, other than the entries tell"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("DELETE FROM hold WHERE number = '2'", HOLDS),
        ("UPDATE hold SET lifted_at = placed_at WHERE number = '2'", HOLDS),
        ("UPDATE hold SET stops = ' screening ' WHERE number = '2'", HOLDS),
        ("UPDATE response SET answer = NOT answer", "responses are other than the entries tell"),
        ("DELETE FROM response", "responses are other than the entries tell"),
        (
            'UPDATE subject SET corrected = \'{"sex": "F"}\'',
            "corrected levels are other than the entries tell",
        ),
        (
            "UPDATE subject SET in_error_at = NULL",
            "subjects are marked in error other than the entries tell",
        ),
    ],
)
def test_what_was_changed_past_the_ledger_is_found(here: World, change: str, why: str) -> None:
    found = verify(here.core, "dosed")
    assert found.ok, found.problems
    with here.core.writing() as db:
        db.execute(text(change))
    assert verify(here.core, "dosed").problems == [f"dosed: {why}"]


def test_corrections_approved_by_a_second_person_are_as_told(here: World) -> None:
    number = here.rows("SELECT number FROM subject ORDER BY id")[0].number
    given: Given = {"subject": number, "answer": "no", "assessed_on": TODAY, "reason": "entry"}
    proposed = here.do("correct_response", "Ada", **given)
    assert verify(here.core, "dosed").ok
    here.do("approve", "Ivy", proposal=str(proposed.facts["proposal"]))
    found = verify(here.core, "dosed")
    assert found.ok, found.problems


def test_a_level_corrected_and_corrected_back_is_as_told(world: World) -> None:
    number = world.randomized(sex="F")
    for level in ("M", "F", "M"):
        right: Given = {"which_factor": "sex", "right_level": level, "reason": "source"}
        proposed = world.do("correct_levels", "Ada", subject=number, **right)
        world.do("approve", "Ivy", proposal=str(proposed.facts["proposal"]))
        found = verify(world.core, "combi")
        assert found.ok, found.problems
    stratum: Given = {"hold_scope": "stratum", "sex": "F", "hold_randomization": "yes"}
    left: Given = {"hold_dispensing": "no", "hold_reason": "Excursion"}
    world.do("place_hold", "Mia", **stratum, **left)
    assert verify(world.core, "combi").ok


@pytest.mark.parametrize(
    "change", ["SET dose = 'd90'", "SET dose = NULL", "SET dose_held_on = NULL"]
)
def test_a_dose_changed_past_the_ledger_is_found(quick_world: World, change: str) -> None:
    here = doses.before_a_titration(quick_world)
    number = here.rows("SELECT number FROM subject WHERE study = :study ORDER BY id")[0].number
    here.do("dispense", "Ada", subject=number, visit="V2", dose="d20")
    why: Given = {"reason": "other"}
    here.do("hold_dose", "Ada", subject=number, **why)
    here.do("resume_dose", "Ada", subject=number)
    here.do("change_dose", "Ada", subject=number, dose="d40", **why)
    found = verify(here.core, "titra")
    assert found.ok, found.problems
    with here.core.writing() as db:
        db.execute(text(f"UPDATE subject {change}"))
    assert verify(here.core, "titra").problems == [
        "titra: doses are, or are held, other than the entries tell"
    ]
