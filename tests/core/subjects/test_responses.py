"""Responses: asked once, heard by the methods that listen, corrected by two people."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from core.ledger.verify import verify
from tests.support.stories import decide, dosed, respond, run_in, set_up
from tests.support.studies import SOLO
from tests.support.world import TODAY, Given, World

WINNER = (
    SOLO.replace('"solo"', '"winner"')
    .replace("402", "407")
    .replace("Study solo", "Study winner")
    .replace('"permuted_block"\nblock_sizes = [3, 6]', '"drop_the_loser"\nballs = 1')
    .replace("ratio = 2", "ratio = 1")
    + """
[response]
question = { en = "Response" }
"""
)
YES: Given = {"consent": "yes", "eligible": "yes"}


@pytest.fixture
def here(quick_world: World) -> World:
    made = set_up(quick_world)
    decide(made, "open")
    return made


def _correct(world: World, number: str, answer: str, on: str = TODAY) -> str:
    """Ada proposes what is right; the number of the proposal."""
    proposed = world.do(
        "correct_response", "Ada", subject=number, assessed_on=on, answer=answer, reason="entry"
    )
    return str(proposed.facts["proposal"])


def test_the_answer_is_kept_with_its_day(here: World) -> None:
    number = dosed(here)
    here.days_later(5)
    receipt = here.do("respond", "Ada", subject=number, assessed_on="2026-11-23", answer="yes")
    assert {name: str(value) for name, value in receipt.facts.items()} == {
        "answer": "True",
        "assessed_on": "2026-11-23",
    }
    (kept,) = here.rows('SELECT answer, "on" FROM response')
    assert (bool(kept.answer), str(kept.on)) == (True, "2026-11-23")


def test_the_question_is_answered_once(here: World) -> None:
    number = dosed(here)
    respond(here, number)
    here.refused(
        "already_responded", "respond", "Ada", subject=number, assessed_on=TODAY, answer="yes"
    )


@pytest.mark.parametrize("day", ["2026-11-19", "2026-11-21", "soon"])
def test_it_was_assessed_between_randomization_and_today(here: World, day: str) -> None:
    number = dosed(here)
    here.wrong("assessed_on", "respond", "Ada", subject=number, assessed_on=day, answer="no")


def test_only_the_randomized_respond(here: World) -> None:
    refused = here.refused(
        "not_randomized", "respond", "Ada", subject=run_in(here), assessed_on=TODAY, answer="no"
    )
    assert refused.message.id == "error.no_response_yet"


def test_who_discontinued_still_has_a_response(here: World) -> None:
    number = dosed(here)
    here.do("end", "Ada", subject=number, what_ended="discontinued", end_date=TODAY)
    respond(here, number, "yes")


def test_a_correction_takes_two_people_and_changes_the_counts_of_the_cohort(here: World) -> None:
    numbers = [dosed(here) for _ in range(4)]
    for number in numbers:
        respond(here, number, "yes")
    for number in numbers:
        proposal = _correct(here, number, "no")
        here.refused("not_allowed", "approve", "Ada", proposal=proposal)
        facts = here.do("approve", "Ivy", proposal=proposal).facts
        assert (facts["before"], facts["after"], facts["reason"]) == (True, False, "entry")
    receipt = decide(here, "escalate")
    assert (receipt.facts["toxic"], receipt.facts["advice"]) == (0, "escalate")


def test_a_correction_goes_by_the_date_at_the_site_for_both_who_sign(here: World) -> None:
    number = dosed(here)
    respond(here, number, "yes")
    with here.core.writing() as db:
        db.execute(text("UPDATE site SET timezone = 'Pacific/Auckland'"))
    here.set_time(dt.datetime(2026, 11, 30, 20, tzinfo=dt.UTC))  # in Auckland it is tomorrow
    proposal = _correct(here, number, "no", "2026-12-01")
    here.do("approve", "Ivy", proposal=proposal)
    assert str(here.one('SELECT "on" FROM response')) == "2026-12-01"


def test_who_proposed_a_correction_does_not_sign_it(here: World) -> None:
    number = dosed(here)
    respond(here, number, "yes")
    proposed = here.do(
        "correct_response", "Ivy", subject=number, assessed_on=TODAY, answer="no", reason="entry"
    )
    here.refused("same_signer", "approve", "Ivy", proposal=str(proposed.facts["proposal"]))


def test_a_correction_changes_something_that_is_on_record(here: World) -> None:
    number = dosed(here)
    here.refused(
        "no_response", "correct_response", "Ada",
        subject=number, assessed_on=TODAY, answer="no", reason="entry",
    )  # fmt: skip
    respond(here, number, "no")
    proposal = _correct(here, number, "no")
    here.wrong("answer", "approve", "Ivy", proposal=proposal)


def _winner(world: World) -> str:
    return world.do("randomize", "Ivy", sex="F", **YES).subject or ""


def test_responses_feed_the_urn_of_a_method_that_listens(quick_world: World) -> None:
    """Play the winner: from one ball of each arm, twelve answers bring active 60 more."""
    urn = '"play_the_winner"\nalpha = 1\nbeta = 5'
    here = set_up(quick_world, WINNER.replace('"drop_the_loser"\nballs = 1', urn))
    early = [_winner(here) for _ in range(12)]
    for number in early:
        respond(here, number, "yes" if here.arm(number) == "active" else "no")
    later = [here.arm(_winner(here)) for _ in range(40)]
    assert later.count("active") > 34


def test_a_correction_leaves_what_the_method_heard(quick_world: World) -> None:
    here = set_up(quick_world, WINNER)
    number = _winner(here)
    respond(here, number, "yes")
    before = here.rows("SELECT state FROM allocator WHERE study = :study")
    proposal = _correct(here, number, "no")
    here.do("approve", "Ivy", proposal=proposal)
    assert here.rows("SELECT state FROM allocator WHERE study = :study") == before
    assert here.one("SELECT answer FROM response") in (False, 0)


def test_every_draw_can_be_made_again_after_responses_and_corrections(quick_world: World) -> None:
    here = set_up(quick_world, WINNER)
    numbers = [_winner(here) for _ in range(6)]
    for number in numbers[:4]:
        respond(here, number, "no")
        _winner(here)
    here.do("approve", "Ivy", proposal=_correct(here, numbers[0], "yes"))
    _winner(here)
    assert verify(here.core, "winner").ok


def test_every_draw_of_cohorts_and_phases_can_be_made_again(here: World) -> None:
    numbers = [dosed(here) for _ in range(4)]
    for number in numbers:
        respond(here, number)
    decide(here, "escalate")
    dosed(here)
    for number, phase in zip(numbers, ("EXT", "OLE", "ROLL", "ROLL"), strict=True):
        here.do("enter_phase", "Ada", subject=number, phase=phase)
    found = verify(here.core, "dosed")
    assert found.ok, found.problems
