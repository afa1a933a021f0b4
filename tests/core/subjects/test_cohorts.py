"""Dose escalation: cohorts opened by decision, filled, counted together and never by arm."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from core.errors import InvalidInput, Refused
from core.interview import Complete, advance
from core.ledger.verify import verify
from core.messages import Message
from core.register import find
from tests.support.stories import decide, dosed, respond, run_in, set_up
from tests.support.studies import DOSED
from tests.support.world import Given, World


@pytest.fixture
def here(quick_world: World) -> World:
    return set_up(quick_world)


def _cohort(world: World, *answers: str) -> list[str]:
    """So many subjects of the open cohort, with these answers."""
    numbers = [dosed(world) for _ in answers]
    for number, answer in zip(numbers, answers, strict=True):
        respond(world, number, answer)
    return numbers


def _shown(world: World, decision: str) -> list[Message]:
    """What is shown before the decision is signed."""
    given = {"decision": decision}
    with world.core.reading() as db:
        found = advance(
            world.core, db, find("decide_cohort"), world.actor("Mia"), "dosed", None, given
        )
    if not isinstance(found, Complete):
        return []
    return list(found.warnings)


def test_nobody_is_randomized_before_the_first_cohort_is_opened(here: World) -> None:
    number = run_in(here)
    answers: Given = {"subject": number, "consent": "yes", "eligible": "yes"}
    here.refused("no_cohort_open", "randomize", "Ivy", **answers)
    here.wrong("decision", "decide_cohort", "Mia", decision="escalate")
    receipt = decide(here, "open")
    assert (receipt.facts["opened"], receipt.facts["opened_level"]) == (1, 1)
    here.do("randomize", "Ivy", **answers)
    assert here.subject(number).cohort == 1


def test_a_dose_other_than_the_one_decided_is_found(here: World) -> None:
    decide(here, "open")
    assert verify(here.core, "dosed").ok
    with here.core.writing() as db:
        db.execute(text("UPDATE cohort SET dose = 'high'"))
    assert verify(here.core, "dosed").problems == [
        "dosed: cohorts, or their doses, are other than the decisions tell"
    ]
    dosed(here)
    found = verify(here.core, "dosed").first_wrong
    assert found is not None
    assert found.why == "the arms are not those of a cohort"


def test_a_cohort_takes_its_size_and_then_waits(here: World) -> None:
    decide(here, "open")
    numbers = [dosed(here) for _ in range(4)]
    assert {here.arm(number) for number in numbers} == {"low", "placebo"}
    refused = here.refused(
        "cohort_full", "randomize", "Ivy", subject=run_in(here), consent="yes", eligible="yes"
    )
    assert refused.message.params == {"cohort": 1}
    assert here.one("SELECT randomized FROM cohort") == 4


def test_nothing_is_decided_before_every_answer_is_in(here: World) -> None:
    decide(here, "open")
    numbers = [dosed(here) for _ in range(4)]
    respond(here, numbers[0])
    refused = here.refused("responses_missing", "decide_cohort", "Mia", decision="escalate")
    assert refused.message.params == {"cohort": 1, "count": 3}


def test_the_next_cohort_has_the_next_dose_and_the_controls(here: World) -> None:
    decide(here, "open")
    _cohort(here, "no", "no", "no", "no")
    receipt = decide(here, "escalate")
    facts = dict(receipt.facts)
    assert facts == {
        "cohort": 1,
        "level": 1,
        "treated": 4,
        "toxic": 0,
        "advice": "escalate",
        "decision": "escalate",
        "reason": None,
        "opened": 2,
        "opened_level": 2,
    }
    numbers = [dosed(here) for _ in range(4)]
    assert {here.arm(number) for number in numbers} == {"high", "placebo"}
    assert {here.subject(number).domain for number in numbers} == {"v1|cohort=2"}


def test_counts_and_advice_are_shown_before_signing_and_never_by_arm(here: World) -> None:
    """Two toxicities of four treated, on whichever arm: the rule is asked as if both had been on
    the dose, given to two by the shares: beyond .7 of the target, so no higher."""
    decide(here, "open")
    _cohort(here, "yes", "yes", "no", "no")
    counts, advice = _shown(here, "stay")
    expected = {"cohort": 1, "level": 1, "treated": 4, "toxic": 2}
    assert (counts.id, counts.params) == ("warn.cohort_counts", expected)
    assert advice.params == {"advice": Message("choice.cohort_stay")}


def test_a_decision_against_the_advice_takes_a_reason(here: World) -> None:
    decide(here, "open")
    _cohort(here, "no", "no", "no", "no")
    here.wrong("reason", "decide_cohort", "Mia", decision="stay")
    here.wrong("reason", "decide_cohort", "Mia", decision="escalate", reason="why not")
    receipt = decide(here, "stay", reason="One more at this dose")
    assert receipt.facts["reason"] == "One more at this dose"
    assert (receipt.facts["opened"], receipt.facts["opened_level"]) == (2, 1)


def test_counts_of_a_dose_are_those_of_all_its_cohorts(here: World) -> None:
    decide(here, "open")
    _cohort(here, "no", "no", "no", "no")
    decide(here, "stay", reason="One more at this dose")
    _cohort(here, "yes", "no", "no", "no")
    counts, _ = _shown(here, "stay")
    assert (counts.params["treated"], counts.params["toxic"]) == (8, 1)


def test_the_highest_dose_cannot_be_raised_nor_the_lowest_lowered(here: World) -> None:
    decide(here, "open")
    _cohort(here, "no", "no", "no", "no")
    here.wrong("decision", "decide_cohort", "Mia", decision="de_escalate")
    decide(here, "escalate")
    _cohort(here, "no", "no", "no", "no")
    here.wrong("decision", "decide_cohort", "Mia", decision="escalate")
    receipt = decide(here, "de_escalate", reason="As the committee wishes")
    assert receipt.facts["opened_level"] == 1


def test_after_the_stop_nobody_is_randomized_and_nothing_decided(here: World) -> None:
    decide(here, "open")
    _cohort(here, "yes", "yes", "yes", "yes")
    assert decide(here, "stop", reason="Too toxic").facts["opened"] is None
    here.refused(
        "no_cohort_open", "randomize", "Ivy", subject=run_in(here), consent="yes", eligible="yes"
    )
    refused = here.refused("no_cohort_open", "decide_cohort", "Mia", decision="stay")
    assert refused.message.id == "error.escalation_stopped"


def test_deciding_is_signed_and_the_study_managers(here: World) -> None:
    here.refused("signature_missing", "decide_cohort", "Mia", decision="open", signed=False)
    here.refused("not_allowed", "decide_cohort", "Ivy", None, decision="open")


def test_a_cohort_of_one_arm_is_drawn_too(quick_world: World) -> None:
    """3+3: everybody in the cohort has its dose."""
    changed = (
        DOSED.replace('rule = "boin"', 'rule = "three_plus_three"')
        .replace('controls = ["placebo"]\nsize = 4\ntarget = 0.3', "size = 3")
        .replace('method = "permuted_block"\nblock_sizes = [2, 4]', 'method = "simple"')
    )
    here = set_up(quick_world, changed)
    decide(here, "open")
    numbers = _cohort(here, "yes", "no", "no")
    assert {here.arm(number) for number in numbers} == {"low"}
    (_, advice) = _shown(here, "stay")
    assert advice.params == {"advice": Message("choice.cohort_stay")}
    decide(here, "stay")
    _cohort(here, "no", "no", "no")
    assert decide(here, "escalate").facts["treated"] == 6


def test_two_decisions_at_once_open_one_cohort(world: World) -> None:
    here = set_up(world)
    together = threading.Barrier(2)

    def open_first() -> str:
        together.wait()
        try:
            return str(decide(here, "open").facts["opened"])
        except InvalidInput as late:
            return late.field

    with ThreadPoolExecutor(2) as pool:
        said = [one.result() for one in [pool.submit(open_first) for _ in range(2)]]
    assert sorted(said) == ["1", "decision"]
    assert here.one("SELECT count(*) FROM cohort") == 1


def test_who_decides_second_meets_the_cohort_that_the_first_one_opened(world: World) -> None:
    here = set_up(world)
    decide(here, "open")
    _cohort(here, "no", "no", "no", "no")
    together = threading.Barrier(2)

    def escalate() -> str:
        together.wait()
        try:
            return str(decide(here, "escalate").facts["opened"])
        except InvalidInput as late:
            return late.field

    with ThreadPoolExecutor(2) as pool:
        said = [one.result() for one in [pool.submit(escalate) for _ in range(2)]]
    assert sorted(said) == ["2", "decision"]


def test_two_at_once_do_not_share_the_last_place(world: World) -> None:
    here = set_up(world, DOSED.replace("size = 4", "size = 1"))
    decide(here, "open")
    numbers = [run_in(here), run_in(here)]
    together = threading.Barrier(2)

    def randomize(number: str) -> str:
        together.wait()
        try:
            dosed(here, number)
        except Refused as refused:
            return refused.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(randomize, numbers))
    assert said == ["cohort_full", "done"]
