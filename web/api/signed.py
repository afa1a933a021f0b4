"""Signatures as the API tells them: printed name, moment in UTC and at the site, meaning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from core.messages import Message
from web.api.problems import tell

_KEPT = ("user_id", "name", "meaning", "at", "method")


def signature(one: Mapping[str, Any], zone: str | None, language: str) -> dict[str, Any]:
    """A signature as an entry of the ledger has it, with what people read of it."""
    at = one["at"]
    moment = at if isinstance(at, dt.datetime) else dt.datetime.fromisoformat(at)
    return {
        **{name: one[name] for name in _KEPT},
        "at_local": moment.astimezone(ZoneInfo(zone or "UTC")).isoformat(),
        "meaning_text": tell(Message(f"meaning.{one['meaning']}"), language),
    }
