"""A call cut after the confirm: who did it, when, and what, is told at the next call."""

from __future__ import annotations

import datetime as dt

from ivr.simulator.phone import Phone
from tests.support.telephone import number_after, sign_on, telephone
from tests.support.world import PIN, World

SCREENING = "1 20112026 1961 2"
CUT = "Your last call was cut"


def cut_after(world: World, who: str, keys: str) -> tuple[Phone, str]:
    """A call that is cut the moment after these keys were confirmed."""
    phone = telephone(world)
    sign_on(phone, who, rest=keys)
    said = phone.press("1")
    phone.hang_up()
    return phone, said


def test_a_cut_call_is_told_to_the_same_person_at_the_next_one(world: World) -> None:
    _, said = cut_after(world, "Di", SCREENING)
    phone = telephone(world)
    told = sign_on(phone, "Di")
    assert CUT in told
    assert "On November 20, 2026 at 4:00 PM: Screening of a new subject." in told  # Madrid
    for words in ("Screening number", "Confirmation number"):
        assert number_after(words, told) == number_after(words, said)
    assert told.index(CUT) < told.index("Main menu")


def test_a_refusal_that_was_cut_is_told_in_the_time_of_the_site(world: World) -> None:
    _, said = cut_after(world, "Di", SCREENING)
    number = number_after("Screening number", said)
    phone = telephone(world)
    sign_on(phone, "Di", rest=f"3 {number}#")
    phone.hang_up()
    told = sign_on(telephone(world), "Di")
    assert "On November 20, 2026 at 4:00 PM: Dispensing visit. It was refused" in told  # Madrid


def test_what_was_told_and_listened_to_is_not_told_again(world: World) -> None:
    cut_after(world, "Di", SCREENING)
    phone = telephone(world)
    assert CUT in sign_on(phone, "Di")
    phone.press("6")
    phone.hang_up()
    assert CUT not in sign_on(telephone(world), "Di")


def test_a_telling_that_is_cut_itself_is_told_again(world: World) -> None:
    cut_after(world, "Di", SCREENING)
    phone = telephone(world)
    assert CUT in sign_on(phone, "Di")
    phone.hang_up()
    assert CUT in sign_on(telephone(world), "Di")


def test_a_result_that_was_gone_on_from_was_heard(world: World) -> None:
    phone = telephone(world)
    sign_on(phone, "Di", rest=SCREENING)
    phone.press("1")
    phone.press("1")  # repeated
    phone.hang_up()
    assert CUT not in sign_on(telephone(world), "Di")


def test_a_result_said_to_its_end_before_hanging_up_was_heard(quick_world: World) -> None:
    phone = telephone(quick_world)
    sign_on(phone, "Di", rest=SCREENING)
    phone.press("1")
    quick_world.set_time(quick_world.core.now() + dt.timedelta(seconds=40))
    phone.hang_up()
    assert CUT not in sign_on(telephone(quick_world), "Di")


def test_a_call_cut_before_the_confirm_leaves_nothing_but_the_call(world: World) -> None:
    before = world.dump()
    phone = telephone(world)
    sign_on(phone, "Di", rest=SCREENING)
    phone.hang_up()
    after = world.dump()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"call", "call_turn", "chain", "ledger", "person"}  # signed in when
    assert world.last_entry()["transaction"] == "call_ended"
    assert CUT not in sign_on(telephone(world), "Di")


def test_a_colleague_who_asks_for_the_subject_is_told_who_and_when(world: World) -> None:
    number = world.randomized("Dan")
    _, said = cut_after(world, "Di", f"3 {number}# 1")
    kit = number_after("kit number", said)
    phone = telephone(world)
    told = sign_on(phone, "Dan", rest=f"62 {number}#")
    assert "a colleague's call about this subject was cut" in told
    assert "Di, on November 20, 2026 at 4:00 PM: Dispensing visit." in told
    assert number_after("kit number", told) == kit
    assert number_after("Confirmation number", told) == number_after("Confirmation number", said)
    assert "The hand-over is not confirmed yet." in told
    assert told.index("a colleague") < told.index("For carton 1")
    phone.hang_up()
    assert CUT in sign_on(telephone(world), "Di")  # Di is still told


def test_a_hand_over_confirmed_since_is_told_as_confirmed(world: World) -> None:
    number = world.randomized("Dan")
    _, said = cut_after(world, "Di", f"3 {number}# 1")
    kit = number_after("kit number", said)
    world.do("hand_over", "Dan", subject=number, carton_1=kit[-4:])
    told = sign_on(telephone(world), "Di")
    assert "The hand-over is confirmed." in told


def test_a_colleague_hears_of_it_even_when_the_subject_is_refused(world: World) -> None:
    number = world.screen("Di")
    cut_after(world, "Di", f"2 {number}# 1 1 16# 1")
    told = sign_on(telephone(world), "Dan", rest=f"2 {number}#")
    assert "a colleague's call" in told
    assert "is randomized already" in told


def test_a_colleague_at_another_site_or_without_the_role_hears_nothing(world: World) -> None:
    number = world.randomized("Dan")
    cut_after(world, "Di", f"3 {number}# 1")
    phone = telephone(world)
    told = sign_on(phone, "Ada", rest=f"401# 3 {number}#")
    assert "colleague" not in told
    assert "is not known at this site" in told


def test_a_refusal_after_the_confirm_is_told_as_a_refusal(world: World) -> None:
    number = world.randomized("Dan")
    world.dispense(number, who="Dan")
    cut_after(world, "Di", f"62 {number}# 0000")
    told = sign_on(telephone(world), "Di")
    assert CUT in told
    assert "It was refused: Stop. Do not give it" in told


def test_a_signed_deed_cut_after_the_signature_is_told(world: World) -> None:
    number = world.screen("Di")
    phone = telephone(world)
    sign_on(phone, "Di", rest=f"61 {number}# 1 1")
    phone.press(PIN)
    phone.hang_up()
    assert f"Screen failure recorded for subject {' '.join(number)}" in sign_on(
        telephone(world), "Di"
    )
