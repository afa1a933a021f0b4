"""A subject's record put right: shown before and after, proposed, signed by an investigator."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from core.interview import Complete, advance
from core.messages import Labels, Message, Param
from core.register import find
from core.today import today
from tests.support.records import WHY
from tests.support.stories import dosed, set_up
from tests.support.world import TODAY, Given, World

YEAR: Given = {"which_entry": "year_of_birth", "right_year": "1962", **WHY}
V1 = Labels((("en", "Visit 1"),))
V2 = Labels((("en", "Visit 2"),))


def propose(world: World, number: str, who: str = "Ada", **given: str) -> str:
    """A correction is proposed; the proposal's number."""
    done = world.do("correct_subject", who, subject=number, **{**WHY, **given})
    assert done.pending
    return str(done.facts["proposal"])


def correct(world: World, number: str, **given: str) -> dict[str, Any]:
    """Ada proposes, Ivy approves; the facts of the entry."""
    done = world.do("approve", "Ivy", proposal=propose(world, number, **given))
    return dict(done.facts)


def shown(world: World, name: str, who: str, site: str | None, **given: str) -> list[Message]:
    """What is shown before it is proposed, or signed."""
    with world.core.reading() as db:
        actor = world.actor(who)
        found = advance(world.core, db, find(name), actor, world.study, site, given)
    assert isinstance(found, Complete)
    return list(found.warnings)


def offered(world: World, number: str) -> list[str]:
    """The entries of the subject that may be corrected now."""
    with world.core.reading() as db:
        found = advance(world.core, db, find("correct_subject"), world.actor("Ada"), world.study,
                        "101", {"subject": number})  # fmt: skip
    return [one.value for one in found.choices]  # type: ignore[union-attr]


def visits(world: World, number: str) -> dict[str, tuple[str, str, int]]:
    """What is on record at each visit of a subject."""
    query = (
        "SELECT visit.* FROM visit JOIN subject ON subject.id = visit.subject_id "
        "WHERE subject.study = :study AND subject.number = :n"
    )
    return {
        row.code: (row.status, str(row.on), row.deviation_days)
        for row in world.rows(query, n=number)
    }


@pytest.mark.req("R11")
def test_nothing_changes_before_an_investigator_has_signed_and_both_values_are_kept(
    quick_world: World,
) -> None:
    number = quick_world.screen()
    proposal = propose(quick_world, number, **YEAR)
    assert quick_world.subject(number).year_of_birth == 1961
    quick_world.do("approve", "Ivy", proposal=proposal)
    assert quick_world.subject(number).year_of_birth == 1962
    entry = quick_world.last_entry()
    assert entry["signatures"][0]["user_id"] == "12"
    assert entry["facts"] == {
        "which_entry": "year_of_birth",
        "visit": None,
        "before": 1961,
        "after": 1962,
        "changes": [
            {
                "record": "subject",
                "of": number,
                "field": "year_of_birth",
                "before": 1961,
                "after": 1962,
            }
        ],
        **WHY,
        "details": None,
        "proposal": proposal,
        "approved": "correct_subject",
        "proposed_by": "11",
    }


@pytest.mark.req("R7")
def test_the_entry_that_was_wrong_stays_as_it_was(quick_world: World) -> None:
    number = quick_world.screen()
    query = "SELECT sequence, body, hash FROM ledger WHERE study = :study ORDER BY sequence"
    before = quick_world.rows(query)
    correct(quick_world, number, **YEAR)
    after = quick_world.rows(query)
    assert after[: len(before)] == before
    (screened,) = [
        json.loads(row.body)["facts"]
        for row in after
        if json.loads(row.body)["facts"].get("screening_number") == number
    ]
    assert screened["year_of_birth"] == 1961


def test_both_who_propose_and_who_sign_see_what_is_and_what_will_be(quick_world: World) -> None:
    number = quick_world.screen()
    change = Message(
        "warn.correction_change",
        {"what": Message("choice.entry_year_of_birth"), "before": "1961", "after": "1962"},
    )
    assert shown(quick_world, "correct_subject", "Ada", "101", subject=number, **YEAR) == [change]
    proposal = propose(quick_world, number, **YEAR)
    assert shown(quick_world, "approve", "Ivy", None, proposal=proposal)[-1] == change


def test_a_correction_needs_its_source_and_another_value(quick_world: World) -> None:
    number = quick_world.screen()
    given: Given = {"subject": number, **YEAR}
    without = {name: value for name, value in given.items() if name != "source_document"}
    quick_world.wrong("source_document", "correct_subject", "Ada", **without)
    same = {**given, "right_year": "1961"}
    quick_world.wrong("right_year", "correct_subject", "Ada", **same)
    unborn = {**given, "right_year": "2027"}
    quick_world.wrong("right_year", "correct_subject", "Ada", **unborn)


def test_only_another_investigator_of_the_site_signs(quick_world: World) -> None:
    number = quick_world.screen()
    own = propose(quick_world, number, who="Ivy", **YEAR)
    quick_world.refused("same_signer", "approve", "Ivy", proposal=own)
    for who in ("Ada", "Pat", "Cy", "Mia", "Dan"):
        quick_world.refused("not_allowed", "approve", who, proposal=own)
    moved = propose(quick_world, number, **YEAR)
    quick_world.do("move_subject", "Mia", subject=number, to_site="102")
    quick_world.refused("not_allowed", "approve", "Ivy", proposal=moved)


def test_a_visit_on_another_day_moves_the_windows_that_depend_on_it(quick_world: World) -> None:
    here = quick_world.of("drug")
    number = here.screen()
    here.do("dispense", "Ada", subject=number, visit="D1")
    here.days_later(10)
    here.do("dispense", "Ada", subject=number, visit="D2")
    assert visits(here, number)["D2"] == ("dispensed", "2026-11-30", -1)
    given: Given = {"which_entry": "visit_date", "which_visit": "D1", "right_date": "2026-11-21"}
    told = shown(here, "correct_subject", "Ada", "101", subject=number, **given, **WHY)
    d2 = Labels((("en", "Day 15"),))
    assert told[1:] == [
        Message("warn.correction_deviation", {"visit": d2, "before": -1, "after": -2})
    ]
    facts = correct(here, number, **given)
    assert visits(here, number) == {
        "D1": ("dispensed", "2026-11-21", 0),
        "D2": ("dispensed", "2026-11-30", -2),
    }
    assert [(one["of"], one["field"], one["before"], one["after"]) for one in facts["changes"]] == [
        ("D1", "on", "2026-11-20", "2026-11-21"),
        ("D2", "deviation_days", -1, -2),
    ]
    entry = here.entry(here.one("SELECT max(sequence) FROM ledger WHERE study = 'drug'"))
    assert (entry["subject"], entry["facts"]["visit"]) == (number, "D1")


def test_a_visit_outside_a_hard_window_is_put_right_as_a_deviation(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.dispense(number)
    quick_world.days_later(56)
    for visit in ("V2",):
        quick_world.do("missed_visit", "Ada", subject=number, visit=visit)
    quick_world.do("dispense", "Ada", subject=number, visit="V3")
    quick_world.days_later(6)
    given: Given = {"which_entry": "visit_date", "which_visit": "V3", "right_date": "2027-01-20"}
    correct(quick_world, number, **given)
    assert visits(quick_world, number)["V3"] == ("dispensed", "2027-01-20", 2)


@pytest.mark.parametrize("day", ["2026-11-19", "2026-11-21"])
def test_a_visit_is_neither_before_randomization_nor_to_come(quick_world: World, day: str) -> None:
    number = quick_world.randomized()
    quick_world.dispense(number)
    given: Given = {"which_entry": "visit_date", "which_visit": "V1", "right_date": day, **WHY}
    quick_world.wrong("right_date", "correct_subject", "Ada", subject=number, **given)


def test_a_visit_recorded_as_missed_by_mistake_is_expected_again(world: World) -> None:
    number = world.randomized()
    world.dispense(number)
    world.do("missed_visit", "Ada", subject=number, visit="V2")
    given: Given = {"which_entry": "visit_by_mistake", "which_visit": "V2"}
    told = shown(world, "correct_subject", "Ada", "101", subject=number, **given, **WHY)
    window: dict[str, Param] = {
        "visit": V2,
        "opens": dt.date(2026, 12, 15),
        "closes": dt.date(2026, 12, 21),
    }
    assert told[-1] == Message("warn.correction_window", window)
    facts = correct(world, number, **given)
    assert facts["changes"] == [
        {"record": "visit", "of": "V2", "field": "status", "before": "missed", "after": None}
    ]
    assert list(visits(world, number)) == ["V1"]
    world.days_later(28)
    world.do("dispense", "Ada", subject=number, visit="V2")


def test_a_visit_at_which_drug_was_given_or_with_later_ones_is_not_taken_back(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    quick_world.dispense(number)
    assert offered(quick_world, number) == ["year_of_birth", "consent_date", "visit_date"]
    for visit in ("V2", "V3"):
        quick_world.do("missed_visit", "Ada", subject=number, visit=visit)
    given: Given = {"which_entry": "visit_by_mistake", **WHY}
    for visit in ("V1", "V2"):
        answers = {**given, "which_visit": visit}
        quick_world.wrong("which_visit", "correct_subject", "Ada", subject=number, **answers)
    correct(quick_world, number, which_entry="visit_by_mistake", which_visit="V3")


def test_an_end_recorded_by_mistake_is_taken_back_and_treatment_goes_on(
    world: World,
) -> None:
    number = world.randomized()
    world.dispense(number)
    ended: Given = {"what_ended": "withdrawn", "end_date": TODAY}
    world.do("end", "Ada", subject=number, **ended)
    told = shown(world, "correct_subject", "Ada", "101", subject=number,
                 which_entry="end_by_mistake", **WHY)  # fmt: skip
    assert Message("warn.correction_treatment") in told
    facts = correct(world, number, which_entry="end_by_mistake")
    assert [(one["field"], one["before"], one["after"]) for one in facts["changes"]] == [
        ("status", "withdrawn", "randomized"),
        ("ended_on", TODAY, None),
        ("treatment", "stopped", "on"),
    ]
    row = world.subject(number)
    assert (row.status, row.treatment, row.ended_on) == ("randomized", "on", None)
    world.do("unscheduled", "Ada", subject=number)


def test_of_two_ends_the_later_one_is_taken_back_first(quick_world: World) -> None:
    number = quick_world.randomized()
    stopped: Given = {"what_ended": "discontinued", "cause": "adverse_event", "end_date": TODAY}
    quick_world.do("end", "Ada", subject=number, **stopped)
    quick_world.do("end", "Ada", subject=number, what_ended="completed", end_date=TODAY)
    correct(quick_world, number, which_entry="end_by_mistake")
    row = quick_world.subject(number)
    assert (row.status, row.treatment) == ("discontinued", "stopped")
    correct(quick_world, number, which_entry="end_by_mistake")
    row = quick_world.subject(number)
    assert (row.status, row.treatment) == ("randomized", "on")
    assert "end_by_mistake" not in offered(quick_world, number)


def test_treatment_that_a_code_break_stopped_does_not_go_on(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.do("code_break", "Ivy", subject=number, reason="medical_emergency")
    assert quick_world.subject(number).status == "discontinued"
    assert "end_by_mistake" not in offered(quick_world, number)
    quick_world.do("end", "Ada", subject=number, what_ended="lost", end_date=TODAY)
    correct(quick_world, number, which_entry="end_by_mistake")
    row = quick_world.subject(number)
    assert (row.status, row.treatment) == ("discontinued", "stopped")


def test_a_screen_failure_by_mistake_is_taken_back_unless_there_is_a_rescreening(
    quick_world: World,
) -> None:
    number = quick_world.screen()
    quick_world.do("screen_failure", "Ada", subject=number, reason="other")
    correct(quick_world, number, which_entry="end_by_mistake")
    assert quick_world.subject(number).status == "screened"
    quick_world.do("screen_failure", "Ada", subject=number, reason="other")
    quick_world.screen(rescreened="yes", previous_subject=number)
    assert "end_by_mistake" not in offered(quick_world, number)


def test_the_day_of_an_end_is_put_right(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.days_later(5)
    quick_world.do("end", "Ada", subject=number, what_ended="lost", end_date="2026-11-25")
    given: Given = {"which_entry": "end_date", **WHY}
    early = {**given, "right_date": "2026-11-19"}
    quick_world.wrong("right_date", "correct_subject", "Ada", subject=number, **early)
    correct(quick_world, number, which_entry="end_date", right_date="2026-11-22")
    assert str(quick_world.subject(number).ended_on) == "2026-11-22"


def test_where_nothing_is_randomized_the_day_of_consent_moves_every_window(
    quick_world: World,
) -> None:
    here = quick_world.of("drug")
    number = here.screen()
    here.do("dispense", "Ada", subject=number, visit="D1")
    facts = correct(here, number, which_entry="consent_date", right_date="2026-11-10")
    assert [(one["of"], one["field"], one["after"]) for one in facts["changes"]] == [
        (number, "consent_on", "2026-11-10"),
        ("D1", "deviation_days", 5),
    ]
    assert visits(here, number)["D1"] == ("dispensed", TODAY, 5)


def test_a_randomized_subjects_visits_do_not_count_from_consent(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.dispense(number)
    facts = correct(quick_world, number, which_entry="consent_date", right_date="2026-11-10")
    assert [one["field"] for one in facts["changes"]] == ["consent_on"]


def test_a_visit_of_an_earlier_phase_counts_from_when_that_was_entered(
    quick_world: World,
) -> None:
    here = set_up(quick_world)
    here.do("decide_cohort", "Mia", decision="open")
    number = dosed(here)
    here.do("dispense", "Ada", subject=number, visit="D1")
    here.days_later(9)
    here.do("respond", "Ada", subject=number, assessed_on=TODAY, answer="no")
    here.do("enter_phase", "Ada", subject=number, phase="EXT")
    given: Given = {"which_entry": "visit_date", "which_visit": "D1", "right_date": "2026-11-25"}
    correct(here, number, **given)
    assert visits(here, number)["D1"] == ("dispensed", "2026-11-25", 2)


def test_a_proposal_that_no_longer_fits_is_not_approved(quick_world: World) -> None:
    number = quick_world.screen()
    first, second = propose(quick_world, number, **YEAR), propose(quick_world, number, **YEAR)
    quick_world.do("approve", "Ivy", proposal=first)
    quick_world.wrong("proposal", "approve", "Ivy", proposal=second)


def test_what_waits_today_follows_the_right_day(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.do("missed_visit", "Ada", subject=number, visit="V1")
    place = _place(quick_world)
    correct(quick_world, number, which_entry="visit_by_mistake", which_visit="V1")
    with quick_world.core.reading() as db:
        waits = today(quick_world.core, db, quick_world.actor("Ada"), place).visits
    assert [(one.subject, one.visit) for one in waits] == [(number, V1)]


def _place(world: World) -> Any:
    from core.access.openings import open_studies
    from core.access.places import Place

    with world.core.reading() as db:
        (study,) = [one for one in open_studies(db, world.core, world.actor("Ada"))
                    if one.code == world.study]  # fmt: skip
    return Place(study, study.sites[0])
