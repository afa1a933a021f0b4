"""The part of JSON Schema that the API's document uses, and a check against exactly that.

The document and the check are made of the same fragments, so that they cannot differ.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from core.transaction import Kind, Question

Schema = Mapping[str, Any]
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

NUMBER: Final[Schema] = {"type": "string", "pattern": "^[0-9]{1,20}$"}
_KIT: Final[Schema] = {"type": "string", "pattern": "^[0-9]{8}$"}
_WORD: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 80}
_BY_KIND: Final[Mapping[Kind, Schema]] = {
    Kind.KIT: _KIT,
    Kind.KITS: {"type": "array", "items": _KIT, "maxItems": 1000},
    Kind.CARTON: {"type": "string", "pattern": "^[0-9]{4}$"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.YES_NO: {"type": "boolean"},
    Kind.PIN: {"type": "string", "pattern": "^[0-9]{6}$", "writeOnly": True},
    Kind.PASSWORD: {"type": "string", "minLength": 12, "maxLength": 200, "writeOnly": True},
    Kind.MOBILE: {"type": "string", "pattern": "^[+][0-9 ().-]{7,30}$"},
    Kind.TEXT: _WORD,
    Kind.FILE: {"type": "string", "minLength": 1},
    Kind.CHOICE: _WORD,
    Kind.VISIT: _WORD,
    Kind.DECIMAL: {"type": "number"},
}
FACTOR: Final[Schema] = _WORD
_NUMBER_MAX: Final = 10**18
"""Larger ones mean nothing here, and 1e999999999 would take a while to write out."""


def of_question(question: Question) -> Schema:
    """The form of an answer in JSON; numbers of things are strings of digits."""
    if question.kind in (Kind.YEAR, Kind.NUMBER):
        bounds = {"minimum": question.low, "maximum": question.high}
        return {"type": "integer", **{k: v for k, v in bounds.items() if v is not None}}
    if question.kind is Kind.TEXT and question.high is not None:
        return {**_WORD, "maxLength": question.high}
    return _BY_KIND.get(question.kind, NUMBER)


def raw(value: Any) -> str:
    """An answer, checked against its schema, as a keyboard would give it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ",".join(value)
        case Decimal() if value == value.to_integral_value():
            return str(int(value))
        case _:
            return str(value)


def is_valid(schema: Schema, value: Any) -> bool:
    """Whether the value, as `loads` reads it, is what the schema says."""
    if "anyOf" in schema:
        return any(is_valid(one, value) for one in schema["anyOf"])
    if "enum" in schema and value not in schema["enum"]:
        return False
    check = _TYPES[schema["type"]]
    return check(schema, value)


def _is_string(schema: Schema, value: Any) -> bool:
    if not isinstance(value, str) or not _is_storable(value):
        return False
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if len(value) < least or (most is not None and len(value) > most):
        return False
    pattern = schema.get("pattern")
    if pattern is not None and not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value):
        return False
    match schema.get("format"):
        case "date":
            return read_date(value) is not None
        case "date-time":
            return read_moment(value) is not None
    return True


def _is_storable(value: str) -> bool:
    """A database takes neither NUL nor half a character."""
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _is_integer(schema: Schema, value: Any) -> bool:
    return _is_number(schema, value) and value == int(value)


def _is_number(schema: Schema, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    least: int = schema.get("minimum", -_NUMBER_MAX)
    most: int = schema.get("maximum", _NUMBER_MAX)
    return bool(least <= value <= most)


def _is_boolean(schema: Schema, value: Any) -> bool:
    return isinstance(value, bool)


def _is_null(schema: Schema, value: Any) -> bool:
    return value is None


def _is_array(schema: Schema, value: Any) -> bool:
    most = schema.get("maxItems")
    if not isinstance(value, list) or (most is not None and len(value) > most):
        return False
    return all(is_valid(schema["items"], item) for item in value)


_TYPES: Final[Mapping[str, Callable[[Schema, Any], bool]]] = {
    "string": _is_string,
    "integer": _is_integer,
    "number": _is_number,
    "boolean": _is_boolean,
    "null": _is_null,
    "array": _is_array,
}


def read_date(text: str) -> dt.date | None:
    """A full-date of RFC 3339, or None."""
    try:
        return dt.date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def read_moment(text: str) -> dt.datetime | None:
    """A date-time of RFC 3339 with its offset, as UTC; None if it is none."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return dt.datetime.fromisoformat(text.upper()).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def loads(text: bytes) -> Any:
    """A JSON value, numbers exact. Raises ValueError: no JSON, a name twice, nested too deeply."""
    try:
        return json.loads(
            text.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_once,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found
