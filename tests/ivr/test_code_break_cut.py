"""A caller who hangs up: the record is complete whenever it happens, and the next call helps."""

from __future__ import annotations

import pytest

from core import calls
from core.ledger.verify import verify
from ivr.emergency import record_lost
from ivr.simulator.phone import Phone
from tests.support.emergencies import break_code, events, head, heard_in, ring, sign_on
from tests.support.telephone import telephone
from tests.support.world import PEOPLE, PIN, World

LOCAL_TURNS = 8


def keys_of(number: str) -> list[str]:
    """A whole call: ID, PIN, subject, reason, confirm, once more, written down."""
    return [f"{PEOPLE['Dan']}#", PIN, f"{number}#", "1", "1", "2", "1"]


AFTER_THE_CONFIRM = 5


@pytest.mark.req("R3", "R5")
@pytest.mark.parametrize("turns", range(LOCAL_TURNS))
def test_whoever_hangs_up_at_any_turn_leaves_a_complete_record_and_is_helped_again(
    quick_world: World, turns: int
) -> None:
    number = quick_world.randomized("Dan")
    before = head(quick_world)
    phone = ring(quick_world)
    for keys in keys_of(number)[:turns]:
        phone.press(keys)
    phone.hang_up()
    left = events(quick_world, before)
    assert left[-1][0] == "call_ended" or ("call_ended", None) in left
    broken = turns >= AFTER_THE_CONFIRM
    assert (("code_break", None) in left) is broken
    assert bool(quick_world.subject(number).code_broken_at) is broken
    assert len(quick_world.rows("SELECT * FROM opening")) == int(broken)
    begun = 2 <= turns < AFTER_THE_CONFIRM
    assert (("code_break_failed", "cut_off") in left) is begun
    assert verify(quick_world.core).ok
    again = ring(quick_world)
    break_code(again, number)
    assert heard_in(quick_world, again.recordings[0]) == quick_world.arm(number)


@pytest.mark.req("R3")
def test_a_call_of_which_no_end_was_told_is_on_record_as_cut_off_too(quick_world: World) -> None:
    core = quick_world.core
    phone = ring(quick_world)
    sign_on(phone)
    before = head(quick_world)
    quick_world.days_later(0.5)
    assert calls.sweep(core, lambda db, sid: record_lost(db, core, sid)) == 1
    assert ("code_break_failed", "cut_off") in events(quick_world, before)


def deaf(phone: Phone) -> None:
    """The provider can't reach us for the recording."""

    def get(path: str) -> None:
        raise ConnectionResetError(path)

    phone.sender.get = get  # type: ignore[method-assign, assignment]


@pytest.mark.req("R3")
def test_a_treatment_that_nobody_heard_is_on_record_as_not_told(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    deaf(phone)
    before = head(quick_world)
    break_code(phone, number)
    phone.hang_up()
    assert events(quick_world, before)[:1] == [("code_break", None)]
    assert ("code_break_failed", "not_told") in events(quick_world, before)
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"


@pytest.mark.req("R3")
@pytest.mark.parametrize("key", ["", "0"])
def test_a_second_treatment_that_nobody_heard_is_on_record_whoever_was_asked_then(
    quick_world: World, key: str
) -> None:
    first, second = quick_world.randomized("Dan"), quick_world.randomized("Dan")
    phone = ring(quick_world)
    break_code(phone, first)
    deaf(phone)
    phone.key(f"1 2 {second}# 1 1 {PIN}")
    before = head(quick_world)
    if key:
        phone.press(key)
        assert phone.put_through
    phone.hang_up()
    assert ("code_break_failed", "not_told") in events(quick_world, before)


def test_the_next_call_tells_that_the_code_was_broken_and_never_the_treatment(
    quick_world: World,
) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    break_code(phone, number)
    phone.hang_up()
    entry = next(
        quick_world.entry(n)
        for n in range(head(quick_world), 0, -1)
        if quick_world.entry(n)["transaction"] == "code_break"
    )
    later = telephone(quick_world)
    later.dial()
    said = later.key(f"1 {PEOPLE['Dan']}# {PIN}")
    assert "The code break of subject" in said
    assert entry["confirmation"] in "".join(char for char in said if char.isdigit())
    assert not later.recordings
    assert "treatment is:" not in said


def test_who_wrote_it_down_and_went_on_is_not_told_of_it_again(quick_world: World) -> None:
    phone = ring(quick_world)
    break_code(phone, quick_world.randomized("Dan"))
    phone.press("1")
    phone.press("1")
    phone.hang_up()
    later = telephone(quick_world)
    later.dial()
    assert "code break of subject" not in later.key(f"1 {PEOPLE['Dan']}# {PIN}")


def test_silence_after_the_treatment_repeats_the_question_and_then_calls_somebody(
    quick_world: World,
) -> None:
    phone = ring(quick_world)
    break_code(phone, quick_world.randomized("Dan"))
    assert "(recording)" not in phone.silence()
    phone.silence()
    phone.silence()
    assert len(phone.recordings) == 1
    assert phone.put_through
