"""Webhook signatures: Twilio's own validator agrees, and nothing else passes."""

from __future__ import annotations

import dataclasses

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from core.settings import Settings
from ivr.signature import is_genuine, sign

TOKEN = "primary-token-0123"
SECOND = "second-token-01234"
SETTINGS = Settings(
    database_url="sqlite://",
    secret_key="s" * 32,
    encryption_keys=(b"k" * 32,),
    public_url="https://ixrs.example.org",
    twilio_auth_token=TOKEN,
    twilio_auth_token_secondary=SECOND,
)
PAIRS = [("To", "+12025550100"), ("Digits", "12"), ("From", "anonymous"), ("Name", "Zoë & co")]
PATH = "/ivr/voice?turn=2"
URL = "https://ixrs.example.org/ivr/voice?turn=2"


def test_twilios_own_validator_accepts_what_we_sign() -> None:
    validator = RequestValidator(TOKEN)
    assert validator.validate(URL, dict(PAIRS), sign(TOKEN, URL, PAIRS))


def test_what_twilio_signs_is_genuine_with_either_token() -> None:
    for token in (TOKEN, SECOND):
        header = RequestValidator(token).compute_signature(URL, dict(PAIRS))
        assert is_genuine(SETTINGS, PATH, PAIRS, header)


@pytest.mark.parametrize("header", [None, "", "wrong", "é", sign("another-token-0123", URL, PAIRS)])
def test_a_missing_or_wrong_signature_is_not_genuine(header: str | None) -> None:
    assert not is_genuine(SETTINGS, PATH, PAIRS, header)


def test_the_url_counts_and_never_comes_from_the_request() -> None:
    header = sign(TOKEN, "https://elsewhere.example.org" + PATH, PAIRS)
    assert not is_genuine(SETTINGS, PATH, PAIRS, header)
    assert not is_genuine(SETTINGS, "/ivr/voice?turn=3", PAIRS, sign(TOKEN, URL, PAIRS))


def test_a_parameter_given_twice_is_never_genuine() -> None:
    twice = [*PAIRS, ("Digits", "34")]
    assert not is_genuine(SETTINGS, PATH, twice, sign(TOKEN, URL, twice))


def test_a_public_url_with_a_port_may_be_signed_without_it() -> None:
    settings = dataclasses.replace(SETTINGS, public_url="https://ixrs.example.org:8443")
    for base in ("https://ixrs.example.org:8443", "https://ixrs.example.org"):
        assert is_genuine(settings, PATH, PAIRS, sign(TOKEN, base + PATH, PAIRS))


def test_no_token_configured_means_nothing_is_genuine() -> None:
    bare = dataclasses.replace(SETTINGS, twilio_auth_token="", twilio_auth_token_secondary="")
    assert not is_genuine(bare, PATH, PAIRS, sign("", URL, PAIRS))
