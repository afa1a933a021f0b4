"""The simulated telephone keeps the provider's manners, against a real HTTP server."""

from __future__ import annotations

import dataclasses
import re

import pytest

from core.settings import Settings
from ivr.signature import is_genuine
from ivr.simulator.phone import CallFailed, Phone
from ivr.simulator.webhook import Sender, Webhook
from tests.ivr.servers import Answer, Posted, Server, serving

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token-of-the-line"
MENU = (
    '<Response><Gather action="/ivr/voice?turn={turn}" numDigits="{digits}" finishOnKey="{finish}"'
    ' timeout="8" actionOnEmptyResult="{empty}"><Say language="es-MX">Pulse  una <emphasis>tecla'
    "</emphasis></Say><Pause/></Gather></Response>"
)


def menu(turn: int, digits: int = 99, finish: str = "#", empty: str = "true") -> str:
    return MENU.format(turn=turn, digits=digits, finish=finish, empty=empty)


def phone_for(server: Server) -> Phone:
    return Phone(server.url, ACCOUNT, TOKEN)


def line(*documents: str) -> Answer:
    """Answers with the documents in turn, then hangs up; the status callback gets 200."""
    left = list(documents)

    def answer(post: Posted) -> tuple[int, str]:
        if post.path == "/ivr/voice/status":
            return 204, ""
        return 200, left.pop(0) if left else "<Response><Hangup/></Response>"

    return answer


def test_dials_as_the_provider_does_and_signs() -> None:
    with serving(line(menu(1))) as server, phone_for(server) as phone:
        assert phone.dial() == "Pulse una tecla"
        (post,) = server.posted
    assert post.path == "/ivr/voice"
    assert re.fullmatch(r"CA[0-9a-f]{32}", post.fields["CallSid"])
    assert post.fields["CallStatus"] == "ringing"
    assert "Digits" not in post.fields
    assert phone.heard[0].language == "es-MX"
    settings = dataclasses.replace(
        Settings("sqlite://", "s", (b"",)), public_url=server.url, twilio_auth_token=TOKEN
    )
    assert is_genuine(settings, post.path, post.pairs, post.signature)


def test_the_emergency_line_has_its_own_address() -> None:
    with serving(line(menu(1))) as server, phone_for(server) as phone:
        phone.dial("unblinding")
        assert server.posted[0].path == "/ivr/unblinding"


@pytest.mark.parametrize(
    ("digits", "finish", "pressed", "sent"),
    [
        (99, "#", "10012#", "10012"),
        (99, "#", "10012", "10012"),  # ends by the time-out
        (6, "#", "123456#", "123456"),  # the # is lost between the documents
        (6, "#", "12#", "12"),
        (1, "", "*", "*"),
        (1, "", "#", "#"),
        (1, "", "27", "2"),  # the 7 is lost
        (99, "#", "#", ""),  # a finishing key alone is no entry
        (99, "#", "#5#", "5"),
        (99, "#", "", ""),
    ],
)
def test_an_entry_ends_as_gather_says(digits: int, finish: str, pressed: str, sent: str) -> None:
    with serving(line(menu(1, digits, finish), menu(2))) as server, phone_for(server) as phone:
        phone.dial()
        phone.press(pressed)
        assert [post.path for post in server.posted] == ["/ivr/voice", "/ivr/voice?turn=1"]
        assert server.posted[1].fields["Digits"] == sent


def test_silence_without_action_on_empty_goes_on_in_the_same_document() -> None:
    document = menu(1, empty="false").replace("</Response>", "<Say>Goodbye.</Say></Response>")
    with serving(line(document)) as server, phone_for(server) as phone:
        phone.dial()
        assert phone.silence() == "Goodbye."
        assert phone.ended
        assert [post.path for post in server.posted] == ["/ivr/voice", "/ivr/voice/status"]


def test_keys_pressed_unhurriedly_reach_the_next_question() -> None:
    with (
        serving(line(menu(1, 1), menu(2), menu(3, 6), menu(4, 1))) as server,
        phone_for(server) as phone,
    ):
        phone.dial()
        phone.key("1 10012#123456")
        digits = [post.fields.get("Digits") for post in server.posted]
        assert digits == [None, "1", "10012", "123456"]
        assert not phone.ended


def test_hanging_up_sends_the_status_callback_and_nothing_else() -> None:
    with serving(line(menu(1))) as server, phone_for(server) as phone:
        phone.dial()
        phone.hang_up()
        phone.hang_up()
        assert [post.path for post in server.posted] == ["/ivr/voice", "/ivr/voice/status"]
        assert server.posted[1].fields["CallStatus"] == "completed"
        with pytest.raises(ValueError, match="nobody is asking"):
            phone.press("1")


def test_the_last_webhook_is_sent_again_byte_for_byte() -> None:
    with serving(line(menu(1), menu(2), menu(3))) as server, phone_for(server) as phone:
        phone.dial()
        phone.press("5#")
        again = phone.resend_last()
        assert server.posted[1] == server.posted[2]
        assert b"turn=3" in again.body
        assert phone.asking is not None
        assert phone.asking.action == "/ivr/voice?turn=2"


def test_a_redirect_is_followed_and_a_transfer_told() -> None:
    documents = (
        "<Response><Redirect>/ivr/voice?turn=1</Redirect></Response>",
        '<Response><Dial action="/ivr/voice?turn=2">+12025550111</Dial></Response>',
        "<Response><Say>Nobody answers.</Say></Response>",
    )
    with serving(line(*documents)) as server, phone_for(server) as phone:
        phone.answers = {"+12025550111": "no-answer"}
        assert phone.dial() == "Nobody answers."
        assert phone.put_through == ["+12025550111"]
        assert server.posted[2].fields["DialCallStatus"] == "no-answer"


def test_a_failed_connection_is_tried_once_more() -> None:
    attempts: list[str] = []

    def answer(post: Posted) -> tuple[int, str] | None:
        attempts.append(post.path)
        return None if len(attempts) == 1 else (200, menu(1))

    with serving(answer) as server, phone_for(server) as phone:
        assert phone.dial() == "Pulse una tecla"
    assert attempts == ["/ivr/voice", "/ivr/voice"]


@pytest.mark.parametrize(
    ("status", "document", "why"),
    [
        (500, "", "answered 500"),
        (403, "", "answered 403"),
        (307, "", "answered 307"),
        (200, "<Response><Say>", "not XML"),
        (200, "<html/>", "<Response> expected"),
        (200, "<Response><Dance/></Response>", "no verb"),
        (200, "<Response><Gather><Hangup/></Gather></Response>", "inside <Gather>"),
        (200, "<Response><Redirect>https://elsewhere.example/x</Redirect></Response>", "another"),
        (200, "<Response><Redirect>/ivr/voice</Redirect></Response>", "circle"),
    ],
)
def test_what_the_provider_would_not_accept_fails_the_call(
    status: int, document: str, why: str
) -> None:
    def answer(post: Posted) -> tuple[int, str]:
        return (200, "") if post.path.endswith("/status") else (status, document)

    with serving(answer) as server, phone_for(server) as phone:
        with pytest.raises(CallFailed, match=why):
            phone.dial()
        assert phone.ended
        assert server.posted[-1].fields["CallStatus"] == "completed"


def test_only_keys_of_a_telephone_can_be_pressed() -> None:
    with serving(line(menu(1))) as server, phone_for(server) as phone:
        phone.dial()
        with pytest.raises(ValueError, match="not keys"):
            phone.press("12A")


def test_a_forged_or_missing_signature_can_be_sent() -> None:
    with serving(line()) as server:
        sender = Sender(server.url, TOKEN)
        sender.post(Webhook("/ivr/voice", (("To", "1"),)), signature="forged")
        sender.post(Webhook("/ivr/voice", (("To", "1"),)), signature="")
        sender.close()
        assert [post.signature for post in server.posted] == ["forged", ""]
