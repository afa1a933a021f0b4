"""Keeps what a world lets out: answers with their headers, statements, chance drawn, log lines.

Every request to an application, every command and every piece of background work is one
`Seen`. Two worlds are the same for whoever looks at them if their lists of `Seen` are.
"""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
import logging
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import event

from core.context import SeededEntropy
from core.runtime import Core
from tests.support.swap import ARMS, ARMS_EXCHANGED
from web import logs

_TOKEN: Final = re.compile(rb'(name="csrf_token"[^>]*value=")[^"]*')
_HASH: Final = re.compile(rb"[0-9a-f]{64}")
_STAMP: Final = re.compile(r'"timestamp": "[^"]*"')
_SAVEPOINT: Final = re.compile(r"sa_savepoint_\d+")
_STREAM: Final = re.compile(rb"stream\n(.*?~>)endstream", re.DOTALL)
_NEXT_LINE: Final = b") Tj T* ("
_COOKIE: Final = re.compile(rb"(ixrs-form=)[^;\n]*")
_sql: dict[str, int] = {}

_RECORDINGS: Final = "/ivr/recording/"

Wsgi = Callable[..., Iterable[bytes]]


def _as_written() -> Iterator[tuple[bytes, bytes]]:
    """The arms of the exchanged study file and those of the other one, as they may be written."""
    ways: list[Callable[[str], str]] = [
        lambda text: text,
        lambda text: json.dumps(text)[1:-1],
        lambda text: text.replace('"', '""'),
        html.escape,
        lambda text: html.escape(text, quote=True).replace("\n", "&#10;"),
    ]
    for outer, inner in itertools.product(ways, ways):
        yield outer(inner(ARMS_EXCHANGED)).encode(), outer(inner(ARMS)).encode()


_ARMS: Final = tuple(dict.fromkeys(_as_written()))


def masked(content: bytes) -> bytes:
    """The bytes without what is random by design: the token of a form, the cookie that carries it,
    and hashes, which cover the salted digests of what is sealed. Never their length. The order of
    the arms in a study file that is read is that which makes the other world."""

    def same_length(found: re.Match[bytes]) -> bytes:
        return found[1] + b"x" * (len(found[0]) - len(found[1]))

    content = _COOKIE.sub(same_length, _TOKEN.sub(same_length, content))
    for theirs, ours in _ARMS:
        content = content.replace(theirs, ours)
    return _HASH.sub(b"h" * 64, content)


def _length(content: bytes) -> bytes:
    """All that is compared of a recording: who rang may know what it tells."""
    return b"%d bytes" % len(content)


def unpacked(told: list[bytes]) -> list[bytes]:
    """What is packed as what is in it: hashes are packed differently well, by chance."""
    content = told[-1] if told else b""
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            names = [f"{one.filename} {one.date_time}".encode() for one in file.infolist()]
            inside = [*names, *(file.read(one) for one in file.infolist())]
    elif content.startswith(b"%PDF"):
        streams = (base64.a85decode(b"<~" + one, adobe=True) for one in _STREAM.findall(content))
        inside = [zlib.decompress(one).replace(_NEXT_LINE, b"") for one in streams]
    else:
        return told
    return [*(one for one in told[:-1] if not one.startswith(b"Content-Length")), *inside]


@dataclass(frozen=True)
class Seen:
    """One thing that happened: by whom and where, and every trace it left.

    `told` is what a blinded person got; None where it was somebody unblinded, or nobody.
    """

    where: str
    told: bytes | None
    statements: tuple[int, ...]
    drawn: int
    logged: str

    def differences(self, other: Seen) -> Iterator[str]:
        """In what the two differ, in words."""
        if self.where != other.where:
            yield f"another step: {self.where!r}, {other.where!r}"
            return
        if self.told != other.told:
            yield f"{self.where}: told {_around(self.told or b'', other.told or b'')}"
        if self.statements != other.statements:
            yield f"{self.where}: statements {_unlike(self.statements, other.statements)}"
        if self.drawn != other.drawn:
            yield f"{self.where}: chance {self.drawn}, {other.drawn}"
        if self.logged != other.logged:
            yield f"{self.where}: log {self.logged!r}, {other.logged!r}"


def _around(one: bytes, other: bytes) -> str:
    pairs = enumerate(zip(one, other, strict=False))
    place = next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
    part = slice(max(0, place - 200), place + 200)
    return f"{one[part]!r}\n{other[part]!r}"


def _unlike(one: tuple[int, ...], other: tuple[int, ...]) -> str:
    """Counts, and those that only one of the two ran (or nothing, if the order alone differs)."""
    text = {number: sql for sql, number in _sql.items()}
    ours, theirs = Counter(one), Counter(other)
    more = [text[number] for number in (ours - theirs).elements()]
    less = [text[number] for number in (theirs - ours).elements()]
    return f"{len(one)}, {len(other)}; only here {more}, only there {less}"


@dataclass(repr=False)
class Watch:
    """Watches one core from now on. `close` stops it."""

    core: Core
    seen: list[Seen] = field(default_factory=list)
    who: str | None = None
    is_blinded: bool = False
    _now: list[int] = field(default_factory=list)
    _stream: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        engine = self.core.engine
        self._listeners: list[tuple[str, Any]] = [("before_cursor_execute", self._statement)]
        for name in ("commit", "rollback"):
            self._listeners.append((name, self._end_of_session(name)))
        for name, listener in self._listeners:
            event.listen(engine, name, listener)
        self._handlers, self._level = list(logging.getLogger().handlers), logging.getLogger().level
        self._structlog = structlog.get_config()
        self.listen()

    def listen(self) -> None:
        """Take the log as a server writes it; a command had put it elsewhere."""
        logs.configure("INFO", self._stream)

    def close(self) -> None:
        """Let go of the log and the engine."""
        root = logging.getLogger()
        root.handlers = self._handlers
        root.setLevel(self._level)
        structlog.configure(**self._structlog)
        while self._listeners:
            event.remove(self.core.engine, *self._listeners.pop())

    @contextmanager
    def acting(self, who: str, *, is_blinded: bool) -> Iterator[None]:
        """What happens meanwhile is told to this person."""
        before = self.who, self.is_blinded
        self.who, self.is_blinded = who, is_blinded
        try:
            yield
        finally:
            self.who, self.is_blinded = before

    @contextmanager
    def step(self, where: str, *, is_heard: bool = False) -> Iterator[list[bytes]]:
        """One step; what it tells is put into the list, and compared if the person is blinded or
        others hear it too."""
        told: list[bytes] = []
        mine = self._now = []
        drawn, logged = self._drawn(), self._stream.tell()
        try:
            yield told
        finally:
            self._stream.seek(logged)
            text = _STAMP.sub('"timestamp": ""', self._stream.read())
            content = masked(b"\n".join(unpacked(told))) if self.is_blinded or is_heard else None
            here = f"{self.who or '-'} {where}"
            chance = self._drawn() - drawn
            self.seen.append(Seen(here, content, tuple(mine), chance, text))

    def wsgi(self, application: Wsgi) -> Wsgi:
        """The application, each of whose requests is a step."""

        def watched(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            path = environ["PATH_INFO"] + "?" * bool(environ["QUERY_STRING"])
            path += environ["QUERY_STRING"]
            # What the provider speaks and plays passes through its hands, whoever rang.
            is_heard = path.startswith("/ivr/")
            with self.step(f"{environ['REQUEST_METHOD']} {path}", is_heard=is_heard) as told:

                def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
                    told.append(status.encode())
                    told.extend(f"{name}: {value}".encode() for name, value in headers)
                    return start_response(status, headers, *more)

                answer = application(environ, start)
                try:
                    content = b"".join(answer)
                finally:
                    getattr(answer, "close", lambda: None)()
                told.append(_length(content) if path.startswith(_RECORDINGS) else content)
            return [content]

        return watched

    def _drawn(self) -> int:
        chance = self.core.entropy
        assert isinstance(chance, SeededEntropy)
        return chance._counter

    def _statement(
        self, db: Any, cursor: Any, sql: str, values: Any, context: Any, many: bool
    ) -> None:
        text = _SAVEPOINT.sub("savepoint", sql)
        if many:
            text += f" ({len(values)} times)"
        self._now.append(_sql.setdefault(text, len(_sql)))

    def _end_of_session(self, name: str) -> Callable[[Any], None]:
        def listener(db: Any) -> None:
            self._now.append(_sql.setdefault(name, len(_sql)))

        return listener


def differences(one: Sequence[Seen], other: Sequence[Seen]) -> Iterator[str]:
    """In what two lists of what was seen differ, the first one first. After a step that only one
    of them has the rest is not looked at."""
    for ours, theirs in itertools.zip_longest(one, other):
        if ours is None or theirs is None:
            yield f"only one has {(ours or theirs).where}"
            return
        yield from ours.differences(theirs)
        if ours.where != theirs.where:
            return


def first_difference(one: Sequence[Seen], other: Sequence[Seen]) -> str | None:
    """What `differences` gives first; None: nothing."""
    return next(differences(one, other), None)
