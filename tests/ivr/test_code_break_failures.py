"""Whoever can't break a code by keypad reaches a person; and what goes on record of it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from core.ledger.verify import verify
from ivr.simulator.phone import Phone
from tests.support.emergencies import (
    CARD,
    HELPED,
    MAIN,
    OPERATOR,
    WRONG_PIN,
    break_code,
    events,
    head,
    heard_in,
    ring,
    sign_on,
)
from tests.support.telephone import telephone
from tests.support.world import NOW, OTHER_PIN, PEOPLE, PIN, World


def is_helped(phone: Phone, said: str) -> bool:
    """Whether the caller was put through, to the operator of the study."""
    return HELPED in said and phone.put_through == [OPERATOR]


def nothing_opened(world: World) -> bool:
    """Whether no treatment is open to anybody, and nothing was told."""
    return not world.rows("SELECT * FROM opening") and not world.rows("SELECT * FROM reveal")


def lock(world: World, who: str) -> None:
    """Five wrong tries, from another telephone each."""
    for n in range(5):
        phone = telephone(world, to=MAIN, from_=f"+1202555018{n}")
        phone.dial()
        phone.key(f"1 {PEOPLE[who]}# {WRONG_PIN}")
        phone.hang_up()


def locked_until(world: World) -> list[dt.datetime]:
    return sorted(row.until for row in world.rows("SELECT until FROM throttle WHERE failures >= 5"))


@pytest.mark.req("R1", "R5")
@pytest.mark.parametrize("pin", [PIN, WRONG_PIN])
def test_a_locked_investigator_reaches_the_operator_and_no_lock_grows(
    quick_world: World, pin: str
) -> None:
    lock(quick_world, "Dan")
    until = locked_until(quick_world)
    quick_world.days_later(10 / 1440)
    phone = ring(quick_world)
    said = sign_on(phone, pin=pin)
    assert is_helped(phone, said)
    assert "the operator will help you" in said
    assert locked_until(quick_world) == until
    assert nothing_opened(quick_world)
    failed = "SELECT count(*) FROM ledger WHERE \"transaction\" = 'emergency_sign_in_failed'"
    assert quick_world.one(failed) == 1
    assert ("sms.emergency_sign_in_failed", None, "administrator helpdesk") in (
        quick_world.messages()
    )
    assert ("code_break_failed", "not_identified") in events(quick_world)[-2:]


def test_after_the_lock_has_run_out_the_investigator_breaks_the_code(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    lock(quick_world, "Dan")
    quick_world.days_later(31 / 1440)
    phone = ring(quick_world)
    break_code(phone, number)
    assert heard_in(quick_world, phone.recordings[0]) == quick_world.arm(number)


@pytest.mark.req("R3", "R21")
def test_three_wrong_pins_reach_the_operator_and_count_towards_the_five(
    quick_world: World,
) -> None:
    phone = ring(quick_world)
    for _ in range(2):
        said = sign_on(phone, pin=WRONG_PIN)
        assert "Not recognized" in said
        assert not phone.put_through
    assert is_helped(phone, sign_on(phone, pin=WRONG_PIN))
    failed = "SELECT body FROM ledger WHERE \"transaction\" = 'emergency_sign_in_failed'"
    assert len(quick_world.rows(failed)) == 3
    alerts = [one for one, _, _ in quick_world.messages() if one == "sms.emergency_sign_in_failed"]
    assert len(alerts) == 3
    assert not locked_until(quick_world)
    again = telephone(quick_world, to=MAIN, from_="+12025550181")
    again.dial()
    again.key(f"1 {PEOPLE['Dan']}# {WRONG_PIN} {PEOPLE['Dan']}# {WRONG_PIN}")
    assert locked_until(quick_world)


def test_an_unknown_id_hears_what_a_wrong_pin_hears(quick_world: World) -> None:
    known, unknown = ring(quick_world), ring(quick_world, from_="+12025550181")
    for _ in range(3):
        unknown.press("999#")
        assert sign_on(known, pin=WRONG_PIN) == unknown.press(PIN)
    assert known.put_through == unknown.put_through == [OPERATOR]


@pytest.mark.req("R21")
def test_a_pin_that_is_too_old_reaches_the_operator(quick_world: World) -> None:
    quick_world.days_later(366)
    phone = ring(quick_world)
    assert is_helped(phone, sign_on(phone))
    assert nothing_opened(quick_world)


@pytest.mark.req("R21")
def test_on_the_main_line_a_new_pin_comes_before_the_menu(quick_world: World) -> None:
    quick_world.days_later(366)
    phone = telephone(quick_world, to=MAIN)
    phone.dial()
    said = phone.key(f"1 {PEOPLE['Dan']}*{PIN}*101001*1#")
    assert "Your PIN is right, Dan, and it has become too old." in said
    assert "Choose a new PIN" in said
    assert "Choose a new PIN" in phone.press(PIN)  # the same again won't do
    phone.press(OTHER_PIN)
    assert "not the same" in phone.press(WRONG_PIN)
    phone.press(OTHER_PIN)
    assert "Main menu" in phone.press(OTHER_PIN)
    phone.hang_up()
    later = telephone(quick_world, to=MAIN)
    later.dial()
    assert "Not recognized" in later.key(f"1 {PEOPLE['Dan']}# {PIN}")
    assert "Main menu" in later.key(f"{PEOPLE['Dan']}# {OTHER_PIN}")
    states = quick_world.rows("SELECT * FROM call_turn")
    assert OTHER_PIN not in repr(states)


def test_who_goes_back_from_the_new_pin_is_not_signed_in(quick_world: World) -> None:
    quick_world.days_later(366)
    phone = telephone(quick_world, to=MAIN)
    phone.dial()
    phone.key(f"1 {PEOPLE['Dan']}# {PIN}")
    phone.press(OTHER_PIN)
    phone.press("*")
    assert "Key your user ID" in phone.press("*")
    assert "Your PIN is right" in phone.key(f"{PEOPLE['Dan']}# {PIN}")


@pytest.mark.req("R1", "R13")
@pytest.mark.parametrize("ended", [True, False])
def test_who_is_no_investigator_any_more_reaches_the_operator(
    quick_world: World, ended: bool
) -> None:
    """A delegation that has ended, or one for a day that has not come."""
    column, at = ("ends_at", NOW) if ended else ("starts_at", NOW + dt.timedelta(days=1))
    role = "user_id = '16' AND role = 'investigator'"
    change = text(f"UPDATE grant_role SET {column} = :at WHERE {role}")
    with quick_world.core.writing() as db:
        db.execute(change, {"at": at.isoformat(" ")[:19]})
    phone = ring(quick_world)
    before = head(quick_world)
    assert is_helped(phone, sign_on(phone))
    assert events(quick_world, before)[0] == ("code_break_failed", "refused")
    assert nothing_opened(quick_world)


def signed_on(world: World, line: str) -> Phone:
    """A call of Dan's, about to be asked for the subject: on the emergency line, or by 9 of the
    menu."""
    if line == "unblinding":
        phone = ring(world)
        sign_on(phone)
    else:
        phone = telephone(world, to=MAIN)
        phone.dial()
        phone.key(f"1 {PEOPLE['Dan']}# {PIN} 9")
    return phone


@pytest.mark.req("R1", "R13")
@pytest.mark.parametrize("line", ["main", "unblinding"])
def test_a_delegation_that_ends_before_the_confirm_is_on_record_and_leads_to_the_operator(
    quick_world: World, line: str
) -> None:
    number = quick_world.randomized("Dan")
    phone = signed_on(quick_world, line)
    phone.key(f"{number}# 1")
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE grant_role SET ends_at = starts_at WHERE user_id = '16'"))
    before = head(quick_world)
    said = phone.press("1")
    said = phone.press(PIN) if line == "main" else said
    assert is_helped(phone, said)
    assert events(quick_world, before)[0] == ("code_break_failed", "not_identified")
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"
    assert nothing_opened(quick_world)


@pytest.mark.req("R1", "R3")
def test_who_is_locked_by_hand_during_the_call_is_put_through_and_it_is_on_record(
    quick_world: World,
) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    sign_on(phone)
    phone.key(f"{number}# 1")
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE person SET status = 'locked' WHERE user_id = '16'"))
    before = head(quick_world)
    said = phone.press("1")
    assert is_helped(phone, said)
    assert "the operator will help you" in said
    assert events(quick_world, before)[0] == ("code_break_failed", "not_identified")
    assert nothing_opened(quick_world)


@pytest.mark.req("R3", "R21")
def test_a_wrong_pin_for_a_second_subject_on_the_line_is_alerted_too(quick_world: World) -> None:
    first, second = quick_world.randomized("Dan"), quick_world.randomized("Dan")
    phone = ring(quick_world)
    break_code(phone, first)
    phone.key(f"1 2 {second}# 1 1")
    phone.press(WRONG_PIN)
    alert = ("sms.emergency_sign_in_failed", None, "administrator helpdesk")
    assert quick_world.messages()[-1] == alert


@pytest.mark.req("R13")
def test_a_coordinator_reaches_the_operator(quick_world: World) -> None:
    phone = ring(quick_world)
    before = head(quick_world)
    said = sign_on(phone, "Di")
    assert is_helped(phone, said)
    assert "I may not break a code for you" in said
    assert events(quick_world, before)[0] == ("code_break_failed", "refused")
    entry = quick_world.entry(before + 1)
    assert entry["actor"] == PEOPLE["Di"]


@pytest.mark.req("R3", "R13")
@pytest.mark.parametrize("elsewhere", [True, False])
@pytest.mark.parametrize("key", ["1", "0", ""])
def test_a_subject_of_another_site_or_of_none_leads_to_the_operator(
    quick_world: World, elsewhere: bool, key: str
) -> None:
    number = quick_world.randomized("Ivy") if elsewhere else "109999"
    phone = ring(quick_world)
    sign_on(phone)
    before = head(quick_world)
    said = phone.press(f"{number}#")
    spoken = " ".join(number)
    assert f"I find no subject {spoken} among those whose code you may break." in said
    assert events(quick_world, before) == [("code_break_failed", "subject_unknown")]
    assert is_helped(phone, phone.press(key))
    assert nothing_opened(quick_world)


def test_a_number_that_was_mistyped_is_keyed_again(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    sign_on(phone)
    phone.press("109999#")
    assert "Key the subject number" in phone.press("2")
    phone.key(f"{number}# 1 1")
    assert heard_in(quick_world, phone.recordings[0]) == quick_world.arm(number)


@pytest.mark.req("R3")
@pytest.mark.parametrize("line", ["main", "unblinding"])
def test_who_was_never_randomized_has_no_treatment_and_that_try_is_on_record(
    quick_world: World, line: str
) -> None:
    number = quick_world.screen("Di")
    phone = signed_on(quick_world, line)
    before = head(quick_world)
    said = phone.press(f"{number}#")
    assert "For the operator, press 1" in said
    entry = quick_world.entry(before + 1)
    assert (entry["transaction"], entry["outcome"]) == ("code_break", "refused")
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"
    other = quick_world.randomized("Dan")
    phone.press("2")
    phone.key(f"{other}# 1 1" + ("" if line == "unblinding" else f" {PIN}"))
    assert len(phone.recordings) == 1


def test_in_the_menu_three_wrong_numbers_reach_the_operator(quick_world: World) -> None:
    phone = telephone(quick_world, to=MAIN)
    phone.dial()
    phone.key(f"1 {PEOPLE['Dan']}# {PIN} 9")
    before = head(quick_world)
    for _ in range(3):
        said = phone.press("109999#")
    assert is_helped(phone, said)
    assert events(quick_world, before)[:3] == [("code_break_failed", "subject_unknown")] * 3


def test_in_the_menu_three_wrong_pins_at_the_end_reach_the_operator(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    phone = telephone(quick_world, to=MAIN)
    phone.dial()
    phone.key(f"1 {PEOPLE['Dan']}# {PIN} 9 {number}# 1 1")
    for _ in range(3):
        said = phone.press(WRONG_PIN)
    assert is_helped(phone, said)
    assert nothing_opened(quick_world)


def test_nobody_who_stays_on_the_line_is_left_alone(quick_world: World) -> None:
    phone = ring(quick_world)
    assert "stay on the line" in phone.silence()
    assert is_helped(phone, phone.silence())


@pytest.mark.parametrize("entries", [0, 2, 5])
def test_zero_is_the_operator_wherever_the_caller_is(quick_world: World, entries: int) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    for keys in (f"{PEOPLE['Dan']}#", PIN, f"{number}#", "1", "1")[:entries]:
        phone.press(keys)
    assert is_helped(phone, phone.press("0" if entries == 5 else "0#"))


@pytest.mark.req("R3", "R5")
@pytest.mark.parametrize("answer", ["no-answer", "busy", "failed"])
def test_if_no_operator_answers_the_card_is_told_and_those_who_watch_know(
    quick_world: World, answer: str
) -> None:
    phone = ring(quick_world, answers={OPERATOR: answer})
    before = head(quick_world)
    said = phone.press("0#")
    assert CARD in said
    assert phone.ended
    whys = [why for _, why in events(quick_world, before)]
    assert whys[:2] == ["not_identified", "no_operator"]
    watching = ("sms.code_break_failed", None, "study_manager monitor safety")
    assert quick_world.messages()[-2:] == [watching, watching]
    assert verify(quick_world.core).ok


def test_a_source_that_has_to_wait_reaches_the_operator(quick_world: World) -> None:
    phone = telephone(quick_world, to=MAIN)
    for who in range(5):
        phone.dial()
        phone.key(f"1 90{who}# {PIN}")
        phone.hang_up()
    here = ring(quick_world)
    assert is_helped(here, sign_on(here))


def test_without_operators_and_help_desk_the_card_is_still_told(quick_world: World) -> None:
    phone = ring(quick_world, answers={OPERATOR: "no-answer"}, helpdesk_number="")
    said = phone.press("0#")
    assert CARD in said
    assert phone.ended
