"""Hands on every real channel of one world, with a watch on all that comes back."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from core.register import find
from core.runtime import Core
from ivr.simulator.phone import Phone
from ivr.simulator.webhook import Webhook
from ivr.sms_out import Courier, Taken, Text
from tests.noninterference.watch import Watch
from tests.support.api import Api
from tests.support.pages import Browser
from tests.support.swap import EMERGENCY
from tests.support.telephone import (
    ACCOUNT,
    PUBLIC_URL,
    TOKEN,
    AppSender,
    make_app,
    telephone_settings,
)
from tests.support.texting import message_sid, mobile, pairs_of
from tests.support.world import HOMES, PEOPLE, PIN, World
from tests.web.reading.pages import Pages
from tests.web.test_cli import environment
from web.api.deeds import questions_of
from web.cli import main
from web.mail_out import MailCourier

CHANNELS: Final = ("phone", "sms", "web", "api", "command")
Facts = Mapping[str, Any]


class _Postbox:
    """The provider and the mail server in one: takes everything, and keeps it."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._places = watch, itertools.count(1)

    def send(self, sent: Text | EmailMessage) -> Taken | None:
        """Take it. An order's files are for the depot, which may know what is in them."""
        with self._watch.acting("post", is_blinded=True):
            if isinstance(sent, Text):
                with self._watch.step(f"sms {sent.to}") as told:
                    told.append(repr(sent).encode())
                return Taken(message_sid(next(self._places)))
            with self._watch.step(f"mail {sent['To']}") as told:
                told += [f"{name}: {value}".encode() for name, value in sent.items()[:-1]]
                told.append(str(sent.get_body()).encode())
                told += [str(one.get_filename()).encode() for one in sent.iter_attachments()]
        return None


class Hands:
    """Acts in a world as any of the cast. `done` counts deeds by channel and name, `refused` says
    which were not done and why, in order. The core of every command is this world's, its clock and
    chance with it: `patch` puts it there.
    """

    def __init__(
        self,
        world: World,
        study_number: str,
        line: str,
        blinded: tuple[str, ...],
        folder: Path,
        patch: Callable[..., None],
    ) -> None:
        self.world, self._number, self._line = world, study_number, line
        self._blinded, self._folder = blinded, folder
        self.done: Counter[tuple[str, str]] = Counter()
        self.refused: list[tuple[str, str, str]] = []
        core = world.core
        telephone_settings(core, smtp_url="smtp://127.0.0.1:2525")
        self.watch = Watch(core)
        self.pages, self._signed_in_at = Pages(world), core.now()
        self.programs = Api(world)
        self._voice = make_app(core)
        for app in (self.pages.app, self.programs.app, self._voice):
            self.see(app)
        self._places = itertools.count(1)
        self._patch = patch
        self._environment = environment(str(core.engine.url))

    def see(self, app: Flask) -> None:
        """Watch every request of this application."""
        app.wsgi_app = self.watch.wsgi(app.wsgi_app)  # type: ignore[method-assign]

    @contextmanager
    def as_(self, who: str) -> Iterator[None]:
        """What happens meanwhile is told to this person, and compared if the person is blinded."""
        with self.watch.acting(who, is_blinded=who in self._blinded):
            yield

    # -- deeds: each gives the facts of the entry, or the code of the refusal as `refused`

    def command(self, name: str, who: str, site: str | None = None, **given: Any) -> Facts:
        """By `ixrs do`."""
        if find(name).site and site is None:
            site = HOMES.get(who, "101")
        if "file" in given:
            given["file"] = self._file(given["file"])
        arguments = ["do", name, "--study", self.world.study, "--user", PEOPLE[who]]
        arguments += [*(["--site", site] if site else []), "--secret-stdin"]
        arguments += ["--request-id", f"{who}-{next(self._places)}", "--json"]
        arguments += [f"{one}={raw}" for one, raw in given.items()]
        with self._deed("command", name) as facts:
            facts["told"] = self.ixrs(who, *arguments)[1]
        return facts

    def ixrs(self, who: str, *arguments: str) -> tuple[int, str]:
        """Any command: its exit code, and all that it prints."""
        self._patch(Core, "from_settings", lambda *_, **__: self.world.core)
        typed = " ".join(arguments).replace(str(self._folder), "")
        with self.as_(who), self.watch.step(f"ixrs {typed}") as told:
            ran = CliRunner().invoke(main, arguments, input=f"{PIN}\n", env=self._environment)
            self.watch.listen()
            told.append(f"{ran.exit_code} {ran.output}".encode())
        assert ran.exit_code in (0, 1), (arguments, ran.output, ran.exception)
        return ran.exit_code, ran.output

    def web(self, name: str, who: str, **given: Any) -> Facts:
        """On the pages, question by question, signing where it is signed."""
        with self._deed("web", name) as facts, self.as_(who):
            facts["told"] = Browser(self.browser(who)).do(name, given).text
        return facts

    def browser(self, who: str) -> FlaskClient:
        """A browser in which the person is signed in; a session is over when time has moved on."""
        if self._signed_in_at != self.world.core.now():
            self._signed_in_at = self.world.core.now()
            self.pages._browsers.clear()
        return self.pages.browser(who)

    def api(self, name: str, who: str, site: str | None = "home", **given: Any) -> Facts:
        """By a program; answers as text, typed here as the questions want."""
        known = questions_of(find(name))
        typed = {one: _typed(known.get(one, {}), raw) for one, raw in given.items()}
        key = f"{who}-{next(self._places)}"
        with self._deed("api", name) as facts, self.as_(who):
            facts["told"] = self.programs.do(name, who, site, key=key, **typed).text
        return facts

    def phone(self, name: str, who: str, keys: str) -> Facts:
        """By telephone: the menu keys and the answers, as they are pressed."""
        with self._deed("phone", name) as facts:
            with self.call(who) as phone:
                phone.key(f"1 {PEOPLE[who]}#{PIN} {self._number}# {keys}")
            facts["told"] = [one.text for one in phone.transcript]
        return facts

    def emergency(self, name: str, who: str, keys: str) -> Facts:
        """By the emergency line, all keys as they are pressed."""
        with self._deed("phone", name) as facts:
            with self.call(who, "unblinding") as phone:
                phone.key(keys)
            facts["told"] = [one.text for one in phone.transcript]
        return facts

    @contextmanager
    def call(self, who: str, line: str = "main") -> Iterator[Phone]:
        """A call of this person, hung up at the end."""
        to = self._line if line == "main" else EMERGENCY
        phone = Phone(PUBLIC_URL, ACCOUNT, TOKEN, "+12025550142", to)
        phone.sender = AppSender(self._voice.test_client(), TOKEN)
        with self.as_(who):
            phone.dial(line, call_sid=f"CA{next(self._places):032x}")
            yield phone
            phone.hang_up()

    def sms(self, who: str, body: str) -> None:
        """A text message."""
        pairs = pairs_of(mobile(who), body, message_sid(next(self._places)), to=self._line)
        with self.as_(who):
            AppSender(self._voice.test_client(), TOKEN).post(Webhook("/ivr/sms", pairs))
        self.done["sms", "hand_over"] += 1

    # -- what happens by itself

    def background(self, name: str, work: Callable[[], object]) -> None:
        """Work that nobody does, as a step."""
        with self.watch.step(name):
            work()

    def post(self) -> None:
        """Send all that waits, SMS and e-mail; each is compared, whoever gets it."""
        postbox = _Postbox(self.watch)
        texts, mails = Courier(self.world.core), MailCourier(self.world.core)
        texts._provider = postbox  # type: ignore[assignment]
        mails._server = postbox  # type: ignore[assignment]
        while texts.deliver_due() or mails.deliver_due():
            continue

    # --

    def _file(self, text: str) -> str:
        path = self._folder / "given"
        path.write_text(text, encoding="utf-8")
        return str(path)

    @contextmanager
    def _deed(self, channel: str, name: str) -> Iterator[dict[str, Any]]:
        """Counts the deed by what it leaves in the ledger; puts its facts into the dictionary."""
        before = self._newest()
        facts: dict[str, Any] = {}
        yield facts
        rows = self.world.rows(
            "SELECT body FROM ledger WHERE study = :study AND sequence > :n ORDER BY sequence DESC",
            n=before,
        )
        entries = (json.loads(row.body) for row in rows)
        mine = (
            one for one in entries if one["transaction"] == name or one["facts"].get("approved")
        )
        told = facts.pop("told")
        facts |= next((one["facts"] for one in mine), {"refused": "not_recorded"})
        if "refused" in facts:
            self.refused.append((channel, name, facts["refused"]))
            facts["told"] = told
        else:
            self.done[channel, name] += 1

    def _newest(self) -> int:
        query = "SELECT coalesce(max(sequence), 0) FROM ledger WHERE study = :study"
        return int(self.world.one(query))


def _typed(schema: Mapping[str, Any], raw: str) -> Any:
    """The text as the JSON value that the document wants for this question."""
    if schema.get("type") == "boolean":
        return raw == "yes"
    if schema.get("type") == "integer":
        return int(raw)
    if schema.get("type") == "array":
        return raw.split(",") if raw else []
    return raw
