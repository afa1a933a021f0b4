"""Signatures in words, wherever a record is shown: printed name, moment, meaning, reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from core.ledger.signed import Signed
from core.messages import Message
from core.register import transactions
from core.study.versions import latest_config
from locales import catalogue
from web.db import connection, the_core
from web.session import current
from web.words import moment, say, t

_FAMILIES: Final = (
    *("break", "view", "purpose", "replace", "correction", "in_error", "because"),
    "without_drug",
)
"""Families of reasons among the choices of deeds. A value that is in two has the same words."""


@dataclass(frozen=True, slots=True)
class SignedWords:
    """A signature for a page."""

    deed: str
    name: str
    at: str
    meaning: str
    reason: str | None


def signed_words(
    found: Iterable[Mapping[str, Any] | Signed], zone: str | None = None
) -> tuple[SignedWords, ...]:
    """Signatures, times in `zone` where their deed has no site."""
    values = (asdict(one) if isinstance(one, Signed) else one for one in found)
    return tuple(
        SignedWords(
            _deed(one["deed"], proposed=one["proposed"]),
            printed_name(one),
            moment(one["at"], one["zone"] or zone),
            meaning_words(one["meaning"]),
            reason_words(one["reason"]),
        )
        for one in values
    )


def printed_name(signature: Mapping[str, Any]) -> str:
    """The signer's name as it was on record then, with the user ID."""
    return f"{signature['name']} ({signature['user_id']})"


def meaning_words(meaning: str) -> str:
    """What the signature means."""
    return say(Message(f"meaning.{meaning}"))


def _deed(name: str, *, proposed: bool) -> str:
    known = name in {one.name for one in transactions()}
    words = say(Message(f"deed.{name}")) if known else name
    return t("web.signed.proposed", deed=words) if proposed else words


def reason_words(reason: str | None) -> str | None:
    """The reason as it was chosen, or as somebody wrote it."""
    if reason is None:
        return None
    language, known = current().language, catalogue()
    for family in _FAMILIES:
        if known.has(f"choice.{family}_{reason}", language):
            return say(Message(f"choice.{family}_{reason}"))
    config = latest_config(connection(), the_core(), current().study.code)
    failures = config.screening.failure_reasons if config.screening else ()
    named = (*failures, *config.discontinuation_reasons)
    return next((one.labels.text(language) for one in named if one.value == reason), reason)
