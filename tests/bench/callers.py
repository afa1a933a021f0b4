"""A process of callers: telephones that ring the server at once, and time each webhook."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from ivr.simulator.phone import CallFailed, Phone
from ivr.simulator.webhook import Reply, Sender, Webhook

REPORT_EVERY = 20


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A whole call: who rings from where, and the keys pressed at each question in turn.

    `told` are words that the last answer must hold; `busy` names who can't ring twice at once.
    """

    busy: str
    from_: str
    to: str
    keys: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """The server's address, and what its webhooks are signed with."""

    url: str
    account_sid: str
    auth_token: str


@dataclass
class Result:
    """What came of it: `milliseconds` of every webhook, in no order; `failed` calls in words."""

    seconds: float
    milliseconds: list[float]
    failed: list[str]
    calls: int

    @property
    def per_second(self) -> float:
        """Webhooks per second."""
        return len(self.milliseconds) / self.seconds


class _TimedSender(Sender):
    """Notes how long each webhook took."""

    took: list[float]

    def post(self, webhook: Webhook, *, signature: str | None = None) -> Reply:
        start = time.perf_counter()
        reply = super().post(webhook, signature=signature)
        self.took.append((time.perf_counter() - start) * 1000)
        return reply


class _Line:
    """The calls to be made: handed out in order, but nobody is on two calls at once."""

    def __init__(self, dialogues: Sequence[Dialogue]) -> None:
        self._waiting = deque(dialogues)
        self._busy: set[str] = set()
        self._free = threading.Condition()

    def next(self) -> Dialogue | None:
        """The first call whose caller is free; None when there are no more."""
        with self._free:
            while self._waiting:
                for place, one in enumerate(self._waiting):
                    if one.busy not in self._busy:
                        del self._waiting[place]
                        self._busy.add(one.busy)
                        return one
                self._free.wait()
            return None

    def over(self, dialogue: Dialogue) -> None:
        """The caller has hung up."""
        with self._free:
            self._busy.discard(dialogue.busy)
            self._free.notify_all()


def _call(exchange: Exchange, dialogue: Dialogue, took: list[float]) -> None:
    """Make one call. Raises CallFailed for anything but the words expected."""
    phone = Phone(
        exchange.url, exchange.account_sid, exchange.auth_token, dialogue.from_, dialogue.to
    )
    phone.sender = _TimedSender(exchange.url, exchange.auth_token)
    phone.sender.took = took
    with phone:
        phone.dial()
        for keys in dialogue.keys:
            if phone.ended:
                break
            phone.press(keys)
        said = phone.said
        phone.hang_up()
    if dialogue.told not in said:
        raise CallFailed(f"after all keys it said: {said[-200:]}")


def _serve(pipe: Connection, exchange: Exchange, callers: int) -> None:
    """The life of the process: lists of calls in, progress and results out, until None comes."""
    while (dialogues := pipe.recv()) is not None:
        line, took, failed = _Line(dialogues), [], []  # type: ignore[var-annotated]
        done = 0

        def work(line: _Line = line, took: list[float] = took, failed: list[str] = failed) -> None:
            nonlocal done
            while (dialogue := line.next()) is not None:
                try:
                    _call(exchange, dialogue, took)
                except Exception as error:
                    failed.append(f"{dialogue.busy}: {type(error).__name__}: {error}"[:300])
                finally:
                    line.over(dialogue)
                done += 1

        threads = [threading.Thread(target=work) for _ in range(callers)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            next((t for t in threads if t.is_alive()), threads[0]).join(0.5)
            pipe.send(done)
        seconds = time.perf_counter() - start
        pipe.send(Result(seconds, took, failed, len(dialogues)))


class Callers:
    """The process, seen from outside."""

    def __init__(self, exchange: Exchange, callers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, exchange, callers), daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> Callers:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._process.join(5)
        self._process.kill()

    def ring(self, dialogues: Sequence[Dialogue], show: Callable[[int, int], None]) -> Result:
        """Make these calls; `show` is told how many are done."""
        self._pipe.send(list(dialogues))
        while not isinstance(heard := self._pipe.recv(), Result):
            show(heard, len(dialogues))
        return heard
