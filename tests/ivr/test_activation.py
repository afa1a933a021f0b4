"""A first call: the code in place of the user ID, a new PIN twice, and in."""

from __future__ import annotations

import pytest

from core.access.activation import issue_code
from ivr.simulator.phone import Phone
from tests.support.telephone import telephone
from tests.support.world import PEOPLE, PIN, World

NEW = "592731"


@pytest.fixture
def code(world: World) -> str:
    """A fresh code for Di."""
    with world.core.writing() as db:
        return issue_code(db, world.core, PEOPLE["Di"], send=False)


def heard_after(phone: Phone, keys: str) -> str:
    phone.dial()
    phone.press("1")
    return phone.key(keys)


def test_a_code_and_the_new_pin_twice_open_the_line(world: World, code: str) -> None:
    phone = telephone(world)
    said = heard_after(phone, f"{code}# {NEW} {NEW}")
    assert "Choose a new PIN" in said
    assert "Main menu" in said
    phone.hang_up()
    assert "Main menu" in heard_after(telephone(world), f"15# {NEW}")
    assert "Not recognized" in heard_after(telephone(world), f"15# {PIN}")


def test_the_code_and_the_pins_can_be_keyed_ahead(world: World, code: str) -> None:
    assert "Main menu" in heard_after(telephone(world), f"{code}*{NEW}*{NEW}#")


def test_a_wrong_code_hears_what_a_wrong_id_hears(world: World, code: str) -> None:
    wrong = f"{(int(code) + 1) % 10**12:012d}"
    by_code = heard_after(telephone(world), f"{wrong}# {NEW} {NEW}")
    by_id = heard_after(telephone(world), f"999# {NEW}")
    assert by_code.endswith("Not recognized. Please try again. Key your user ID, then pound.")
    assert by_id.endswith("Not recognized. Please try again. Key your user ID, then pound.")


def test_a_code_is_good_once(world: World, code: str) -> None:
    heard_after(telephone(world), f"{code}# {NEW} {NEW}")
    assert "Not recognized" in heard_after(telephone(world), f"{code}# 826459 826459")


def test_pins_that_differ_or_are_too_easy_are_asked_again(world: World, code: str) -> None:
    phone = telephone(world)
    said = heard_after(phone, f"{code}# 111111 {NEW} 592732 {NEW} {NEW}")
    assert "too easy to guess" in said
    assert "not the same" in said
    assert "Main menu" in said


def test_the_code_is_not_kept_in_the_clear(world: World, code: str) -> None:
    heard_after(telephone(world), f"{code}# {NEW} {NEW}")
    assert code not in str(world.dump())


def test_five_wrong_pins_lock_and_the_same_words_go_for_unknown_ids(world: World) -> None:
    for who in ("15", "998"):
        said = ""
        for number in range(3):
            phone = telephone(world, from_=f"+1202555{who:0>2}{number}0")
            said += heard_after(phone, f"{who}# 999998 {who}# 999998")
            phone.hang_up()
        assert "Too many wrong tries" in said
        assert said.count("Not recognized") == 5
