"""SMS of the demo's people: what the provider simulator has delivered, and what they send."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from core.settings import Settings
from ivr.simulator.texting import Text, TextFailed, send
from ivr.simulator.webhook import Sender

SECONDS_MAX: Final = 3.0
CHARACTERS_MAX: Final = 480


class NoProvider(Exception):
    """The provider simulator, or the line, doesn't answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Sms:
    """A message that was delivered."""

    from_: str
    body: str


def list_messages(settings: Settings, number: str) -> tuple[Sms, ...]:
    """What this number (E.164) has got, newest first. Raises NoProvider."""
    found = json.loads(_ask(settings, "GET", {"To": number}))["messages"]
    return tuple(Sms(each["from"], each["body"]) for each in reversed(found))


def send_message(settings: Settings, from_: str, to: str, body: str) -> None:
    """Bring a message to the line as the provider does, and deliver what it answers with at once.

    Raises NoProvider where the line doesn't take it.
    """
    sender = Sender(settings.public_url, settings.twilio_auth_token)
    try:
        text = Text(from_, to, body[:CHARACTERS_MAX])
        answer = send(sender, settings.twilio_account_sid, text)
    except TextFailed as failure:
        raise NoProvider(str(failure)) from failure
    finally:
        sender.close()
    if answer:
        _ask(settings, "POST", {"To": from_, "From": to, "Body": answer})


def _ask(settings: Settings, method: str, fields: dict[str, str]) -> bytes:
    """Ask the provider's REST side about messages. Raises NoProvider."""
    parts = urlsplit(settings.twilio_api_url)
    account = settings.twilio_account_sid
    password = f"{account}:{settings.twilio_auth_token}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(password).decode()}"}
    path, told = f"/2010-04-01/Accounts/{account}/Messages.json", urlencode(fields)
    if method == "GET":
        path, told = f"{path}?{told}", ""
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS_MAX)
    try:
        connection.request(method, path, told or None, headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as failure:
        raise NoProvider(str(failure)) from failure
    finally:
        connection.close()
    if answer.status >= 300:
        raise NoProvider(f"{path}: {answer.status}")
    return content
