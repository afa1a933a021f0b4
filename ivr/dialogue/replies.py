"""What a turn says to the caller, and which keys it awaits; `ivr.twiml` renders it."""

from __future__ import annotations

from dataclasses import dataclass

from core.messages import Message

TIMEOUT_SECONDS = 8


@dataclass(frozen=True, slots=True)
class Say:
    """Texts in one language."""

    language: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Tell:
    """Here the treatment is told: how, the renderer is given apart. It is in no reply itself."""

    language: str


@dataclass(frozen=True, slots=True)
class Keys:
    """How an entry ends: after `fixed` keys by itself, or with # where that is 0."""

    fixed: int = 0
    timeout_seconds: int = TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class Ask:
    """Say `heard_out` whole, then `says`, which a key interrupts, and wait for keys."""

    says: tuple[Say, ...]
    keys: Keys
    heard_out: tuple[Say | Tell, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """Say, then put the caller through; what became of it is heard as `Dialled`. Where `others`
    are given all of them ring at once."""

    says: tuple[Say, ...]
    telephone: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HangUp:
    """Say, then end the call."""

    says: tuple[Say, ...]


Reply = Ask | Transfer | HangUp
