"""A telephone in front of the real webhooks, without a socket in between."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask
from flask.testing import FlaskClient

from core.runtime import Core
from ivr import sms_in
from ivr.signature import sign
from ivr.simulator.phone import Phone
from ivr.simulator.webhook import FORM, Reply, Sender, Webhook
from ivr.voice import create_voice
from tests.support.world import PEOPLE, PIN, World

PUBLIC_URL: Final = "https://ixrs.example.org"
ACCOUNT: Final = "AC" + "0123456789abcdef" * 2
TOKEN: Final = "a" * 32
SECONDARY: Final = "b" * 32
HELPDESK: Final = "+12025550199"


class AppSender(Sender):
    """Posts to a Flask application in this process."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        super().__init__(PUBLIC_URL, token)
        self.client = client

    def post(self, webhook: Webhook, *, signature: str | None = None) -> Reply:
        """As the provider posts, signed unless told otherwise."""
        if signature is None:
            signature = sign(self.auth_token, self.public_url + webhook.path, webhook.pairs)
        headers = {"X-Twilio-Signature": signature} if signature else {}
        answer = self.client.post(
            webhook.path, data=urlencode(list(webhook.pairs)), content_type=FORM, headers=headers
        )
        return Reply(answer.status_code, answer.content_type or "", answer.data)

    def get(self, path: str) -> Reply:
        """As the provider fetches a recording."""
        answer = self.client.get(path)
        return Reply(answer.status_code, answer.content_type or "", answer.data)


def telephone_settings(core: Core, **values: Any) -> None:
    """Give the core what the telephone needs of the settings."""
    known = {
        "public_url": PUBLIC_URL,
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_auth_token_secondary": SECONDARY,
        "helpdesk_number": HELPDESK,
    }
    core.settings = dataclasses.replace(core.settings, **{**known, **values})


def make_app(core: Core, **values: Any) -> Flask:
    """An application with the webhooks of telephone and SMS only."""
    telephone_settings(core, **values)
    app = Flask("telephone")
    app.register_blueprint(create_voice(core))
    app.register_blueprint(sms_in.blueprint(core))
    return app


def telephone(
    world: World,
    *,
    to: str = "+12025550150",
    from_: str = "+12025550142",
    answers: Mapping[str, str] | None = None,
    token: str = TOKEN,
    **values: Any,
) -> Phone:
    """A telephone in this world."""
    phone = Phone(PUBLIC_URL, ACCOUNT, token, from_, to, answers=answers)
    phone.sender = AppSender(make_app(world.core, **values).test_client(), token)
    return phone


def sign_on(phone: Phone, who: str, *, rest: str = "", language: str = "1") -> str:
    """Dial and key language, ID and PIN; then `rest`, as `Phone.key` takes it."""
    phone.dial()
    said = phone.key(f"{language} {PEOPLE[who]}#{PIN}")
    return phone.key(rest) if rest else said


def number_after(words: str, said: str) -> str:
    """The digits spoken directly after these words."""
    found = re.search(re.escape(words) + r" ((?:[0-9](?:, | )?)+)", said, re.IGNORECASE)
    assert found, (words, said)
    return re.sub(r"[^0-9]", "", found[1])
