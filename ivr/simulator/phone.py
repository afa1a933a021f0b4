"""A telephone on the provider's network: dials a line, presses keys, hears what is said."""

from __future__ import annotations

import contextlib
import http.client
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ivr.simulator.document import (
    KEYS,
    UNPLAYED,
    BadDocument,
    Dial,
    Gather,
    Hangup,
    Heard,
    Redirect,
    Step,
    read_document,
)
from ivr.simulator.webhook import Reply, Sender, Webhook

LINES: Final[Mapping[str, str]] = {"main": "/ivr/voice", "unblinding": "/ivr/unblinding"}
STATUS_PATH: Final = "/ivr/voice/status"
REDIRECTS_MAX: Final = 20
Request = tuple[str, Mapping[str, str]]


class CallFailed(Exception):
    """The provider would play its own error message here and end the call."""


class Phone:
    """One telephone. `heard` is what was said since the last key; `asking` what keys are awaited;
    `recordings` what was played in this call, as fetched.

    `answers` says how a number that a call is put through to behaves: "completed" (answered, the
    default), "no-answer", "busy" or "failed". Belongs to one thread at a time.
    """

    def __init__(
        self,
        url: str,
        account_sid: str,
        auth_token: str,
        from_: str = "+12025550142",
        to: str = "+12025550100",
        *,
        public_url: str | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        self.sender = Sender(url, auth_token, public_url=public_url)
        self.account_sid = account_sid
        self.from_ = from_
        self.to = to
        self.answers = answers or {}
        self.call_sid = ""
        self.heard: tuple[Heard, ...] = ()
        self.transcript: list[Heard] = []
        self.recordings: list[bytes] = []
        self.asking: Gather | None = None
        self.put_through: list[str] = []
        self.ended = True
        self._rest: list[Step] = []
        self.last: Webhook | None = None
        self.last_reply: Reply | None = None

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self.sender.close()

    @property
    def said(self) -> str:
        """What was heard since the last key, as one text."""
        return " ".join(heard.text for heard in self.heard)

    def dial(self, line: str = "main", *, call_sid: str | None = None) -> str:
        """Call a line ("main" or "unblinding"). Returns what is said."""
        if not self.ended:
            raise ValueError("this telephone is in a call")
        self.call_sid = call_sid or f"CA{secrets.token_hex(16)}"
        self.transcript = []
        self.recordings = []
        self.put_through = []
        self.ended = False
        return self._go(LINES[line], {"CallStatus": "ringing"})

    def press(self, keys: str) -> str:
        """Press keys at the present question. Returns what is said then.

        Keys after those that end the entry are lost, as between two documents. An entry that
        nothing ends is sent after the time-out.
        """
        self.enter(keys)
        return self.said

    def key(self, keys: str) -> str:
        """Press keys unhurriedly: what one question leaves over goes to the next one.

        Spaces are pauses that let the present entry time out. Returns all that was said.
        """
        said: list[str] = []
        for entry in keys.split():
            left = entry
            while left and not self.ended:
                left = self.enter(left)
                said.append(self.said)
        return " ".join(said)

    def enter(self, keys: str) -> str:
        """Press as many of these keys as the present question takes. Returns those left over.

        Raises ValueError if nobody asks for keys, and CallFailed.
        """
        asking = self.asking
        if self.ended or asking is None:
            raise ValueError("nobody is asking for keys")
        if not KEYS.issuperset(keys):
            raise ValueError(f"not keys of a telephone: {sorted(set(keys) - KEYS)}")
        digits, finished_on, left = asking.take(keys)
        if digits or asking.on_empty:
            fields = {"Digits": digits, "FinishedOnKey": finished_on, "msg": "Gather End"}
            self._go(self._path(asking.action), fields)
        else:
            self._walk(self._rest)
        return left

    def silence(self) -> str:
        """Press nothing until the time-out. Returns what is said then."""
        self.enter("")
        return self.said

    def hang_up(self) -> None:
        """End the call; the line learns of it by the status callback only."""
        if self.ended:
            return
        self._finish()

    def resend_last(self) -> Reply:
        """Send the last webhook again, byte for byte, without taking the answer for a new turn."""
        if self.last is None:
            raise ValueError("nothing was sent yet")
        return self.sender.post(self.last)

    def _go(self, path: str, fields: Mapping[str, str]) -> str:
        """Follow the document at `path` until keys are asked for or the call ends."""
        return self._walk(self._fetch(path, fields))

    def _walk(self, steps: list[Step]) -> str:
        self.asking = None
        heard: list[Heard] = []
        for _ in range(REDIRECTS_MAX):
            following = self._play(steps, heard)
            if following is None:
                break
            steps = self._fetch(*following)
        else:
            raise self._failure("the documents lead in a circle")
        said = self._hear(heard)
        if self.asking is None:
            self._finish()
        return said

    def _play(self, steps: list[Step], heard: list[Heard]) -> Request | None:
        """Play one document. Returns the request that follows without a key, if any."""
        for position, step in enumerate(steps):
            match step:
                case Heard(played=True):
                    heard.append(self._listen(step))
                case Heard():
                    heard.append(step)
                case Gather():
                    self.asking = step
                    self._rest = steps[position + 1 :]
                    return None
                case Redirect():
                    return self._path(step.url), {}
                case Dial():
                    following = self._put_through(step)
                    if following:
                        return following
                case Hangup():
                    return None
        return None

    def _listen(self, recording: Heard) -> Heard:
        """Fetch a recording as it is played; one that fails is passed over, as by the provider."""
        try:
            reply = self.sender.get(self._path(recording.url))
        except (OSError, http.client.HTTPException):
            return replace(recording, text=UNPLAYED)
        if reply.status != 200 or not reply.content_type.startswith("audio/"):
            return replace(recording, text=UNPLAYED)
        self.recordings.append(reply.body)
        return recording

    def _hear(self, heard: list[Heard]) -> str:
        self.heard = tuple(heard)
        self.transcript += heard
        return self.said

    def _put_through(self, dial: Dial) -> Request | None:
        self.put_through += dial.numbers
        results = [self.answers.get(number, "completed") for number in dial.numbers]
        result = "completed" if "completed" in results else results[0]
        if not dial.action:
            return None
        return self._path(dial.action), {"DialCallStatus": result}

    def _fetch(self, path: str, fields: Mapping[str, str]) -> list[Step]:
        self.last = Webhook(path, self._pairs({"CallStatus": "in-progress", **fields}))
        try:
            reply = self.last_reply = self.sender.post(self.last)
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(f"no answer from {path}: {error}") from error
        if reply.status != 200:
            raise self._failure(f"{path} answered {reply.status}: {reply.body[:200]!r}")
        if "xml" not in reply.content_type:
            raise self._failure(f"{path} answered {reply.content_type or 'without a type'}")
        try:
            return list(read_document(reply.body))
        except BadDocument as error:
            raise self._failure(f"{path}: {error}") from error

    def _pairs(self, fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        common = {
            "CallSid": self.call_sid,
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "Direction": "inbound",
            "From": self.from_,
            "To": self.to,
            "Caller": self.from_,
            "Called": self.to,
        }
        return (*common.items(), *fields.items())

    def _path(self, link: str) -> str:
        base = self.last.path if self.last else "/"
        try:
            return self.sender.path_of(link, base) if link else base
        except ValueError as error:
            raise self._failure(str(error)) from error

    def _failure(self, why: str) -> CallFailed:
        """What to raise: the call is over, and the line is told so if it can be reached."""
        self.heard = ()
        with contextlib.suppress(OSError, http.client.HTTPException, CallFailed):
            self._finish()
        return CallFailed(why)

    def _finish(self) -> None:
        self.asking = None
        self.ended = True
        reply = self.sender.post(Webhook(STATUS_PATH, self._pairs({"CallStatus": "completed"})))
        if reply.status >= 300:
            raise CallFailed(f"{STATUS_PATH} answered {reply.status}")
