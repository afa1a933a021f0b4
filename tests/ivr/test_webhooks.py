"""What is not from the provider, exactly as it sends it, gets 403; everything else gets words."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from core.errors import Unavailable
from ivr.signature import Pairs, sign
from ivr.simulator.webhook import FORM
from ivr.turns import TurnWork
from tests.support.telephone import (
    ACCOUNT,
    PUBLIC_URL,
    SECONDARY,
    TOKEN,
    make_app,
    sign_on,
    telephone,
)
from tests.support.world import PEOPLE, World

SID = "CA" + "0" * 32
VOICE = "/ivr/voice"
PATHS = (VOICE, "/ivr/unblinding", "/ivr/voice/status")


def fields(**changes: str) -> list[tuple[str, str]]:
    """The parameters of a voice webhook, with others in some places."""
    known = {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "CallSid": SID,
        "CallStatus": "in-progress",
        "CallerZip": "",
        "Digits": "12",
        "Direction": "inbound",
        "From": "+12025550142",
        "FromCity": "",
        "To": "+12025550150",
        "ToCity": "",
    }
    return list({**known, **changes}.items())


def post(
    client: FlaskClient,
    pairs: Pairs,
    *,
    path: str = VOICE,
    signature: str | None = None,
    token: str = TOKEN,
) -> int:
    """Post and return the status; signed well unless told otherwise."""
    if signature is None:
        signature = sign(token, PUBLIC_URL + path, pairs)
    headers = {"X-Twilio-Signature": signature} if signature else {}
    answer = client.post(path, data=urlencode(list(pairs)), content_type=FORM, headers=headers)
    return answer.status_code


@pytest.fixture
def client(quick_world: World) -> FlaskClient:
    return make_app(quick_world.core).test_client()


@pytest.mark.req("R14")
@pytest.mark.parametrize("path", PATHS)
def test_a_missing_or_wrong_signature_is_forbidden(client: FlaskClient, path: str) -> None:
    assert post(client, fields(), path=path, signature="") == 403
    assert post(client, fields(), path=path, signature="c2hhbTE=") == 403
    assert post(client, fields(), path=path, signature="\u00e9") == 403
    assert post(client, fields(), path=path, token="c" * 32) == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_parameter_given_twice_is_forbidden(client: FlaskClient, path: str) -> None:
    assert post(client, [*fields(), ("Digits", "12")], path=path) == 403
    assert post(client, [*fields(), ("From", "+12025550143")], path=path) == 403


def text_of(pairs: Pairs) -> str:
    return "".join(name + value for name, value in sorted(pairs))


@pytest.mark.parametrize(
    "pairs",
    [
        # Part of a value becomes part of a name.
        [*(pair for pair in fields() if pair[0] != "Digits"), ("Digits1", "2")],
        [*(pair for pair in fields() if pair[0] != "CallStatus"), ("CallStatusin", "-progress")],
        # One field swallows the next.
        [
            *(pair for pair in fields() if pair[0] not in ("Digits", "Direction")),
            ("Digits", "12Directioninbound"),
        ],
        [
            *(pair for pair in fields() if pair[0] not in ("From", "FromCity")),
            ("From", "+12025550142FromCity"),
        ],
        # A field of ours hides in the value or the name of one that is not ours.
        [
            *(pair for pair in fields() if pair[0] not in ("CallerZip", "Digits")),
            ("CallerZip", "Digits12"),
        ],
        [
            *(pair for pair in fields() if pair[0] not in ("CallerZip", "Digits")),
            ("CallerZipDigits", "12"),
        ],
    ],
)
def test_the_same_signature_over_fields_split_elsewhere_is_forbidden(
    client: FlaskClient, pairs: list[tuple[str, str]]
) -> None:
    assert text_of(pairs) == text_of(fields())  # so that the signature is genuine
    assert post(client, pairs) == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"CallSid": "CA1"},
        {"AccountSid": "AC" + "f" * 32},
        {"CallStatus": "gone"},
        {"Digits": "12x"},
        {"Digits": "1" * 200},
        {"DialCallStatus": "perhaps"},
        {"To": "<script>"},
    ],
)
def test_a_field_that_the_provider_never_writes_like_this_is_forbidden(
    client: FlaskClient, changes: dict[str, str]
) -> None:
    assert post(client, fields(**changes)) == 403


@pytest.mark.parametrize("query", ["turn=", "turn=x", "turn=1&turn=2", "turn=1;", "other=1"])
def test_a_turn_that_we_never_asked_for_is_forbidden(client: FlaskClient, query: str) -> None:
    assert post(client, fields(), path=f"{VOICE}?{query}") == 403


def test_unknown_fields_and_odd_callers_are_welcome(client: FlaskClient) -> None:
    known = fields(StirVerstat="TN-Validation-Passed-A", SipHeader_X="a b", CallToken="{}")
    assert post(client, known) == 200
    for number, caller in enumerate(
        ("anonymous", "Restricted", "RESTRICTED", "", "+266696687", "sip:a@b.c")
    ):
        sid = f"CA{number:032x}"
        assert post(client, fields(CallSid=sid, From=caller)) == 200


def test_the_secondary_token_works_while_tokens_are_changed(client: FlaskClient) -> None:
    assert post(client, fields(), token=SECONDARY) == 200


def test_the_signature_counts_for_the_public_address_and_the_turn(client: FlaskClient) -> None:
    elsewhere = sign(TOKEN, "https://evil.example.org" + VOICE, fields())
    assert post(client, fields(), signature=elsewhere) == 403
    other_turn = sign(TOKEN, PUBLIC_URL + VOICE + "?turn=1", fields())
    assert post(client, fields(), path=f"{VOICE}?turn=2", signature=other_turn) == 403


@pytest.mark.req("R14")
@pytest.mark.parametrize(
    "values",
    [
        {"twilio_auth_token": "", "twilio_auth_token_secondary": ""},
        {"twilio_api_url": "http://127.0.0.1:4010"},
        {"public_url": "http://127.0.0.1:8000"},
    ],
)
def test_no_setting_turns_the_check_off(quick_world: World, values: dict[str, str]) -> None:
    client = make_app(quick_world.core, **values).test_client()
    assert post(client, fields(), signature="") == 403
    assert post(client, fields(), token="c" * 32) == 403
    assert post(client, fields(), token="") == 403


def test_only_posts_are_answered(client: FlaskClient) -> None:
    assert client.get(VOICE).status_code == 405


def test_a_turn_of_an_unknown_call_is_told_politely(client: FlaskClient) -> None:
    path = f"{VOICE}?turn=7"
    signature = sign(TOKEN, PUBLIC_URL + path, fields())
    answer = client.post(
        path,
        data=urlencode(fields()),
        content_type=FORM,
        headers={"X-Twilio-Signature": signature},
    )
    assert answer.status_code == 200
    assert "Please call again" in answer.text
    assert "<Hangup/>" in answer.text


@pytest.mark.parametrize("error", [Unavailable(), RuntimeError("a bug")])
def test_when_we_fail_it_is_said_and_the_call_ends(
    quick_world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    phone = telephone(quick_world)
    sign_on(phone, "Di")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(TurnWork, "_work", fail)
    said = phone.press("1")
    assert "nothing was recorded" in said
    assert phone.ended


@pytest.mark.req("R14")
@pytest.mark.parametrize("line", ["main", "unblinding"])
def test_a_call_from_somebodys_own_mobile_is_asked_for_id_and_pin_as_any_other(
    quick_world: World, line: str
) -> None:
    heard = []
    for caller in (f"+120255501{PEOPLE['Dan']}", "+442079460000"):
        phone = telephone(quick_world, from_=caller)
        said = [phone.dial(line), *([phone.press("1")] if line == "main" else [])]
        assert "Key your user ID" in said[-1]
        said.append(phone.press(f"{PEOPLE['Dan']}#"))
        assert "PIN" in said[-1]
        heard.append(said)
        phone.hang_up()
    assert heard[0] == heard[1]


def test_a_call_that_is_over_commits_nothing(quick_world: World) -> None:
    phone = telephone(quick_world)
    sign_on(phone, "Di", rest="1 20112026 1961 2")
    assert phone.last is not None
    assert phone.asking is not None
    pairs = [
        (name, "completed" if name == "CallStatus" else "1" if name == "Digits" else value)
        for name, value in phone.last.pairs
    ]
    before = quick_world.one("SELECT count(*) FROM receipt")
    client = phone.sender.client  # type: ignore[attr-defined]
    assert post(client, pairs, path=phone.asking.action) == 200
    assert quick_world.one("SELECT count(*) FROM receipt") == before
    assert quick_world.one("SELECT status FROM call") == "completed"
