"""Randomized in error: marked and signed, never undone, never used again."""

from __future__ import annotations

import pytest

from core.reading import Reader
from tests.support.world import World


def mark(world: World, number: str, goes_on: str = "no") -> None:
    """Ivy signs it."""
    world.do("randomized_in_error", "Ivy", subject=number, reason="not_eligible",
             treatment_goes_on=goes_on)  # fmt: skip


@pytest.mark.parametrize(
    ("goes_on", "status", "treatment"),
    [("no", "discontinued", "stopped"), ("yes", "randomized", "on")],
)
def test_treatment_stops_unless_the_protocol_lets_it_go_on(
    quick_world: World, goes_on: str, status: str, treatment: str
) -> None:
    number = quick_world.randomized()
    mark(quick_world, number, goes_on)
    row = quick_world.subject(number)
    assert (row.status, row.treatment) == (status, treatment)
    assert row.in_error_at is not None
    if goes_on == "yes":
        quick_world.dispense(number)
    else:
        quick_world.refused("wrong_subject_status", "dispense", "Ada", subject=number, visit="V1")


def test_number_and_place_on_the_list_stay_used_and_nothing_is_rewritten(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    before = quick_world.dump()
    mark(quick_world, number)
    after = quick_world.dump()
    for table in ("draw", "allocator", "list_row", "counter"):
        assert after[table] == before[table], table
    assert set(before["ledger"]) < set(after["ledger"])
    row = quick_world.subject(number)
    other = quick_world.subject(quick_world.randomized())
    assert other.randomization_number != row.randomization_number
    (count,) = quick_world.rows("SELECT count(DISTINCT number) AS n FROM draw WHERE study = :study")
    assert count.n == 2


def test_it_is_signed_by_an_investigator_once(quick_world: World) -> None:
    number, answers = quick_world.randomized(), {"reason": "duplicate", "treatment_goes_on": "no"}
    for who in ("Ada", "Pat", "Cy", "Mia"):
        quick_world.refused("not_allowed", "randomized_in_error", who, "101", subject=number,
                            **answers)  # fmt: skip
    quick_world.refused("signature_missing", "randomized_in_error", "Ivy", signed=False,
                        subject=number, **answers)  # fmt: skip
    mark(quick_world, number)
    quick_world.refused("in_error_already", "randomized_in_error", "Ivy", subject=number,
                        reason="duplicate")  # fmt: skip
    waiting = quick_world.screen()
    quick_world.refused("not_randomized", "randomized_in_error", "Ivy", subject=waiting, **answers)


def test_monitor_and_study_manager_are_told_and_the_record_says_so(quick_world: World) -> None:
    number = quick_world.randomized()
    before = len(quick_world.messages())
    mark(quick_world, number)
    told = quick_world.messages()[before:]
    assert told == [("sms.randomized_in_error", None, "monitor study_manager")]
    facts = quick_world.last_entry()["facts"]
    assert (facts["reason"], facts["before"], facts["after"]) == (
        "not_eligible",
        "randomized",
        "discontinued",
    )
    with quick_world.core.reading() as db:
        shown = Reader(quick_world.core, db, quick_world.actor("Cy"), "combi").subject(number)
    assert shown["randomized_in_error_at"] == quick_world.core.now()
