"""A mobile that sends texts: signed webhooks to /ivr/sms, as the provider posts them."""

from __future__ import annotations

import http.client
import secrets
from dataclasses import dataclass, field
from xml.etree import ElementTree

from ivr.simulator.webhook import Sender, Webhook

PATH = "/ivr/sms"


class TextFailed(Exception):
    """The server did not answer as the provider expects."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text on its way in. Posted again, it is the same message."""

    from_: str
    to: str
    body: str
    sid: str = field(default_factory=lambda: f"SM{secrets.token_hex(16)}")

    def webhook(self, account_sid: str) -> Webhook:
        """What the provider posts for it."""
        return Webhook(
            PATH,
            (
                ("ToCountry", "US"),
                ("SmsMessageSid", self.sid),
                ("NumMedia", "0"),
                ("SmsSid", self.sid),
                ("SmsStatus", "received"),
                ("Body", self.body),
                ("To", self.to),
                ("NumSegments", "1"),
                ("MessageSid", self.sid),
                ("AccountSid", account_sid),
                ("From", self.from_),
                ("ApiVersion", "2010-04-01"),
            ),
        )


def send(sender: Sender, account_sid: str, text: Text) -> str:
    """Post the text; returns the reply, "" where nothing is said. Raises TextFailed."""
    try:
        answer = sender.post(text.webhook(account_sid))
    except (OSError, http.client.HTTPException) as failure:
        raise TextFailed(f"no answer: {failure}") from failure
    if answer.status != 200:
        raise TextFailed(f"the server answered {answer.status}")
    try:
        document = ElementTree.fromstring(answer.body)  # noqa: S314 - from our own server
    except ElementTree.ParseError as wrong:
        raise TextFailed(f"the answer is no TwiML: {wrong}") from wrong
    return "\n".join("".join(message.itertext()) for message in document.iter("Message"))
