"""Hands on every real channel, which keep what the blinded are told there, byte by byte."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any, Final

from flask.testing import FlaskClient

from core.errors import InvalidInput, NotFound, Refused
from core.register import find
from ivr.signature import Pairs
from ivr.simulator.phone import Phone
from ivr.simulator.webhook import Reply, Webhook
from tests.support.api import Api
from tests.support.pages import Browser
from tests.support.telephone import (
    ACCOUNT,
    PUBLIC_URL,
    TOKEN,
    AppSender,
    make_app,
    telephone_settings,
)
from tests.support.texting import Texting, message_sid, mobile, pairs_of
from tests.support.world import PEOPLE, PIN, World
from tests.web.reading.pages import Pages
from web.api.deeds import questions_of

_TOKEN: Final = re.compile(rb'(name="csrf_token"[^>]*value=")[^"]*')
_HASH: Final = re.compile(rb"[0-9a-f]{64}")


def masked(content: bytes) -> bytes:
    """The bytes without what is random by design: the token of a form, and hashes, which cover
    the salted digests of what is sealed."""
    return _HASH.sub(b"(hash)", _TOKEN.sub(rb"\1(token)", content))


class _Listening(AppSender):
    """Keeps every document that the line answers with."""

    def __init__(self, hands: Hands, who: str) -> None:
        super().__init__(make_app(hands.world.core).test_client(), TOKEN)
        self._hands, self._who = hands, who

    def post(self, webhook: Webhook, *, signature: str | None = None) -> Reply:
        reply = super().post(webhook, signature=signature)
        self._hands.note(f"phone {self._who} {webhook.path}", reply.body)
        return reply


class Hands:
    """Acts in a world as any of the cast. `heard` is what the blinded among them were told, `done`
    which deeds were done on which channel, `refused` which were not and why, in order."""

    def __init__(
        self, world: World, study_number: str, line: str, blinded: tuple[str, ...]
    ) -> None:
        self.world, self._number, self._line = world, study_number, line
        self._blinded = blinded
        self.heard: list[tuple[str, bytes]] = []
        self.done: set[tuple[str, str]] = set()
        self.refused: list[tuple[str, str, str]] = []
        telephone_settings(world.core)
        self.pages, self._signed_in_at = Pages(world), world.core.now()
        self.programs = Api(world)
        self._texting = Texting(world)
        self._places = itertools.count(1)

    def note(self, label: str, content: bytes) -> None:
        """Keep what a blinded person was told; who it was stands second in the label."""
        if label.split()[1] in self._blinded:
            self.heard.append((label, masked(content)))

    def _did(self, channel: str, name: str, told: object) -> Mapping[str, Any]:
        """The facts of the newest entry, which is this deed's if it was done or refused."""
        newest = (
            "SELECT max(sequence) FROM ledger WHERE study = :study "
            "AND \"transaction\" NOT IN ('call_ended', 'types_read')"
        )
        entry = self.world.entry(self.world.one(newest))
        approved = entry["facts"].get("approved")
        assert entry["transaction"] == name or approved, (entry["transaction"], name, told)
        facts: Mapping[str, Any] = entry["facts"]
        if "refused" in facts:
            self.refused.append((channel, name, facts["refused"]))
        else:
            self.done.add((channel, name))
        return facts

    def command(self, name: str, who: str, **given: Any) -> Mapping[str, Any]:
        """As `ixrs do`; facts of what was done, or of the refusal."""
        try:
            receipt = self.world.do(name, who, **given)
        except (Refused, InvalidInput, NotFound) as error:
            self.note(f"command {who} {name}", repr((error.code, error.message)).encode())
            self.refused.append(("command", name, error.code))
            return {"refused": error.code}
        told = (receipt.said, receipt.notes, receipt.facts, receipt.confirmation)
        self.note(f"command {who} {name}", repr(told).encode())
        self.done.add(("command", name))
        return receipt.facts

    def web(self, name: str, who: str, **given: Any) -> Mapping[str, Any]:
        """On the pages, question by question, signing where it is signed."""
        browser = Browser(self.browser(who))
        page = browser.fill_in(name, given)
        self.note(f"web {who} {name}", f"{page.path} {page.status} {page.text}".encode())
        page = browser.finish(page)
        self.note(f"web {who} {name}", f"{page.path} {page.status} {page.text}".encode())
        return self._did("web", name, page.text)

    def browser(self, who: str) -> FlaskClient:
        """A browser in which the person is signed in; a session is over when time has moved on."""
        if self._signed_in_at != self.world.core.now():
            self._signed_in_at = self.world.core.now()
            self.pages = Pages(self.world)
        return self.pages.browser(who)

    def api(self, name: str, who: str, **given: Any) -> Mapping[str, Any]:
        """By a program; answers as text, typed here as the questions want."""
        known = questions_of(find(name))
        typed = {one: _typed(known.get(one, {}), raw) for one, raw in given.items()}
        key = f"{who}-{next(self._places)}"
        answer = self.programs.do(name, who, key=key, **typed)
        self.note(f"api {who} {name}", f"{answer.status_code} ".encode() + answer.data)
        return self._did("api", name, answer.data)

    def phone(self, name: str, who: str, keys: str) -> Mapping[str, Any]:
        """By telephone: the menu keys and the answers, as they are pressed."""
        phone = Phone(PUBLIC_URL, ACCOUNT, TOKEN, "+12025550142", self._line)
        phone.sender = _Listening(self, who)
        phone.dial(call_sid=f"CA{next(self._places):032x}")
        phone.key(f"1 {PEOPLE[who]}#{PIN} {self._number}# {keys}")
        phone.hang_up()
        return self._did("phone", name, [one.text for one in phone.transcript])

    def sms(self, who: str, body: str) -> None:
        """A text message."""
        sid = message_sid(next(self._places))
        pairs: Pairs = pairs_of(mobile(who), body, sid, to=self._line)
        self.note(f"sms {who} {body.split()[0]}", self._texting.post(pairs).body)
        self.done.add(("sms", "hand_over"))


def _typed(schema: Mapping[str, Any], raw: str) -> Any:
    """The text as the JSON value that the document wants for this question."""
    if schema.get("type") == "boolean":
        return raw == "yes"
    if schema.get("type") == "integer":
        return int(raw)
    if schema.get("type") == "array":
        return raw.split(",") if raw else []
    return raw
