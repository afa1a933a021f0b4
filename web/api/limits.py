"""How many requests a token or an address may make: a bucket each, in this process.

Several worker processes count apart, so that the bound is this times their number: it keeps a
program that has run wild from taking the place of people, no more.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REQUESTS_PER_MINUTE: Final = 120
FAILURES_PER_MINUTE: Final = 20
_SECONDS: Final = 60
_KEYS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What is left after a request; `wait` is 0, or the seconds until the next one is served."""

    allowed: bool
    most: int
    left: int
    wait: int

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them, with Retry-After on a refusal."""
        told = {
            "RateLimit-Policy": f'"default";q={self.most};w={_SECONDS}',
            "RateLimit": f'"default";r={self.left};t={self.wait}',
        }
        return told if self.allowed else {**told, "Retry-After": str(self.wait)}


class Buckets:
    """A bucket for each key: `per_minute` at once, filled again evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = per_minute, clock
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> Taken:
        """Count one request."""
        now = self._clock()
        with self._lock:
            level = self._level(key, now)
            allowed = level >= 1
            if allowed:
                level -= 1
            self._levels[key] = (level, now)
            if len(self._levels) > _KEYS_MAX:
                self._forget(now)
        wait = 0 if allowed else max(1, math.ceil((1 - level) * _SECONDS / self._most))
        return Taken(allowed, self._most, int(level), wait)

    def _level(self, key: str, now: float) -> float:
        level, at = self._levels.get(key, (float(self._most), now))
        return min(float(self._most), level + (now - at) * self._most / _SECONDS)

    def _forget(self, now: float) -> None:
        """Let go of the full ones; of all, if an attacker has thousands of addresses."""
        kept = {
            key: kept for key, kept in self._levels.items() if self._level(key, now) < self._most
        }
        self._levels = kept if len(kept) < _KEYS_MAX else {}


@dataclass(frozen=True)
class Limits:
    """The bounds of one installation."""

    requests: Buckets
    failures: Buckets

    @classmethod
    def of(
        cls,
        requests: int = REQUESTS_PER_MINUTE,
        failures: int = FAILURES_PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> Limits:
        """So many requests a minute by token or address, so many failed sign-ins by address."""
        return cls(Buckets(requests, clock), Buckets(failures, clock))
