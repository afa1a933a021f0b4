"""Code views, kits, the operator's code break, planned unblinding, assessments, and their list."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from core.db.models import person
from core.errors import InvalidInput, NotFound
from core.interview import Ask, Complete, advance
from core.ledger.verify import verify
from core.register import find
from core.transaction import Channel
from core.unblinding import callers
from core.unblinding.failures import failed
from core.unblinding.list import BreakRow, BreaksListing
from core.unblinding.reading import read_all, read_treatment
from tests.core.unblinding.test_code_break import NAMES, read
from tests.support.unblinding import BREAK, CALL, VIEW, for_analysis, join, on_shelf
from tests.support.world import PEOPLE, Given, World

KITS = {"A": "Active", "B": "Placebo"}


@pytest.fixture
def world(quick_world: World) -> World:
    return join(quick_world)


# -- code view


@pytest.mark.req("R3")
def test_a_code_view_opens_the_treatment_to_safety_and_changes_nothing(world: World) -> None:
    number = world.randomized()
    before = world.subject(number)
    done = world.do("code_view", "Saf", subject=number, **VIEW)
    assert world.subject(number) == before
    assert read(world, number, "Saf") == NAMES[world.arm(number)]
    assert set(done.facts) == {"reason", "details", "still_blinded"}
    told = world.messages()[-1]
    assert told == ("sms.code_viewed", None, "study_manager monitor safety")


def test_a_code_view_is_for_safety_alone(world: World) -> None:
    number = world.randomized()
    for who in ("Ivy", "Mia", "Opal", "Tess"):
        world.refused("not_allowed", "code_view", who, subject=number, **VIEW)


# -- kits


def kit_of(world: World, kit: str, who: str) -> str:
    found = read_treatment(world.core, world.actor(who), "combi", kit=kit, channel=Channel.WEB)
    return found.labels.text("en")


def test_a_kit_of_nobody_is_opened_to_the_investigator_and_never_given(world: World) -> None:
    kit = on_shelf(world)
    done = world.do("unblind_kit", "Ivy", kit=kit, **BREAK)
    assert kit_of(world, kit, "Ivy") == KITS[world.kit_type(kit)]
    assert (done.facts["before"], done.facts["after"]) == ("available", "rejected")
    assert world.kit(kit).quality == "rejected"
    with pytest.raises(NotFound):
        kit_of(world, kit, "Ada")
    again = world.do("view_kit", "Saf", kit=kit, **VIEW)
    assert again.facts["repeated"] is True
    assert kit_of(world, kit, "Saf") == KITS[world.kit_type(kit)]


@pytest.mark.req("R2")
def test_a_kit_that_is_or_was_a_subjects_is_not_opened_as_a_kit(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    world.refused("kit_not_usable", "unblind_kit", "Ivy", kit=kit, **BREAK)
    back: Given = {"subject": number, "kit": kit, "storage_confirmed": "yes"}
    proposed = world.do("never_got_it", "Ada", **back)
    world.do("approve", "Cy", proposal=str(proposed.facts["proposal"]))
    assert world.kit(kit).subject_id is None
    refused = world.refused("kit_not_usable", "unblind_kit", "Ivy", kit=kit, **BREAK)
    assert refused.message.id == "error.kit_of_a_subject"
    world.refused("kit_not_usable", "view_kit", "Saf", kit=kit, **VIEW)


def test_a_kit_of_another_site_is_a_try_on_record(world: World) -> None:
    with pytest.raises(InvalidInput):
        world.do("unblind_kit", "Dan", kit=on_shelf(world), **BREAK)
    assert world.last_entry()["facts"]["why"] == "kit_unknown"


# -- the operator


def taken(world: World, number: str) -> str:
    return str(world.do("take_emergency_call", "Opal", subject=number, **CALL).facts["call"])


def test_an_operator_reveals_after_the_caller_is_on_record_and_was_called_back(
    world: World,
) -> None:
    number = world.randomized()
    call = taken(world, number)
    with pytest.raises(NotFound):
        read(world, number, "Opal")
    back: Given = {"call": call, "called_back": "site"}
    done = world.do("break_for_caller", "Opal", **back, **BREAK)
    assert read(world, number, "Opal") == NAMES[world.arm(number)]
    assert done.facts["called_back"] == "site"
    assert world.subject(number).status == "discontinued"
    told = [id_ for id_, _, _ in world.messages()]
    assert "sms.code_broken_for_caller" in told
    assert "sms.nobody_called_back" not in told
    ended = world.rows("SELECT outcome FROM emergency_call")
    assert [row.outcome for row in ended] == ["revealed"]


def test_only_numbers_on_record_are_offered_to_be_called_back(world: World) -> None:
    number = world.randomized()
    call = taken(world, number)
    asked = _asked(world, {"call": call})
    assert [one.value for one in asked.choices] == ["site", PEOPLE["Ivy"], "none_reachable"]
    told = [str(dict(one.label.params).get("telephone")) for one in asked.choices]  # type: ignore[union-attr]
    assert told == ["+12025550110", "+12025550112", "None"]
    given: Given = {"call": call, "called_back": "+15005550006"}
    world.wrong("called_back", "break_for_caller", "Opal", **given, **BREAK)


def test_a_mobile_changed_today_is_not_called_back(world: World) -> None:
    number = world.randomized()
    call = taken(world, number)
    with world.core.writing() as db:
        mine = update(person).where(person.c.user_id == PEOPLE["Ivy"])
        db.execute(mine.values(mobile_set_at=world.core.now()))
    asked = _asked(world, {"call": call})
    assert [one.value for one in asked.choices] == ["site", "none_reachable"]


def test_with_nobody_reachable_the_operator_may_decide_and_that_is_told_apart(
    world: World,
) -> None:
    number = world.randomized()
    given: Given = {"call": taken(world, number), "called_back": "none_reachable", **BREAK}
    found = _walk(world, "break_for_caller", "Opal", given)
    assert isinstance(found, Complete)
    assert [one.id for one in found.warnings] == ["warn.subject_born", "warn.none_reachable"]
    world.do("break_for_caller", "Opal", **given)
    assert world.messages()[-1][0] == "sms.nobody_called_back"


def test_a_call_is_closed_once_by_the_operator_who_took_it_within_the_shift(world: World) -> None:
    number = world.randomized()
    call = taken(world, number)
    world.do("decline_caller", "Opal", call=call, why_not="not_identified")
    assert world.messages()[-1][0] == "sms.caller_declined"
    given: Given = {"called_back": "site", **BREAK}
    world.wrong("call", "break_for_caller", "Opal", call=call, **given)
    late = taken(world, number)
    world.days_later(0.5)
    world.wrong("call", "break_for_caller", "Opal", call=late, **given)
    assert world.rows("SELECT * FROM opening") == []


def test_the_callers_name_and_the_cards_code_are_sealed(world: World) -> None:
    number = world.randomized()
    done = world.do("take_emergency_call", "Opal", subject=number, **CALL)
    assert world.secrets(done.sequence)["caller"][1] == CALL["caller"]
    assert world.secrets(done.sequence)["card_code"][1] == CALL["card_code"]
    body = world.one("SELECT body FROM ledger WHERE sequence = :n AND study = :study",
                     n=done.sequence)  # fmt: skip
    assert "Reyes" not in body
    assert "K-117" not in body


@pytest.mark.req("R3")
def test_a_call_that_an_operator_leaves_open_is_closed_on_record_and_told(world: World) -> None:
    number = world.randomized()
    call = taken(world, number)
    world.days_later(11 / 24)
    assert callers.sweep(world.core) == 0
    world.days_later(1 / 24)
    assert (callers.sweep(world.core), callers.sweep(world.core)) == (1, 0)
    entry = world.last_entry()
    assert (entry["transaction"], entry["subject"]) == ("code_break_failed", number)
    assert (entry["facts"]["why"], entry["facts"]["call"]) == ("left_open", call)
    assert world.messages()[-1][0] == "sms.code_break_failed_subject"
    world.wrong("call", "break_for_caller", "Opal", call=call, called_back="site", **BREAK)
    assert verify(world.core).ok


@pytest.mark.req("R3")
def test_a_try_without_a_study_is_told_to_those_who_run_the_installation(world: World) -> None:
    with world.core.writing() as db:
        failed(world.core, db, None, "not_identified", channel=Channel.PHONE)
    assert world.messages()[-1] == ("sms.code_break_failed", None, "administrator helpdesk")


# -- planned


@pytest.mark.req("R6")
def test_treatments_are_opened_for_an_analysis_by_two_to_one_until_a_day(world: World) -> None:
    number = world.randomized()
    proposed = world.do("unblind_study", "Mia", **for_analysis(world))
    assert proposed.pending
    with pytest.raises(NotFound):
        read(world, number, "Tess")
    proposal = str(proposed.facts["proposal"])
    world.refused("same_signer", "approve", "Mia", proposal=proposal)
    world.do("approve", "Tess", proposal=proposal)
    assert read(world, number, "Tess") == NAMES[world.arm(number)]
    for who in ("Mia", "Saf", "Ada"):
        with pytest.raises(NotFound):
            read(world, number, who)
    late = world.randomized()
    world.days_later(0.001)
    later = world.randomized()
    with pytest.raises(NotFound):
        read(world, later, "Tess")
    assert late != later
    world.days_later(3)
    with pytest.raises(NotFound):
        read(world, number, "Tess")


@pytest.mark.parametrize("reader", ["Mia", "Ivy", "Sam"])
def test_for_an_analysis_nobody_blinded_is_the_reader(world: World, reader: str) -> None:
    given: Given = {**for_analysis(world), "open_to": PEOPLE[reader]}
    world.wrong("open_to", "unblind_study", "Mia", **given)


def test_nothing_is_opened_to_everybody_while_somebody_is_treated_or_may_be_randomized(
    world: World,
) -> None:
    number = world.randomized()
    end: Given = {"purpose": "end_of_study", "documented_in": "Plan 4"}
    day = world.core.now().date().isoformat()
    world.refused("not_at_the_end", "unblind_study", "Mia", **end)
    world.do("end", "Ada", subject=number, what_ended="completed", end_date=day)
    world.refused("not_at_the_end", "unblind_study", "Mia", **end)
    for site in ("101", "102"):
        world.do("pause_site", "Mia", to_site=site, approval_date=day)
    proposed = world.do("unblind_study", "Mia", **end)
    world.do("approve", "Tess", proposal=str(proposed.facts["proposal"]))
    for who in ("Ada", "Ivy", "Cy", "Mia", "Saf", "Tess"):
        assert read(world, number, who) == NAMES[world.arm(number)]
    with pytest.raises(NotFound):
        read(world, number, "Di")


@pytest.mark.req("R3")
def test_all_treatments_are_read_by_one_entry_that_names_the_subjects(world: World) -> None:
    numbers = [world.randomized() for _ in range(3)]
    with pytest.raises(NotFound):
        read_all(world.core, world.actor("Tess"), "combi", channel=Channel.API)
    assert world.last_entry()["facts"]["why"] == "not_open"
    proposed = world.do("unblind_study", "Mia", **for_analysis(world))
    world.do("approve", "Tess", proposal=str(proposed.facts["proposal"]))
    found = read_all(world.core, world.actor("Tess"), "combi", channel=Channel.API)
    told = {one.subject: one.labels.text("en") for one in found}
    assert told == {number: NAMES[world.arm(number)] for number in numbers}
    entry = world.last_entry()
    assert entry["transaction"] == "treatment_read"
    assert entry["facts"]["subjects"] == numbers


# -- assessments and the list


def listed(world: World, who: str, **given: Any) -> tuple[BreakRow, ...]:
    with world.core.reading() as db:
        found = BreaksListing(world.core, db, world.actor(who), "combi").list_breaks(**given)
    return found.rows


@pytest.mark.req("R4")
def test_a_code_break_waits_for_an_assessment_by_somebody_blinded(world: World) -> None:
    number = world.randomized()
    done = world.do("code_break", "Ivy", subject=number, **BREAK)
    (row,) = listed(world, "Cy")
    assert (row.is_due, row.readings) == (True, 0)
    read(world, number)
    given: Given = {"code_break": done.confirmation, "assessment": "One subject less per protocol"}
    world.do("assess_break", "Cy", **given)
    (row,) = listed(world, "Cy")
    assert (row.is_due, row.readings) == (False, 1)
    assert [(one.by, one.text) for one in row.assessments] == [
        (PEOPLE["Cy"], "One subject less per protocol")
    ]
    world.refused("not_allowed", "assess_break", "Ivy", **given)


@pytest.mark.req("R3")
def test_breaks_views_and_tries_are_listed_to_those_who_may_know(world: World) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    world.do("code_view", "Saf", subject=number, **VIEW)
    world.refused("not_allowed", "code_break", "Ada", subject=number, **BREAK)
    with pytest.raises(NotFound):
        read(world, number, "Ada")
    world.do("take_emergency_call", "Opal", subject=number, **CALL)
    proposed = world.do("unblind_study", "Mia", **for_analysis(world))
    world.do("approve", "Tess", proposal=str(proposed.facts["proposal"]))
    whole = [(row.deed, row.outcome) for row in listed(world, "Mia")]
    assert whole == [
        ("unblind_study", "done"),
        ("take_emergency_call", "done"),
        ("treatment_read", "failed"),
        ("code_break", "refused"),
        ("code_view", "done"),
        ("code_break", "done"),
    ]
    at_site = [(row.deed, row.outcome) for row in listed(world, "Ada")]
    assert at_site == whole[1:]
    assert listed(world, "Di") == ()
    for who in ("Sam", "Tess", "Hal"):
        with pytest.raises(NotFound):
            listed(world, who)
    assert [row.deed for row in listed(world, "Mia", limit=2)] == [deed for deed, _ in whole[:2]]


def _walk(world: World, name: str, who: str, given: Given) -> object:
    with world.core.reading() as db:
        return advance(world.core, db, find(name), world.actor(who), "combi", None, given)


def _asked(world: World, given: Given) -> Ask:
    found = _walk(world, "break_for_caller", "Opal", given)
    assert isinstance(found, Ask)
    return found
