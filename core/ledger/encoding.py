"""The ledger's canonical encoding, version 1: what is hashed, byte for byte.

An entry is a JSON object: keys sorted by code point, no white space, characters written as
themselves in UTF-8, instants as UTC with six decimals and a Z, days as YYYY-MM-DD, decimals as
strings, no floats. The entry's hash is the SHA-256 of these bytes; `previous` inside them is the
hash of the entry before it ("" for the first), so anybody can check a chain with sha256sum.
docs/LEDGER.md has a test vector.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

VERSION = 1
_encoder = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(entry: Mapping[str, Any]) -> str:
    """The canonical text of an entry. Raises TypeError for what has no exact form (floats)."""
    return _encoder.encode(_plain(entry))


def digest(body: str) -> str:
    """SHA-256 of the canonical text, hex."""
    return hashlib.sha256(body.encode()).hexdigest()


def secret_digest(salt: str, text: str) -> str:
    """The digest that stands in an entry for a sealed value.

    The salt (hex, new for each value) is kept encrypted with the value: without it one of two
    arms would be guessed from its hash.
    """
    return hashlib.sha256(f"{salt}|{text}".encode()).hexdigest()


def instant(at: dt.datetime) -> str:
    """An instant as the encoding writes it: 2026-11-21T08:30:00.000000Z."""
    return at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _plain(value: Any) -> Any:
    # Exact types first: this runs over every value of every entry.
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return instant(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str | int):
        return value
    raise TypeError(f"the ledger has no exact form for {kind.__name__}")
