"""Where time and chance enter: one clock, one source of random numbers.

Everything else is handed the frozen moment and the entropy of its request, so that two runs with
the same clock and the same entropy leave the same bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.access.roles import Actor
    from core.facts import Facts
    from core.runtime import Core
    from core.sealed import Keys, Sealed
    from core.study.schema import StudyConfig
    from core.transaction import Channel, Signature


class Clock(Protocol):
    """Tells the time, in UTC and timezone-aware."""

    def now(self) -> dt.datetime:
        """The present moment, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """The present moment, UTC."""
        return dt.datetime.now(dt.UTC)


class SetClock:
    """A clock that stands where it is put: simulated histories and tests."""

    def __init__(self, at: dt.datetime) -> None:
        self.at = at

    def now(self) -> dt.datetime:
        """The moment it was set to."""
        return self.at


class Entropy(Protocol):
    """Draws random numbers."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        ...

    def below(self, bound: int) -> int:
        """A uniform integer, 0 <= n < bound."""
        ...


class SystemEntropy:
    """The operating system's generator (`secrets`)."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        return secrets.token_bytes(count)

    def below(self, bound: int) -> int:
        """A uniform integer, 0 <= n < bound."""
        return secrets.randbelow(bound)


class SeededEntropy:
    """A reproducible stream, HMAC-SHA256 in counter mode: demo histories and tests only."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._counter = 0
        self._lock = threading.Lock()

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes of the stream."""
        with self._lock:
            out = b""
            while len(out) < count:
                block = b"entropy-v1|" + self._counter.to_bytes(8, "big")
                out += hmac.digest(self._seed, block, hashlib.sha256)
                self._counter += 1
        return out[:count]

    def below(self, bound: int) -> int:
        """A uniform integer, 0 <= n < bound, by rejection."""
        limit = (1 << 64) - (1 << 64) % bound
        while True:
            number = int.from_bytes(self.bytes(8), "big")
            if number < limit:
                return number % bound


@dataclass(frozen=True)
class Context:
    """What a transaction's `run` works with: one open write session and frozen surroundings."""

    core: Core
    db: Connection
    config: StudyConfig
    facts: Facts
    now: dt.datetime
    actor: Actor
    study: str
    site: str | None
    channel: Channel
    signature: Signature | None = None
    proposer: str | None = None

    @property
    def entropy(self) -> Entropy:
        """The source of random numbers."""
        return self.core.entropy

    @property
    def keys(self) -> Keys:
        """The keys outside the database."""
        return self.core.keys

    def seal(self, about: str, text: str) -> Sealed:
        """Seal `text`, bound to this study and to what it is about."""
        return self.keys.seal(f"{self.study}|{about}", text)
