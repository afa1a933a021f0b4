"""The provider's REST side: takes messages, keeps an inbox for each number, reports back.

Emulates POST (and GET) /2010-04-01/Accounts/{sid}/Messages.json as far as IxRS uses it, with
outcomes that a test can script.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from ivr.simulator.webhook import Sender, Webhook

HOST: Final = "127.0.0.1"
DELIVERED: Final = ("sent", "delivered")
BODY_BYTES_MAX: Final = 65536


class Result(Enum):
    """How the provider answers one message; only the first and the last deliver it."""

    TAKEN = (201, None)
    UNSUBSCRIBED = (400, 21610)
    WRONG_NUMBER = (400, 21211)
    TOO_MANY = (429, 20429)
    BROKEN = (500, None)
    ANSWER_LOST = (0, None)  # taken, but the connection breaks before the answer


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the provider has taken."""

    sid: str
    to: str
    from_: str
    body: str
    status_callback: str


@dataclass
class Provider:
    """The REST server; `with Provider(…) as provider:` runs it at `provider.url`.

    `results` are used up one a message, and TAKEN after that. `statuses` are reported for each
    message taken, in that order, by signed callbacks; `failed_callbacks` tells why any weren't
    delivered.
    """

    account_sid: str
    auth_token: str
    results: deque[Result] = field(default_factory=deque)
    statuses: tuple[str, ...] = DELIVERED
    port: int = 0
    messages: list[Message] = field(default_factory=list)
    attempts: list[dict[str, str]] = field(default_factory=list)
    failed_callbacks: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._reports: list[threading.Thread] = []

    def __enter__(self) -> Provider:
        self._http = ThreadingHTTPServer((HOST, self.port), _handler(self))
        self._http.daemon_threads = True
        self.port = self._http.server_port
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        for report in self._reports:
            report.join()

    def inbox(self, number: str) -> list[Message]:
        """The messages that this number has got, oldest first."""
        with self._changed:
            return [message for message in self.messages if message.to == number]

    def wait_for(self, number: str, count: int = 1, seconds: float = 10) -> list[Message]:
        """The number's messages, once there are `count` of them. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = [message for message in self.messages if message.to == number]
                if len(found) >= count:
                    return found
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(found)} of {count} messages came")

    def report(self, message: Message, status: str) -> int:
        """Send one status callback, signed. Returns the HTTP status of the answer."""
        parts = urlsplit(message.status_callback)
        base = f"{parts.scheme}://{parts.netloc}"
        sender = Sender(base, self.auth_token)
        pairs = (
            ("MessageSid", message.sid),
            ("MessageStatus", status),
            ("AccountSid", self.account_sid),
            ("From", message.from_),
            ("To", message.to),
            ("ApiVersion", "2010-04-01"),
        )
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            return sender.post(Webhook(path, pairs)).status
        finally:
            sender.close()

    def take(self, form: dict[str, str]) -> tuple[Result, Message]:
        """Deal with one message as the script says."""
        message = Message(
            sid=f"SM{secrets.token_hex(16)}",
            to=form["To"],
            from_=form["From"],
            body=form["Body"],
            status_callback=form.get("StatusCallback", ""),
        )
        with self._changed:
            self.attempts.append(form)
            result = self.results.popleft() if self.results else Result.TAKEN
            if result in (Result.TAKEN, Result.ANSWER_LOST):
                self.messages.append(message)
                self._changed.notify_all()
                if message.status_callback and self.statuses:
                    thread = threading.Thread(target=self._report_all, args=(message,))
                    self._reports.append(thread)
                    thread.start()
        return result, message

    def _report_all(self, message: Message) -> None:
        for status in self.statuses:
            try:
                answered = self.report(message, status)
            except OSError as error:
                self.failed_callbacks.append(f"{status}: {error}")
            else:
                if answered >= 300:
                    self.failed_callbacks.append(f"{status}: answered {answered}")


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    path = re.compile(rf"/2010-04-01/Accounts/{provider.account_sid}/Messages\.json(\?.*)?")
    password = f"{provider.account_sid}:{provider.auth_token}".encode()
    authorization = f"Basic {base64.b64encode(password).decode()}"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def do_POST(self) -> None:
            size = min(int(self.headers.get("Content-Length", 0)), BODY_BYTES_MAX)
            form = dict(parse_qsl(self.rfile.read(size).decode(), keep_blank_values=True))
            if not self._may_pass():
                return
            if not {"To", "From", "Body"} <= form.keys():
                self._answer(400, _error(400, 21604, "To, From and Body are required"))
                return
            result, message = provider.take(form)
            status, code = result.value
            if result is Result.ANSWER_LOST:
                self.close_connection = True
            elif result is Result.TAKEN:
                self._answer(status, _resource(provider, message))
            else:
                self._answer(status, _error(status, code, result.name))

        def do_GET(self) -> None:
            if self._may_pass():
                to = dict(parse_qsl(urlsplit(self.path).query)).get("To")
                found = provider.inbox(to) if to else list(provider.messages)
                page = [_resource(provider, message) for message in found]
                self._answer(200, {"messages": page, "next_page_uri": None})

        def _may_pass(self) -> bool:
            if self.headers.get("Authorization") != authorization:
                self._answer(401, _error(401, 20003, "Authenticate"))
                return False
            if not path.fullmatch(self.path):
                self._answer(404, _error(404, 20404, "not found"))
                return False
            return True

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a terminal belongs to the call."""

    return Handler


def _resource(provider: Provider, message: Message) -> dict[str, Any]:
    return {
        "sid": message.sid,
        "account_sid": provider.account_sid,
        "to": message.to,
        "from": message.from_,
        "body": message.body,
        "status": "queued",
        "direction": "outbound-api",
        "error_code": None,
    }


def _error(status: int, code: int | None, words: str) -> dict[str, Any]:
    return {"status": status, "code": code or status, "message": words}
