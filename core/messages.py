"""What is said to people, as values: an id and parameters, put into words only at the edge.

A `Message` travels through the core, the database and the dialogue unchanged; `core.text`
renders it in the reader's language, spoken or shown. It never carries a treatment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Digits:
    """A number people key or copy: spoken digit by digit, shown as written."""

    value: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A UTC instant to be told in the local time of `zone` (an IANA name)."""

    at: dt.datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Labels:
    """Words of the study file, by language code; the first one stands in for a missing language."""

    by_language: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, words: Mapping[str, str]) -> Labels:
        """Take the mapping of language code to words as the study file gives it."""
        return cls(tuple(words.items()))

    def text(self, language: str) -> str:
        """The words in `language`, or in the first language given."""
        for code, words in self.by_language:
            if code == language:
                return words
        return self.by_language[0][1]


@dataclass(frozen=True, slots=True)
class Message:
    """A text by its id in the catalogues, with the values that go into it."""

    id: str
    params: Mapping[str, Param] = field(default_factory=dict)


Param = str | int | dt.date | Digits | Moment | Labels | Message | tuple["Param", ...]


def to_json(param: Param) -> Any:
    """A JSON value from which `from_json` makes the same parameter again."""
    match param:
        case Digits():
            return {"digits": param.value}
        case Message():
            return {"message": param.id, "params": {k: to_json(v) for k, v in param.params.items()}}
        case Moment():
            return {"moment": param.at.isoformat(), "zone": param.zone}
        case Labels():
            return {"labels": [list(pair) for pair in param.by_language]}
        case tuple():
            return [to_json(item) for item in param]
        case dt.date():
            return {"date": param.isoformat()}
        case _:
            return param


def from_json(value: Any) -> Param:
    """The parameter that `to_json` wrote."""
    match value:
        case {"message": id_, "params": params}:
            return Message(id_, {k: from_json(v) for k, v in params.items()})
        case {"digits": digits}:
            return Digits(digits)
        case {"moment": at, "zone": zone}:
            return Moment(dt.datetime.fromisoformat(at), zone)
        case {"labels": pairs}:
            return Labels(tuple((code, words) for code, words in pairs))
        case {"date": day}:
            return dt.date.fromisoformat(day)
        case list():
            return tuple(from_json(item) for item in value)
        case str() | int():
            return value
    raise ValueError("not a message parameter")


def message_from_json(value: Any) -> Message:
    """The message that `to_json` wrote; ValueError if it is something else."""
    message = from_json(value)
    if not isinstance(message, Message):
        raise ValueError("not a message")
    return message
