"""Randomization: once, after consent and eligibility, with a number that says nothing."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from core.codes import is_damm
from core.messages import Digits, Message, to_json
from tests.support.studies import COMBI, SOLO, capped
from tests.support.world import TODAY, Given, World

YES: Given = {"consent": "yes", "eligible": "yes", "sex": "F"}


def test_a_subject_is_randomized_with_number_arm_and_draw(world: World) -> None:
    number = world.screen()
    receipt = world.do("randomize", "Ivy", subject=number, **YES)
    drawn = receipt.facts["randomization_number"]
    assert is_damm(drawn)
    assert receipt.said == Message(
        "said.randomize", {"subject": Digits(number), "number": Digits(drawn)}
    )
    row = world.subject(number)
    assert (row.status, row.treatment, row.randomization_number) == ("randomized", "on", drawn)
    assert (str(row.randomized_on), json.loads(row.levels)) == (TODAY, {"sex": "F"})
    assert world.arm(number) in ("active", "placebo")
    assert world.secrets(receipt.sequence)["arm"][1] == world.arm(number)
    assert json.loads(world.secrets(receipt.sequence)["draw"][1]) == ["v1|sex=F", 1]


def test_the_record_of_a_randomization_is_safe_for_a_blinded_reader(quick_world: World) -> None:
    receipt = quick_world.randomize()
    entry = quick_world.entry(receipt.sequence)
    assert entry["facts"] == {
        "randomization_number": receipt.facts["randomization_number"],
        "levels": {"sex": "F"},
        "consent": True,
        "eligible": True,
        "confirmed_by": "12",
        "randomized_on": TODAY,
        "country": "US",
    }
    assert set(entry["secret"]) == {"arm", "draw"}
    result = quick_world.one("SELECT result FROM receipt WHERE id = :i", i=receipt.id)
    for word in ("active", "placebo", "v1|"):
        assert word not in json.dumps(entry)
        assert word not in result


def test_a_coordinator_names_the_investigator_who_confirmed(quick_world: World) -> None:
    given: Given = {"subject": quick_world.screen(), **YES}
    wrong = quick_world.wrong("confirmed_by", "randomize", "Ada", **given)
    assert wrong.message.id == "error.missing_answer"
    for nobody in ("11", "16", "99", "x", "１２"):  # coordinator, other site, unknown, no number
        quick_world.wrong("confirmed_by", "randomize", "Ada", **given, confirmed_by=nobody)
    receipt = quick_world.do("randomize", "Ada", **given, confirmed_by="12")
    assert receipt.facts["confirmed_by"] == "12"


@pytest.mark.parametrize("question", ["consent", "eligible"])
def test_without_consent_or_eligibility_it_is_refused_and_recorded(
    quick_world: World, question: str
) -> None:
    number = quick_world.screen()
    quick_world.refused(
        "not_eligible", "randomize", "Ivy", subject=number, **{**YES, question: "no"}
    )
    entry = quick_world.last_entry()
    assert (entry["outcome"], entry["facts"]["refused"]) == ("refused", "not_eligible")
    assert quick_world.subject(number).status == "screened"


def test_refuses_second_randomization_and_tells_the_first_number(world: World) -> None:
    receipt = world.randomize()
    refused = world.refused(
        "already_randomized", "randomize", "Ivy", subject=str(receipt.subject), **YES
    )
    assert refused.message.params["number"] == Digits(receipt.facts["randomization_number"])


def test_a_screen_failure_is_not_randomized(quick_world: World) -> None:
    number = quick_world.screen()
    quick_world.do("screen_failure", "Ada", subject=number, reason="other")
    quick_world.refused("wrong_subject_status", "randomize", "Ivy", subject=number, **YES)


def test_nobody_is_randomized_at_a_paused_site(quick_world: World) -> None:
    number = quick_world.screen()
    quick_world.do("pause_site", "Mia", to_site="101", approval_date=TODAY)
    quick_world.refused("site_not_active", "randomize", "Ivy", subject=number, **YES)


@pytest.mark.parametrize(
    "number", ["101999", "0", "", "x", "1" * 20, "1" * 21, "'; --", "１０１００１", "101\x00"]
)
def test_an_unknown_subject_is_a_wrong_answer(world: World, number: str) -> None:
    wrong = world.wrong("subject", "randomize", "Ivy", subject=number, **YES)
    assert wrong.message.id == "error.subject_unknown"


def test_a_subject_of_another_site_is_as_unknown_as_one_that_is_not_there(
    quick_world: World,
) -> None:
    theirs = quick_world.screen("Di")
    wrong = quick_world.wrong("subject", "randomize", "Ivy", subject=theirs, **YES)
    nobody = quick_world.wrong("subject", "randomize", "Ivy", subject="102999", **YES)
    assert wrong.message == Message("error.subject_unknown", {"number": Digits(theirs)})
    assert nobody.message.id == wrong.message.id


def test_a_level_that_the_study_file_does_not_have_is_a_wrong_answer(quick_world: World) -> None:
    number = quick_world.screen()
    wrong = quick_world.wrong("sex", "randomize", "Ivy", subject=number, **{**YES, "sex": "other"})
    assert wrong.message == Message("error.choice", {"values": "F, M"})


def test_each_stratum_follows_a_list_of_its_own(quick_world: World) -> None:
    for sex in "FMFMFFMFM":
        quick_world.randomized(sex=sex)
    rows = quick_world.rows(
        "SELECT domain, draws FROM allocator WHERE study = :study ORDER BY domain"
    )
    assert [tuple(row) for row in rows] == [("v1|sex=F", 5), ("v1|sex=M", 4)]


def test_every_block_keeps_the_ratio(quick_world: World) -> None:
    solo = quick_world.of("solo")
    arms = Counter(solo.arm(solo.randomized()) for _ in range(24))
    assert arms["active"] == pytest.approx(16, abs=2)
    blocks = solo.rows("SELECT block, count(*) AS n FROM list_row GROUP BY block ORDER BY block")
    assert {row.n for row in blocks[:-1]} <= {3, 6}


def test_a_study_without_screening_enrols_by_randomizing(world: World) -> None:
    solo = world.of("solo")
    receipt = solo.randomize()
    number = receipt.facts["randomization_number"]
    assert receipt.subject == number
    assert receipt.said.id == "said.enrol"
    assert solo.subject(number).status == "randomized"
    solo.wrong("subject", "randomize", "Ivy", subject=number, **YES)


def test_minimisation_keeps_its_counts_sealed_and_the_arms_balanced(world: World) -> None:
    mini = world.of("mini")
    arms = Counter(mini.arm(mini.randomized(sex=sex)) for sex in "FMMFFFMMFMFM")
    assert abs(arms["active"] - 8) <= 2
    state = bytes(mini.one("SELECT state FROM allocator WHERE study = :study"))
    assert b"counts" not in state
    assert mini.one("SELECT draws FROM allocator WHERE study = :study") == 12


def test_site_and_country_are_derived_and_never_asked(quick_world: World) -> None:
    mini = quick_world.of("mini")
    mini.wrong("centre", "randomize", "Ivy", **YES, centre="101")
    number = mini.randomized()
    assert json.loads(mini.subject(number).levels) == {"sex": "F", "centre": "101"}


def test_those_whom_the_study_file_names_are_told_and_nothing_of_the_arm(world: World) -> None:
    number = world.screen()
    before = len(world.messages())
    world.do("randomize", "Ivy", subject=number, **YES)
    assert world.messages()[before:] == [
        ("sms.randomize", "12", None),
        ("sms.notice_subject", None, "monitor"),
    ]
    told = world.rows("SELECT message FROM outbox ORDER BY id")[before:]
    assert not any(word in row.message for row in told for word in ("active", "placebo"))


@pytest.mark.parametrize(
    "cap",
    ["study = 2", "site = 2", 'per_site = { "101" = 2 }', 'per_country = { "US" = 2 }'],
)
def test_a_cap_refuses_in_the_same_words_whichever_it_is(quick_world: World, cap: str) -> None:
    quick_world.randomized()
    quick_world.do("publish", "Mia", file=capped(COMBI, cap))
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    numbers = [quick_world.screen(), quick_world.screen()]
    quick_world.randomize(numbers[0])
    refused = quick_world.refused(
        "enrolment_cap_reached", "randomize", "Ivy", subject=numbers[1], **YES
    )
    assert to_json(refused.message) == {
        "message": "error.enrolment_cap_reached",
        "params": {"site": {"digits": "101"}},
    }
    assert quick_world.subject(numbers[1]).status == "screened"


def test_a_refused_draw_is_not_used_up(quick_world: World) -> None:
    solo = quick_world.of("solo")
    solo.do("publish", "Mia", file=capped(SOLO, "study = 1"))
    solo.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    solo.randomized()
    solo.refused("enrolment_cap_reached", "randomize", "Ivy", **YES)
    assert solo.one("SELECT draws FROM allocator WHERE study = :study") == 1
    assert solo.one("SELECT count FROM counter WHERE study = :study") == 1


def test_subjects_still_on_an_older_version_count_against_a_newer_cap(quick_world: World) -> None:
    early = [quick_world.screen() for _ in range(2)]
    quick_world.do("publish", "Mia", file=capped(COMBI, "study = 3"))
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    late = [quick_world.screen() for _ in range(2)]
    quick_world.randomize(late[0])
    for number in early:
        quick_world.randomize(number)
    quick_world.refused("enrolment_cap_reached", "randomize", "Ivy", subject=late[1], **YES)


def test_a_soft_cap_screens_nobody_more_and_lets_those_in_screening_finish(
    quick_world: World,
) -> None:
    soft = 'soft = { study = 1, strata = [{ levels = { sex = "F" }, randomized = 1 }] }'
    quick_world.do("publish", "Mia", file=capped(COMBI, soft))
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    first, second = quick_world.screen(), quick_world.screen()
    within, beyond = quick_world.randomize(first), quick_world.randomize(second)
    assert "soft_caps" not in within.facts
    assert beyond.facts["soft_caps"] == ["study", "stratum"]
    told = quick_world.rows("SELECT roles, message FROM outbox WHERE message LIKE '%soft_cap%'")
    assert [row.roles for row in told] == ["study_manager"]
    assert "word.cap_study" in told[0].message
    quick_world.refused("enrolment_cap_reached", "screen", "Ada", consent_date=TODAY,
                        year_of_birth="1970", rescreened="no")  # fmt: skip


def test_a_soft_cap_refuses_where_nobody_is_screened(quick_world: World) -> None:
    solo = quick_world.of("solo")
    solo.do("publish", "Mia", file=capped(SOLO, "soft = { study = 1 }"))
    solo.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    solo.randomized()
    solo.refused("enrolment_cap_reached", "randomize", "Ivy", **YES)


def test_a_hard_cap_above_a_soft_one_still_refuses(quick_world: World) -> None:
    caps = "study = 2\nsoft = { study = 1 }"
    quick_world.do("publish", "Mia", file=capped(COMBI, caps))
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    numbers = [quick_world.screen() for _ in range(3)]
    for number in numbers[:2]:
        quick_world.randomize(number)
    quick_world.refused("enrolment_cap_reached", "randomize", "Ivy", subject=numbers[2], **YES)
