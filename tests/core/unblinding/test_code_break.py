"""The investigator's code break: at once, for one subject, on record, told to all concerned."""

from __future__ import annotations

import datetime as dt

import pytest

from core.errors import InvalidInput, NotFound
from core.interview import Complete, advance
from core.register import find
from core.transaction import Channel
from core.unblinding.common import who_it_is
from core.unblinding.openings import find_subject
from core.unblinding.reading import read_treatment
from tests.support.studies import COMBI
from tests.support.world import PEOPLE, Given, World

WHY: Given = {"reason": "medical_emergency"}
NAMES = {"active": "Active", "placebo": "Placebo"}


def broken(world: World, number: str, who: str = "Ivy") -> None:
    world.do("code_break", who, subject=number, **WHY)


def read(world: World, number: str, who: str = "Ivy") -> str:
    return read_treatment(
        world.core, world.actor(who), world.study, subject=number, channel=Channel.WEB
    ).labels.text("en")


@pytest.mark.req("R1")
def test_it_is_done_by_the_investigator_alone_and_no_second_person_is_asked(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    done = quick_world.do("code_break", "Ivy", subject=number, **WHY)
    assert not done.pending
    assert find("code_break").signers == ()
    assert read(quick_world, number) == NAMES[quick_world.arm(number)]


@pytest.mark.req("R4")
def test_the_record_says_who_when_why_and_who_stays_blinded(quick_world: World) -> None:
    number = quick_world.randomized()
    done = quick_world.do("code_break", "Ivy", subject=number, details="Unconscious", **WHY)
    entry = quick_world.entry(done.sequence)
    assert (entry["actor"], entry["subject"], entry["site"]) == (PEOPLE["Ivy"], number, "101")
    assert entry["facts"]["reason"] == "medical_emergency"
    assert entry["facts"]["details"] == "Unconscious"
    assert entry["facts"]["repeated"] is False
    assert {"coordinator", "monitor", "study_manager"} <= set(entry["facts"]["still_blinded"])
    assert "safety" not in entry["facts"]["still_blinded"]
    assert [one["meaning"] for one in entry["signatures"]] == ["code_break"]
    assert quick_world.secrets(done.sequence)["arm"][1] == quick_world.arm(number)


def test_treatment_stops_and_follow_up_goes_on(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.dispense(number)
    done = quick_world.do("code_break", "Ivy", subject=number, **WHY)
    found = quick_world.subject(number)
    assert (found.status, found.treatment) == ("discontinued", "stopped")
    assert found.code_broken_at is not None
    assert (done.facts["before"], done.facts["after"]) == ("randomized", "discontinued")
    quick_world.refused("wrong_subject_status", "unscheduled", "Ada", subject=number)
    quick_world.days_later(28)
    quick_world.do("visit_without_drug", "Ada", subject=number, visit="V2", reason="investigator")


def test_where_the_study_file_says_continue_nothing_changes_for_the_subject(
    quick_world: World,
) -> None:
    quick_world.do("publish", "Mia", file=f'code_break = "continue"\n{COMBI}')
    day = quick_world.core.now().date().isoformat()
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=day)
    number = quick_world.randomized()
    broken(quick_world, number)
    assert quick_world.subject(number).status == "randomized"
    quick_world.dispense(number)


def test_it_works_at_a_closed_site_and_for_a_subject_who_has_left(quick_world: World) -> None:
    number = quick_world.randomized()
    day = quick_world.core.now().date().isoformat()
    quick_world.do("end", "Ada", subject=number, what_ended="withdrawn", end_date=day)
    for change in ("pause_site", "close_site"):
        quick_world.do(change, "Mia", to_site="101", approval_date=day)
    broken(quick_world, number)
    assert quick_world.subject(number).status == "withdrawn"
    assert read(quick_world, number) == NAMES[quick_world.arm(number)]


@pytest.mark.req("R3")
def test_a_second_break_is_on_record_and_told_and_changes_nothing_more(quick_world: World) -> None:
    number = quick_world.randomized()
    broken(quick_world, number)
    first = quick_world.subject(number)
    quick_world.days_later(1)
    again = quick_world.do("code_break", "Ivy", subject=number, **WHY)
    assert again.facts["repeated"] is True
    assert quick_world.subject(number) == first
    assert quick_world.messages()[-1][0] == "sms.code_broken_again"


@pytest.mark.req("R3")
def test_sponsor_monitor_safety_and_the_site_are_told_without_a_treatment(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    before = len(quick_world.messages())
    broken(quick_world, number)
    told = {roles for id_, _, roles in quick_world.messages()[before:] if "broken" in id_}
    assert set(" ".join(one or "" for one in told).split()) == {
        *("investigator", "coordinator", "study_manager", "monitor", "safety"),
    }
    query = "SELECT message FROM outbox WHERE message LIKE '%sms.code_broken%'"
    for row in quick_world.rows(query):
        assert not {"active", "placebo"} & set(row.message.lower().replace('"', " ").split())


@pytest.mark.req("R3")
@pytest.mark.parametrize(
    ("who", "why"), [("Ada", "not_allowed"), ("Cy", "not_allowed"), ("Mia", "not_allowed")]
)
def test_who_may_not_is_refused_on_record_and_told(quick_world: World, who: str, why: str) -> None:
    number = quick_world.randomized()
    quick_world.refused(why, "code_break", who, "101", subject=number, **WHY)
    entry = quick_world.last_entry()
    assert (entry["transaction"], entry["outcome"]) == ("code_break", "refused")
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"
    assert quick_world.subject(number).code_broken_at is None
    with pytest.raises(NotFound):
        read(quick_world, number, who)


@pytest.mark.req("R3")
def test_a_subject_not_randomized_has_no_code_and_the_try_is_on_record(quick_world: World) -> None:
    number = quick_world.screen()
    quick_world.refused("not_randomized", "code_break", "Ivy", subject=number, **WHY)
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"


@pytest.mark.req("R3")
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_subject_of_another_site_or_of_none_is_a_try_on_record(
    quick_world: World, elsewhere: bool
) -> None:
    number = quick_world.randomized() if elsewhere else "999999"
    with pytest.raises(InvalidInput) as caught:
        quick_world.do("code_break", "Dan", subject=number, **WHY)
    assert caught.value.message.id == "error.subject_unknown"
    entry = quick_world.last_entry()
    assert entry["transaction"] == "code_break_failed"
    assert (entry["actor"], entry["facts"]["why"]) == (PEOPLE["Dan"], "subject_unknown")
    kept = None if elsewhere else quick_world.core.keys.mac("keyed", number)
    assert entry["facts"]["keyed"] == kept  # a PIN may have been keyed in its place
    assert quick_world.messages()[-1][0].startswith("sms.code_break_failed")


def test_without_a_signature_nothing_is_opened(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.refused(
        "signature_missing", "code_break", "Ivy", subject=number, signed=False, **WHY
    )
    assert quick_world.rows("SELECT * FROM opening") == []


def test_who_it_is_is_told_before_the_confirm(quick_world: World) -> None:
    number = quick_world.randomized()
    with quick_world.core.reading() as db:
        found = advance(
            quick_world.core,
            db,
            find("code_break"),
            quick_world.actor("Ivy"),
            "combi",
            "101",
            {"subject": number, **WHY},
        )
    assert isinstance(found, Complete)
    assert [one.id for one in found.warnings] == ["warn.subject_born"]
    assert found.warnings[0].params["year"] == "1961"


def test_where_no_year_of_birth_is_kept_site_and_day_tell_who_it_is(quick_world: World) -> None:
    here = quick_world.of("solo")
    number = here.randomized()
    with here.core.reading() as db:
        found = find_subject(db, "solo", number)
    assert found is not None
    told = who_it_is(found)
    assert told.id == "warn.subject_at"
    assert told.params["date"] == dt.date(2026, 11, 20)


@pytest.mark.req("R3")
def test_a_try_at_a_site_that_is_not_the_persons_is_on_record_though_nothing_is_there(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    with pytest.raises(NotFound):
        quick_world.do("code_break", "Dan", "101", subject=number, **WHY)
    entry = quick_world.last_entry()
    assert (entry["transaction"], entry["facts"]["why"]) == ("code_break_failed", "not_open")
    assert (entry["actor"], entry["subject"], entry["site"]) == (PEOPLE["Dan"], number, "101")
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"
