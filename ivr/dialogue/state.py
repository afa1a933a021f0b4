"""Where a call stands: a frozen value that goes to JSON and back, without any secret in it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.messages import Labels, Message, from_json, to_json
from core.transaction import Kind
from ivr.dialogue.effects import Asked


class Stage(StrEnum):
    """What the caller is being asked, or that the call is leaving us."""

    LANGUAGE = "language"
    LANGUAGE_CODE = "language_code"
    USER_ID = "user_id"
    PIN = "pin"
    NEW_PIN = "new_pin"
    NEW_PIN_AGAIN = "new_pin_again"
    STUDY = "study"
    SITE = "site"
    MENU = "menu"
    QUESTION = "question"
    KIT = "kit"  # one of several kits of a question
    PIN_AGAIN = "pin_again"  # a question for a new PIN, once more
    READ_BACK = "read_back"
    SIGN = "sign"
    RESULT = "result"
    EMERGENCY_STUDY = "emergency_study"
    EMERGENCY_SUBJECT = "emergency_subject"
    EMERGENCY_CHOICE = "emergency_choice"  # the operator, or the subject's number once more
    REVEAL = "reveal"  # the treatment is told
    SEEKING = "seeking"  # within one turn only: the operators are being looked up
    OPERATOR = "operator"
    HELPDESK = "helpdesk"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class State:
    """A call between two turns. `said` is told before the prompt of the stage.

    `queue` holds fields keyed ahead, which may be secrets: it lives within one turn only.
    """

    stage: Stage
    languages: tuple[str, ...]
    language: str
    title: Labels | None = None  # of the study dialled, later of the study chosen
    training: bool = False
    helpdesk: str = ""
    said: tuple[Message, ...] = ()
    tries: int = 0
    telling: tuple[int, ...] = ()  # receipts that this reply tells of
    user_id: str = ""
    name: str = ""
    kept_code: str = ""
    kept_pin: str = ""
    study: str = ""
    study_number: str = ""
    site: str = ""
    studies: tuple[tuple[str, Labels], ...] = ()
    offered: tuple[tuple[str, str], ...] = ()
    code_break: bool = False
    level: str = ""  # of the menu: "", "6", "66", "666"
    transaction: str = ""
    given: tuple[tuple[str, str], ...] = ()
    asked: Asked | None = None
    kits_expected: int = 0
    kits: tuple[str, ...] = ()
    read_back: tuple[Message, ...] = ()
    signed: tuple[Message, ...] = ()  # what the signature will say, where there is one
    result: tuple[Message, ...] = ()
    renewing: bool = False  # the PIN was right and too old: the new one takes its place
    emergency: bool = False  # on the emergency line, or after 9 at the language step
    signed_on: str = ""  # when the sign-in signed what is to be done, ISO 8601; once
    tells: bool = False  # this reply tells the treatment
    subject: str = ""  # whose treatment is told
    by: str = ""  # how it is told: recording, voice
    receipt: int = 0  # of the code break that is told
    operators: tuple[str, ...] = ()
    operator: int = 0
    unattended: bool = False  # no operator answered
    sealed_card: Labels | None = None
    queue: tuple[str, ...] = field(default=(), repr=False)

    def dump(self) -> str:
        """The state as JSON text, defaults left out."""
        out: dict[str, Any] = {}
        for item in _FIELDS:
            value = getattr(self, item.name)
            if value != item.default:
                out[item.name] = _dump_asked(value) if item.name == "asked" else to_json(value)
        return json.dumps(out, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> State:
        """The state that `dump` wrote."""
        values: dict[str, Any] = {}
        for name, value in json.loads(text).items():
            values[name] = _load_asked(value) if name == "asked" else from_json(value)
        values["stage"] = Stage(values["stage"])
        return cls(**values)


_FIELDS = tuple(item for item in dataclasses.fields(State) if item.name != "queue")


def _dump_asked(asked: Asked) -> dict[str, Any]:
    return {
        "name": asked.name,
        "kind": asked.kind.value,
        "text": to_json(asked.text),
        "choices": to_json(asked.choices),
        "unit": to_json(asked.unit) if asked.unit else None,
    }


def _load_asked(value: dict[str, Any]) -> Asked:
    text, choices = from_json(value["text"]), from_json(value["choices"])
    unit = from_json(value["unit"]) if value["unit"] else None
    return Asked(value["name"], Kind(value["kind"]), text, choices, unit)  # type: ignore[arg-type]
