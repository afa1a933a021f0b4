"""Replies as TwiML: what Gather needs, what is escaped, what is said in which voice."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from core.messages import Labels, Message
from ivr.dialogue import effects as fx
from ivr.twiml import plain, render
from prompts import catalogue

ACTION = "/ivr/voice?turn=3&x=1"
BYE = fx.Say("en", (Message("goodbye"),))
ADIOS = fx.Say("es", (Message("goodbye"),))


def root(reply: fx.Reply) -> ET.Element:
    return ET.fromstring(render(reply, ACTION, catalogue()))  # noqa: S314 - our own


def test_a_menu_takes_one_key_of_any_kind_and_always_posts() -> None:
    (gather,) = root(fx.Ask((BYE,), fx.Keys(fixed=1)))
    assert gather.tag == "Gather"
    assert gather.attrib == {
        "input": "dtmf",
        "action": ACTION,
        "method": "POST",
        "actionOnEmptyResult": "true",
        "timeout": "8",
        "numDigits": "1",
        "finishOnKey": "",
    }
    assert [say.text for say in gather] == ["Goodbye."]


def test_an_open_entry_is_ended_by_hash_and_a_pin_by_itself() -> None:
    (gather,) = root(fx.Ask((), fx.Keys()))
    assert (gather.get("numDigits"), gather.get("finishOnKey")) == (None, "#")
    (gather,) = root(fx.Ask((), fx.Keys(fixed=6)))
    assert (gather.get("numDigits"), gather.get("finishOnKey")) == ("6", "#")


def test_what_is_heard_out_stands_before_the_gather() -> None:
    said, gather = root(fx.Ask((ADIOS,), fx.Keys(), heard_out=(BYE,)))
    assert (said.tag, said.text, gather.tag) == ("Say", "Goodbye.", "Gather")


def test_each_language_has_its_voice() -> None:
    english, spanish, hang_up = root(fx.HangUp((BYE, ADIOS)))
    assert (english.get("language"), spanish.get("language")) == ("en-US", "es-US")
    assert english.get("voice") != spanish.get("voice")
    assert hang_up.tag == "Hangup"


def test_a_transfer_comes_back_with_what_became_of_it() -> None:
    said, dial = root(fx.Transfer((BYE,), "+12025550112"))
    assert said.tag == "Say"
    assert (dial.tag, dial.text, dial.get("action")) == ("Dial", "+12025550112", ACTION)


def test_words_of_the_study_file_are_escaped() -> None:
    title = Labels.of({"en": 'A < B & "C"'})
    (said, _) = root(fx.HangUp((fx.Say("en", (Message("welcome.study", {"title": title}),)),)))
    assert said.text == 'Welcome. This is study A < B & "C".'


def test_the_terminal_gets_the_words_alone() -> None:
    reply = fx.Ask((ADIOS,), fx.Keys(), heard_out=(BYE,))
    assert plain(reply, catalogue()) == "Goodbye.\nHasta luego."
