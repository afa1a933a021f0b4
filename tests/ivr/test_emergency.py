"""An emergency reaches a person: operators in turn, and then where the sealed card is."""

from __future__ import annotations

import pytest

from core.ledger.verify import verify
from tests.support.demo_study import publish_demo
from tests.support.emergencies import events, head
from tests.support.telephone import HELPDESK, sign_on, telephone
from tests.support.world import World

DAY, NIGHT = "+12025550112", "+12025550113"
UNANSWERED = {DAY: "no-answer", NIGHT: "busy"}
DEMO_LINE, DEMO_EMERGENCY = "+12025550100", "+12025550111"
CARD = "The sealed card is here: in the sealed box of the site's pharmacy"


@pytest.fixture
def demo(quick_world: World) -> World:
    return publish_demo(quick_world)


@pytest.mark.parametrize("line", ["main", "unblinding"])
def test_operators_are_called_in_turn_and_then_the_card_is_told(demo: World, line: str) -> None:
    to = DEMO_LINE if line == "main" else DEMO_EMERGENCY
    phone = telephone(demo, to=to, answers=UNANSWERED)
    phone.dial(line)
    if line == "main":
        phone.press("9")
    said = phone.press("0#")
    assert phone.put_through == [DAY, NIGHT]
    assert "No answer. Trying the next operator." in said
    assert CARD in said
    assert phone.ended


def test_the_second_operator_may_answer(demo: World) -> None:
    phone = telephone(demo, to=DEMO_EMERGENCY, answers={DAY: "no-answer"})
    phone.dial("unblinding")
    said = phone.press("0#")
    assert phone.put_through == [DAY, NIGHT]
    assert "No operator can be reached" not in said


def test_nine_in_the_menu_goes_to_the_operators_in_the_language_of_the_call(demo: World) -> None:
    phone = telephone(demo, to=DEMO_LINE, answers=UNANSWERED)
    sign_on(phone, "Di", language="2", rest="301#")
    said = phone.press("9")
    assert phone.put_through == [DAY, NIGHT]
    assert "El sobre sellado está aquí: en la caja sellada" in said


def test_a_number_of_no_study_asks_which_before_it_calls_anybody(demo: World) -> None:
    phone = telephone(demo, to="+12025550198")
    phone.dial("unblinding")
    assert "Which study is it?" in phone.press("0#")
    assert "not one of your studies" in phone.press("999#")
    phone.press("301#")
    assert phone.put_through == [DAY]


@pytest.mark.req("R3")
def test_who_names_the_study_is_told_of_to_those_who_watch_it(demo: World) -> None:
    phone = telephone(demo, to="+12025550198", answers=UNANSWERED)
    phone.dial("unblinding")
    phone.press("0#")
    before = head(demo)
    phone.press("301#")
    assert phone.put_through == [DAY, NIGHT]
    failed = [why for event, why in events(demo, before) if event == "code_break_failed"]
    assert failed == ["not_identified", "no_operator"]
    watching = ("sms.code_break_failed", None, "study_manager monitor safety")
    assert demo.messages().count(watching) == 2
    assert verify(demo.core).ok


def test_who_cannot_name_a_study_is_put_through_all_the_same(demo: World) -> None:
    phone = telephone(demo, to="+12025550198", answers=UNANSWERED)
    phone.dial("unblinding")
    phone.press("0#")
    phone.silence()
    phone.press("9999#")
    said = phone.silence()
    assert phone.put_through[:2] == [DAY, NIGHT]
    assert "No operator can be reached" in said or phone.put_through[2:]


def test_an_emergency_call_sent_again_calls_nobody_twice(demo: World) -> None:
    phone = telephone(demo, to=DEMO_EMERGENCY, answers=UNANSWERED)
    phone.dial("unblinding")
    phone.press("0#")
    assert phone.resend_last() == phone.last_reply
    assert demo.rows("SELECT count(*) FROM call_turn")[0][0] == 4


def test_the_help_desk_is_a_key_away(demo: World) -> None:
    phone = telephone(demo, to=DEMO_LINE)
    phone.dial()
    assert "Putting you through to the help desk" in phone.press("0")
    assert phone.put_through == [HELPDESK]


def test_a_help_desk_that_does_not_answer_is_told(demo: World) -> None:
    phone = telephone(demo, to=DEMO_LINE, answers={HELPDESK: "no-answer"})
    phone.dial()
    assert "The help desk is not answering just now" in phone.press("0")


def test_without_a_help_desk_the_question_stays(demo: World) -> None:
    phone = telephone(demo, to=DEMO_LINE, helpdesk_number="")
    phone.dial()
    said = phone.press("0")
    assert "no help desk number" in said
    assert "For English, press 1" in said
    assert not phone.ended
