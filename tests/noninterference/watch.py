"""Keeps what a world lets out: answers with their headers, statements, chance drawn, log lines.

Every request to an application, every command and every piece of background work is one
`Seen`. Two worlds are the same for whoever looks at them if their lists of `Seen` are.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import event

from core.context import SeededEntropy
from core.runtime import Core
from web import logs

_TOKEN: Final = re.compile(rb'(name="csrf_token"[^>]*value=")[^"]*')
_HASH: Final = re.compile(rb"[0-9a-f]{64}")
_STAMP: Final = re.compile(r'"timestamp": "[^"]*"')
_SAVEPOINT: Final = re.compile(r"sa_savepoint_\d+")
_COOKIE: Final = re.compile(rb"(ixrs-form=)[^;\n]*")
_sql: dict[str, int] = {}

Wsgi = Callable[..., Iterable[bytes]]


def masked(content: bytes) -> bytes:
    """The bytes without what is random by design: the token of a form, the cookie that carries it,
    and hashes, which cover the salted digests of what is sealed. Never their length."""

    def same_length(found: re.Match[bytes]) -> bytes:
        return found[1] + b"x" * (len(found[0]) - len(found[1]))

    content = _COOKIE.sub(same_length, _TOKEN.sub(same_length, content))
    return _HASH.sub(b"h" * 64, content)


def unpacked(told: list[bytes]) -> list[bytes]:
    """What is packed (its length is by chance, since hashes are) as what is in it, with names."""
    if not told or not told[-1].startswith(b"PK"):
        return told
    with zipfile.ZipFile(io.BytesIO(told[-1])) as file:
        inside = [
            f"{one.filename} {one.date_time}".encode() + file.read(one) for one in file.infolist()
        ]
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

    def differs_from(self, other: Seen) -> str | None:
        """In what the two differ first, in words; None: in nothing."""
        if self.where != other.where:
            return f"another step: {self.where!r}, {other.where!r}"
        if self.told != other.told:
            return f"{self.where}: told {_around(self.told or b'', other.told or b'')}"
        if self.statements != other.statements:
            return f"{self.where}: statements {_unlike(self.statements, other.statements)}"
        if self.drawn != other.drawn:
            return f"{self.where}: chance {self.drawn}, {other.drawn}"
        if self.logged != other.logged:
            return f"{self.where}: log {self.logged!r}, {other.logged!r}"
        return None


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
    def step(self, where: str) -> Iterator[list[bytes]]:
        """One step; what it tells is put into the list. A step within another one is part of it."""
        told: list[bytes] = []
        mine = self._now = []
        drawn, logged = self._drawn(), self._stream.tell()
        try:
            yield told
        finally:
            self._stream.seek(logged)
            text = _STAMP.sub('"timestamp": ""', self._stream.read())
            content = masked(b"\n".join(unpacked(told))) if self.is_blinded else None
            here = f"{self.who or '-'} {where}"
            chance = self._drawn() - drawn
            self.seen.append(Seen(here, content, tuple(mine), chance, text))

    def wsgi(self, application: Wsgi) -> Wsgi:
        """The application, each of whose requests is a step."""

        def watched(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            path = environ["PATH_INFO"] + "?" * bool(environ["QUERY_STRING"])
            path += environ["QUERY_STRING"]
            with self.step(f"{environ['REQUEST_METHOD']} {path}") as told:

                def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
                    told.append(status.encode())
                    told.extend(f"{name}: {value}".encode() for name, value in headers)
                    return start_response(status, headers, *more)

                answer = application(environ, start)
                try:
                    content = b"".join(answer)
                finally:
                    getattr(answer, "close", lambda: None)()
                told.append(content)
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


def first_difference(one: list[Seen], other: list[Seen]) -> str | None:
    """In what two lists of what was seen differ first; None: in nothing."""
    for ours, theirs in zip(one, other, strict=False):
        found = ours.differs_from(theirs)
        if found is not None:
            return found
    return None if len(one) == len(other) else f"{len(one)} steps, {len(other)}"
