"""Visits: in order, in their windows or with a deviation on record, and the ends of taking part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from core.interview import Complete, advance
from core.messages import Message, Param
from core.register import find
from tests.support.studies import COMBI
from tests.support.world import NOW, TODAY, Given, World


def _at_visit(world: World, *given: str) -> str:
    """A randomized subject with these visits recorded."""
    number = world.randomized()
    for visit in given:
        world.dispense(number, visit)
    return number


def _warnings(world: World, number: str, visit: str) -> tuple[Message, ...]:
    with world.core.reading() as db:
        found = advance(
            world.core,
            db,
            find("dispense"),
            world.actor("Ada"),
            "combi",
            "101",
            {"subject": number, "visit": visit},
        )
    assert isinstance(found, Complete)
    return found.warnings


@pytest.mark.parametrize(
    ("days", "deviation"), [(24, -1), (25, 0), (28, 0), (31, 0), (32, 1), (40, 9)]
)
def test_a_visit_outside_its_window_is_warned_of_and_becomes_a_deviation(
    quick_world: World, days: int, deviation: int
) -> None:
    number = _at_visit(quick_world, "V1")
    quick_world.days_later(days)
    warned = _warnings(quick_world, number, "V2")
    receipt = quick_world.do("dispense", "Ada", subject=number, visit="V2")
    assert receipt.facts["deviation_days"] == deviation
    query = "SELECT deviation_days FROM visit WHERE code = 'V2'"
    assert quick_world.one(query) == deviation
    if deviation == 0:
        assert warned == ()
        return
    params: Mapping[str, Param] = {
        "opens": dt.date(2026, 12, 15),
        "closes": dt.date(2026, 12, 21),
        "count": abs(deviation),
    }
    side = "early" if deviation < 0 else "late"
    assert warned == (Message(f"warn.visit_{side}", params),)


@pytest.mark.parametrize(("days", "given"), [(52, False), (53, True), (59, True), (60, False)])
def test_a_hard_window_refuses_outside_it(quick_world: World, days: int, given: bool) -> None:
    number = _at_visit(quick_world, "V1", "V2")
    quick_world.days_later(days)
    if given:
        assert quick_world.dispense(number, "V3")
        return
    refused = quick_world.refused(
        "outside_visit_window", "dispense", "Ada", subject=number, visit="V3"
    )
    assert refused.message.params == {
        "opens": dt.date(2027, 1, 12),
        "closes": dt.date(2027, 1, 18),
    }
    assert quick_world.one("SELECT count(*) FROM visit WHERE code = 'V3'") == 0


def test_visits_are_taken_in_order(quick_world: World) -> None:
    number = _at_visit(quick_world)
    wrong = quick_world.wrong("visit", "dispense", "Ada", subject=number, visit="V2")
    assert wrong.message == Message("error.choice", {"values": "V1"})
    quick_world.dispense(number, "V1")
    quick_world.wrong("visit", "dispense", "Ada", subject=number, visit="V1")


def test_a_missed_visit_is_recorded_as_of_its_day_and_the_next_one_comes(world: World) -> None:
    number = _at_visit(world)
    receipt = world.do("missed_visit", "Ada", subject=number, visit="V1")
    assert receipt.facts == {"visit": "V1", "status": "missed", "due": dt.date(2026, 11, 20)}
    assert len(world.dispense(number, "V2")) == 2
    rows = world.rows("SELECT code, status FROM visit ORDER BY id")
    assert [tuple(row) for row in rows] == [("V1", "missed"), ("V2", "dispensed")]


def test_a_visit_without_drug_is_recorded_with_its_reason_and_no_kit(world: World) -> None:
    number = _at_visit(world)
    receipt = world.do(
        "visit_without_drug", "Ada", subject=number, visit="V1", reason="investigator"
    )
    assert (receipt.facts["status"], receipt.facts["reason"]) == ("without_drug", "investigator")
    assert world.one("SELECT count(*) FROM kit WHERE disposition = 'dispensed'") == 0
    world.wrong("reason", "visit_without_drug", "Ada", subject=number, visit="V2", reason="mood")


def test_a_visit_that_gives_nothing_is_not_dispensed_at(quick_world: World) -> None:
    number = _at_visit(quick_world, "V1", "V2")
    quick_world.do("missed_visit", "Ada", subject=number, visit="V3")
    refused = quick_world.refused(
        "visit_not_expected", "dispense", "Ada", subject=number, visit="V4"
    )
    assert refused.message.id == "error.visit_without_drug_next"


def test_after_the_last_visit_none_is_expected(quick_world: World) -> None:
    number = _at_visit(quick_world)
    for visit in ("V1", "V2", "V3", "V4"):
        quick_world.do("missed_visit", "Ada", subject=number, visit=visit)
    quick_world.refused("visit_not_expected", "missed_visit", "Ada", subject=number, visit="V4")
    quick_world.refused("visit_not_expected", "dispense", "Ada", subject=number, visit="V4")


def test_a_visit_anchored_to_the_previous_one_counts_from_when_that_was(
    quick_world: World,
) -> None:
    drug = quick_world.of("drug")
    number = drug.screen()
    drug.days_later(5)
    drug.dispense(number, "D1")
    drug.days_later(14 + 4)
    receipt = drug.do("dispense", "Ada", subject=number, visit="D2")
    assert receipt.facts["deviation_days"] == 1


ENDS = [
    ("discontinued", "adverse_event", None),
    ("withdrawn", None, dt.date(2026, 11, 20)),
    ("lost", None, dt.date(2026, 11, 20)),
    ("completed", None, dt.date(2026, 11, 20)),
]


@pytest.mark.parametrize(("end", "cause", "ended_on"), ENDS)
def test_an_end_stops_treatment_and_is_recorded(
    world: World, end: str, cause: str | None, ended_on: dt.date | None
) -> None:
    number = world.randomized()
    given: Given = {"subject": number, "what_ended": end, "end_date": TODAY}
    if cause:
        world.wrong("cause", "end", "Ada", **given)
        given["cause"] = cause
    receipt = world.do("end", "Ada", **given)
    assert receipt.facts["before"] == "randomized"
    assert (receipt.facts["after"], receipt.facts["cause"]) == (end, cause)
    row = world.subject(number)
    assert (row.status, row.treatment) == (end, "stopped")
    assert (str(row.ended_on) if row.ended_on else None) == (str(ended_on) if ended_on else None)
    world.refused("wrong_subject_status", "dispense", "Ada", subject=number, visit="V1")


def test_follow_up_goes_on_after_treatment_is_discontinued(quick_world: World) -> None:
    number = _at_visit(quick_world, "V1")
    stop: Given = {"what_ended": "discontinued", "cause": "adverse_event", "end_date": TODAY}
    quick_world.do("end", "Ada", subject=number, **stop)
    quick_world.do("visit_without_drug", "Ada", subject=number, visit="V2", reason="planned")
    quick_world.refused("wrong_subject_status", "unscheduled", "Ada", subject=number)
    quick_world.do("end", "Ada", subject=number, what_ended="completed", end_date=TODAY)
    quick_world.refused("wrong_subject_status", "missed_visit", "Ada", subject=number, visit="V3")


def test_who_is_in_screening_may_withdraw_and_not_complete(quick_world: World) -> None:
    number = quick_world.screen()
    end: Given = {"subject": number, "end_date": TODAY}
    quick_world.refused("wrong_subject_status", "end", "Ada", **end, what_ended="completed")
    quick_world.do("end", "Ada", **end, what_ended="withdrawn")
    assert quick_world.subject(number).treatment == "none"
    quick_world.refused("wrong_subject_status", "end", "Ada", **end, what_ended="lost")


@pytest.mark.parametrize(
    ("field", "value"),
    [("what_ended", "dead"), ("end_date", "2026-11-21"), ("end_date", "1.1.2026")],
)
def test_a_wrong_end_is_named(quick_world: World, field: str, value: str) -> None:
    given: Given = {"what_ended": "lost", "end_date": TODAY, field: value}
    quick_world.wrong(field, "end", "Ada", subject=quick_world.randomized(), **given)


def test_a_moved_subject_goes_on_at_the_other_site_and_only_there(world: World) -> None:
    number = _at_visit(world, "V1")
    arm = world.arm(number)
    receipt = world.do("move_subject", "Mia", subject=number, to_site="102")
    assert receipt.facts == {"before": "101", "after": "102"}
    world.wrong("subject", "dispense", "Ada", subject=number, visit="V2")
    assert len(world.dispense(number, "V2", who="Di")) == 2
    assert world.arm(number) == arm


def test_a_kit_given_at_the_old_site_is_replaced_at_the_new_one(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    quick_world.do("move_subject", "Mia", subject=number, to_site="102")
    receipt = quick_world.do("replace", "Di", subject=number, kit=kit, reason="lost")
    assert quick_world.kit(receipt.facts["kits"][0]).site == "102"


@pytest.mark.parametrize("site", ["101", "999", ""])
def test_a_subject_moves_to_another_known_site(quick_world: World, site: str) -> None:
    number = quick_world.randomized()
    quick_world.wrong("to_site", "move_subject", "Mia", subject=number, to_site=site)


def test_a_subject_moves_to_an_active_site(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.refused("site_not_active", "move_subject", "Mia", subject=number, to_site="103")


def test_days_are_counted_where_the_site_is(quick_world: World) -> None:
    """21:00 in Boston is already the next day in Madrid and in Auckland."""
    quick_world.do("activate_site", "Mia", to_site="103", approval_date=TODAY)
    quick_world.set_time(dt.datetime(2026, 11, 21, 2, tzinfo=dt.UTC))
    here = quick_world.randomized()
    there = quick_world.randomized(who="Dan")
    assert str(quick_world.subject(here).randomized_on) == "2026-11-20"
    assert str(quick_world.subject(there).randomized_on) == "2026-11-21"
    born: Given = {"year_of_birth": "1950", "rescreened": "no"}
    quick_world.wrong("consent_date", "screen", "Ada", consent_date="2026-11-21", **born)
    quick_world.do("screen", "Di", consent_date="2026-11-21", **born)


def test_a_day_of_the_site_and_not_of_the_server_approves_it(quick_world: World) -> None:
    """23:00 UTC on Friday is Saturday noon in Auckland; 03:00 UTC is still Friday in Boston."""
    quick_world.set_time(NOW.replace(hour=23))
    quick_world.do("activate_site", "Mia", to_site="103", approval_date="2026-11-21")
    quick_world.set_time(dt.datetime(2026, 11, 21, 3, tzinfo=dt.UTC))
    quick_world.wrong(
        "approval_date", "pause_site", "Mia", to_site="101", approval_date="2026-11-21"
    )
    quick_world.do("pause_site", "Mia", to_site="101", approval_date="2026-11-20")


def test_an_amendment_leaves_subjects_on_their_version_until_moved(quick_world: World) -> None:
    number = _at_visit(quick_world, "V1")
    changed = COMBI.replace(
        'name = { en = "Visit 2" }\nday = 28', 'name = { en = "Visit 2" }\nday = 21'
    )
    quick_world.do("publish", "Mia", file=changed)
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    assert quick_world.subject(quick_world.screen()).version == 2
    quick_world.days_later(21)
    assert _warnings(quick_world, number, "V2")[0].id == "warn.visit_early"
    receipt = quick_world.do("move_to_version", "Mia", subject=number, version="2")
    assert receipt.facts == {"before": 1, "after": 2}
    assert _warnings(quick_world, number, "V2") == ()
    quick_world.wrong("version", "move_to_version", "Mia", subject=number, version="2")
    quick_world.wrong("version", "move_to_version", "Mia", subject=number, version="3")
