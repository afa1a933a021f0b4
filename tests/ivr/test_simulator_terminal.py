"""The telephone at the terminal: what is said is shown, what is typed is keyed."""

from __future__ import annotations

from ivr.simulator.document import UNPLAYED
from ivr.simulator.phone import Phone
from ivr.simulator.terminal import HELP, talk
from tests.ivr.servers import serving
from tests.ivr.test_simulator_phone import line, menu, phone_for


def hold(phone: Phone, *typed: str) -> list[str]:
    left: list[str] = list(typed)
    said: list[str] = []
    talk(phone, "main", lambda: left.pop(0) if left else None, said.append)
    return said


def test_what_is_typed_is_keyed_one_question_after_the_other() -> None:
    with serving(line(menu(1, 1), menu(2), menu(3))) as server, phone_for(server) as phone:
        said = hold(phone, "1 10012#")
        assert [post.fields.get("Digits") for post in server.posted[:3]] == [None, "1", "10012"]
        assert said == ["Pulse una tecla"] * 3 + ["(the call is over)"]
        assert server.posted[-1].fields["CallStatus"] == "completed"


def test_an_empty_line_is_silence_and_h_hangs_up() -> None:
    with serving(line(menu(1), menu(2))) as server, phone_for(server) as phone:
        hold(phone, "", "h", "1")
        assert [post.fields.get("Digits") for post in server.posted] == [None, "", None]
        assert phone.ended


def test_r_sends_the_last_webhook_again() -> None:
    with serving(line(menu(1), menu(2), menu(3))) as server, phone_for(server) as phone:
        said = hold(phone, "5#", "r")
        assert server.posted[1] == server.posted[2]
        assert "(sent again: answered 200)" in said


def test_what_is_no_key_is_explained_and_not_sent() -> None:
    with serving(line(menu(1))) as server, phone_for(server) as phone:
        assert HELP in hold(phone, "hello")
        assert [post.path for post in server.posted] == ["/ivr/voice", "/ivr/voice/status"]


def test_recordings_and_transfers_are_named() -> None:
    document = "<Response><Play>/a.wav</Play><Dial>+12025550111</Dial></Response>"
    with serving(line(document)) as server, phone_for(server) as phone:
        said = hold(phone)
    # The server of this test has no recording there, and the call goes on without it.
    assert said == [UNPLAYED, "(put through to +12025550111)", "(the call is over)"]
