"""Keys and answers: how each entry ends, and what the keys of an answer mean.

The printed call sheet is made from the same table.
"""

from __future__ import annotations

import datetime as dt

from core.messages import Message
from core.transaction import Kind
from ivr.dialogue.effects import Asked, Keys
from ivr.dialogue.state import Stage

PIN_DIGITS = 6
CODE_DIGITS = 12
ONE_KEY = Keys(fixed=1)
ENDED_BY_HASH = Keys()
_KIND_KEYS = {
    Kind.PIN: Keys(fixed=PIN_DIGITS),
    Kind.DATE: Keys(fixed=8),
    Kind.YEAR: Keys(fixed=4),
    Kind.CARTON: Keys(fixed=4),
    Kind.YES_NO: ONE_KEY,
}
_SEARCHING_SECONDS = 15
"""Who has to look up a number, or writes down what was said, is given time."""
_STAGE_KEYS = {
    Stage.LANGUAGE: ONE_KEY,
    Stage.LANGUAGE_CODE: Keys(fixed=2),
    Stage.PIN: Keys(fixed=PIN_DIGITS),
    Stage.NEW_PIN: Keys(fixed=PIN_DIGITS),
    Stage.NEW_PIN_AGAIN: Keys(fixed=PIN_DIGITS),
    Stage.MENU: ONE_KEY,
    Stage.READ_BACK: ONE_KEY,
    Stage.SIGN: Keys(fixed=PIN_DIGITS),
    Stage.PIN_AGAIN: Keys(fixed=PIN_DIGITS),
    Stage.RESULT: ONE_KEY,
    Stage.EMERGENCY_SUBJECT: Keys(timeout_seconds=_SEARCHING_SECONDS),
    Stage.EMERGENCY_CHOICE: ONE_KEY,
    Stage.REVEAL: Keys(fixed=1, timeout_seconds=_SEARCHING_SECONDS),
}
_YES_NO = {"1": "yes", "2": "no"}
_NUMBER_DIGITS_MAX = 20


def keys_of_question(asked: Asked) -> Keys:
    """How the entry of a question ends."""
    if asked.choices:
        return ONE_KEY if all(len(key) == 1 for key, _, _ in asked.choices) else ENDED_BY_HASH
    return _KIND_KEYS.get(asked.kind, ENDED_BY_HASH)


def keys_of_stage(stage: Stage, asked: Asked | None) -> Keys:
    """How the entry ends at a stage."""
    if stage is Stage.QUESTION and asked is not None:
        return keys_of_question(asked)
    return _STAGE_KEYS.get(stage, ENDED_BY_HASH)


def raw_answer(asked: Asked, keys: str) -> str | Message:
    """The answer as a keyboard would give it, or what is wrong with the keys."""
    if asked.choices:
        found = {key: value for key, value, _ in asked.choices}.get(keys)
        return found if found is not None else Message("wrong.key")
    if asked.kind is Kind.YES_NO:
        return _YES_NO.get(keys) or Message("wrong.key")
    if not _is_digits(keys) or len(keys) > _NUMBER_DIGITS_MAX:
        return Message("wrong.digits")
    fixed = keys_of_question(asked).fixed
    if fixed and len(keys) != fixed:
        return Message("wrong.length", {"digits": fixed})
    if asked.kind is Kind.DATE:
        return _iso_date(keys) or Message("wrong.date")
    if asked.kind is Kind.DECIMAL:
        return f"{int(keys[:-1] or '0')}.{keys[-1]}"
    return keys


def _is_digits(keys: str) -> bool:
    return keys.isascii() and keys.isdigit()


def _iso_date(keys: str) -> str | None:
    try:
        return dt.date(int(keys[4:]), int(keys[2:4]), int(keys[:2])).isoformat()
    except ValueError:
        return None


def fields_of(keys: str) -> tuple[str, ...]:
    """The fields of an entry keyed ahead; one field if it is a plain entry."""
    if "*" not in keys or keys == "*":
        return (keys,)
    return tuple(keys.removesuffix("*").split("*"))


def without_pins(stage: Stage, asked: Asked | None, keys: str) -> str:
    """The keys with every PIN taken out, and whatever could be one, before they are digested."""
    if keys_of_stage(stage, asked).fixed == PIN_DIGITS:
        return ""
    fields = list(fields_of(keys))
    if stage is Stage.USER_ID and len(fields) > 1:
        secrets = 2 if len(fields[0]) == CODE_DIGITS else 1
        fields[1 : 1 + secrets] = ["-"] * len(fields[1 : 1 + secrets])
    if len(fields) > 1:
        fields = ["-" if len(one) == PIN_DIGITS and _is_digits(one) else one for one in fields]
    return "*".join(fields)
