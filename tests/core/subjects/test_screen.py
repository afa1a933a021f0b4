"""Screening: a number for a person who consents, and what comes of the number."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.messages import Digits, Message, Param
from tests.support.studies import COMBI, capped
from tests.support.world import TODAY, Given, World

GIVEN: Given = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}


def test_screening_gives_the_next_number_of_the_site(world: World) -> None:
    receipt = world.do("screen", "Ada", **GIVEN)
    assert receipt.said == Message("said.screen", {"subject": Digits("101001")})
    assert world.do("screen", "Ivy", **GIVEN).subject == "101002"
    assert world.do("screen", "Di", **GIVEN).subject == "102001"
    row = world.subject("101001")
    assert (row.status, row.treatment, row.version) == ("screened", "none", 1)
    assert (row.year_of_birth, str(row.consent_on)) == (1961, TODAY)


def test_the_record_of_a_screening_says_who_what_and_where(quick_world: World) -> None:
    receipt = quick_world.do("screen", "Ada", **GIVEN)
    entry = quick_world.entry(receipt.sequence)
    assert entry["facts"] == {
        "screening_number": "101001",
        "consent_date": TODAY,
        "year_of_birth": 1961,
        "rescreen_of": None,
        "rescreens": 0,
        "likely_duplicates": [],
    }
    said = ("actor", "site", "subject", "channel", "outcome", "study_version", "at")
    assert [entry[name] for name in said] == [
        "11",
        "101",
        "101001",
        "command line",
        "done",
        1,
        "2026-11-20T15:00:00.000000Z",
    ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("consent_date", "2026-11-21", "error.date_future"),
        ("consent_date", "2020-11-21", "error.date_old"),
        ("consent_date", "2026-02-30", "error.date"),
        ("consent_date", "20-11-2026", "error.date"),
        ("consent_date", "yesterday", "error.date"),
        ("consent_date", "", "error.date"),
        ("year_of_birth", "1905", "error.year_of_birth"),
        ("year_of_birth", "2027", "error.year_of_birth"),
        ("year_of_birth", "61", "error.year_of_birth"),
        ("year_of_birth", "-1961", "error.number"),
        ("year_of_birth", "１９６１", "error.number"),
        ("rescreened", "maybe", "error.yes_no"),
    ],
)
def test_a_wrong_answer_is_named_and_nothing_recorded(
    quick_world: World, field: str, value: str, message: str
) -> None:
    wrong = quick_world.wrong(field, "screen", "Ada", **{**GIVEN, field: value})
    assert wrong.message.id == message


@pytest.mark.parametrize("missing", list(GIVEN))
def test_a_missing_answer_is_named_and_nothing_recorded(quick_world: World, missing: str) -> None:
    given: Given = {name: value for name, value in GIVEN.items() if name != missing}
    wrong = quick_world.wrong(missing, "screen", "Ada", **given)
    assert wrong.message.id == "error.missing_answer"


def test_an_answer_to_nothing_asked_is_named_and_nothing_recorded(quick_world: World) -> None:
    wrong = quick_world.wrong("shoe_size", "screen", "Ada", **GIVEN, shoe_size="43")
    assert wrong.message.id == "error.unknown_answer"


def test_a_date_may_be_keyed_as_day_month_year(quick_world: World) -> None:
    number = quick_world.do("screen", "Ada", **{**GIVEN, "consent_date": "19112026"}).subject
    assert str(quick_world.subject(number).consent_on) == "2026-11-19"


def test_nobody_is_screened_at_a_paused_or_closed_site(quick_world: World) -> None:
    for change in ("pause_site", "close_site"):
        quick_world.do(change, "Mia", to_site="101", approval_date=TODAY)
        quick_world.refused("site_not_active", "screen", "Ada", **GIVEN)


def test_a_likely_duplicate_is_told_after_the_receipt_and_to_the_monitor(world: World) -> None:
    assert world.do("screen", "Ada", **GIVEN).notes == ()
    before = len(world.messages())
    receipt = world.do("screen", "Ivy", **GIVEN)
    told: Mapping[str, Param] = {"subject": Digits("101002"), "others": (Digits("101001"),)}
    assert receipt.notes == (Message("note.likely_duplicate", told),)
    assert receipt.facts["likely_duplicates"] == ["101001"]
    assert world.messages()[before:] == [("sms.likely_duplicate", None, "monitor")]


@pytest.mark.parametrize(
    ("who", "changed"),
    [
        ("Di", {}),
        ("Ada", {"year_of_birth": "1962"}),
        ("Ada", {"consent_date": "2026-11-19"}),
    ],
)
def test_another_site_year_or_day_is_no_likely_duplicate(
    quick_world: World, who: str, changed: dict[str, str]
) -> None:
    quick_world.do("screen", "Ada", **GIVEN)
    assert quick_world.do("screen", who, **{**GIVEN, **changed}).notes == ()


def _fail(world: World, number: str) -> None:
    world.do("screen_failure", "Ada", subject=number, reason="other")


def test_a_rescreened_person_gets_a_new_number_linked_to_the_old(world: World) -> None:
    old = world.screen()
    _fail(world, old)
    receipt = world.do("screen", "Ada", **{**GIVEN, "rescreened": "yes"}, previous_subject=old)
    assert receipt.facts["rescreen_of"] == old
    assert receipt.facts["rescreens"] == 1
    assert receipt.notes == ()
    assert world.subject(receipt.subject).rescreen_of == old
    assert world.subject(old).status == "screen_failed"


def test_rescreening_stops_at_the_limit_of_the_study_file(world: World) -> None:
    old = world.screen()
    _fail(world, old)
    again: Given = {**GIVEN, "rescreened": "yes"}
    new = world.do("screen", "Ada", **again, previous_subject=old).subject
    assert new is not None
    world.refused("rescreen_limit_reached", "screen", "Ada", **again, previous_subject=old)
    _fail(world, new)
    world.refused("rescreen_limit_reached", "screen", "Ada", **again, previous_subject=new)


def test_only_a_screen_failure_is_rescreened(quick_world: World) -> None:
    old = quick_world.screen()
    again: Given = {**GIVEN, "rescreened": "yes", "previous_subject": old}
    wrong = quick_world.wrong("previous_subject", "screen", "Ada", **again)
    assert wrong.message.id == "error.rescreen_status"


def test_a_study_that_asks_less_is_answered_less(quick_world: World) -> None:
    drug = quick_world.of("drug")
    assert drug.do("screen", "Ada", consent_date=TODAY).subject == "101001"
    drug.wrong("year_of_birth", "screen", "Ada", consent_date=TODAY, year_of_birth="1961")


def test_a_screen_failure_is_recorded_with_its_reason(world: World) -> None:
    number = world.screen()
    receipt = world.do("screen_failure", "Ada", subject=number, reason="laboratory")
    assert receipt.facts == {"reason": "laboratory", "before": "screened", "after": "screen_failed"}
    assert world.subject(number).status == "screen_failed"
    refused = world.refused(
        "wrong_subject_status", "screen_failure", "Ada", subject=number, reason="other"
    )
    assert refused.message.params["status"] == Message("word.status_screen_failed")


def test_the_reason_of_a_screen_failure_is_one_of_the_study_file(quick_world: World) -> None:
    number = quick_world.screen()
    wrong = quick_world.wrong("reason", "screen_failure", "Ada", subject=number, reason="mood")
    assert wrong.message == Message("error.choice", {"values": "laboratory, other"})


def test_the_study_file_can_ask_for_a_signature(world: World) -> None:
    number = world.screen()
    given: Given = {"subject": number, "reason": "other"}
    world.refused("signature_missing", "screen_failure", "Ada", signed=False, **given)
    assert world.subject(number).status == "screened"
    receipt = world.do("screen_failure", "Ada", **given)
    assert world.entry(receipt.sequence)["signatures"] == [
        {
            "user_id": "11",
            "name": "Ada",
            "meaning": "screen_failure",
            "at": "2026-11-20T15:00:00.000000Z",
            "method": "PIN",
        }
    ]


def test_a_full_study_screens_nobody_any_more(world: World) -> None:
    world.randomized()
    world.do("publish", "Mia", file=capped(COMBI, "study = 1"))
    world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    refused = world.refused("enrolment_cap_reached", "screen", "Ada", **GIVEN)
    assert refused.message == Message("error.enrolment_cap_reached", {"site": Digits("101")})
    assert world.do("screen", "Di", **GIVEN).subject == "102001"  # not there yet at 102
