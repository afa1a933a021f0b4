"""Questions as form fields: what to show for each kind, and the raw answer in what came back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Request
from werkzeug.datastructures import FileStorage

from core.access.secrets import keep_pin, password_problem, pin_problem
from core.errors import InvalidInput
from core.interview import Ask, words
from core.messages import Labels, Message
from core.sealed import Keys
from core.transaction import Kind, Question

FIELD: Final = "answer"
"""The name of the one field, or the stem of several (answer-day)."""
_DATE_PARTS: Final = ("day", "month", "year")
_NUMERIC: Final = frozenset(
    {
        *(Kind.SUBJECT, Kind.KIT, Kind.CARTON, Kind.SHIPMENT, Kind.PERSON, Kind.SITE),
        *(Kind.PROPOSAL, Kind.YEAR, Kind.NUMBER),
    }
)
_WIDTHS: Final = {Kind.CARTON: 4, Kind.YEAR: 4, Kind.NUMBER: 8, Kind.DECIMAL: 8}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field, in words."""

    field: str
    text: str


@dataclass(frozen=True)
class Field:
    """A question as a page shows it. `shape` is the kind of control: date, radios, lines, file,
    secret or line."""

    shape: str
    title: Message
    hint: Message | None
    choices: tuple[tuple[str, Message | Labels], ...] = ()
    value: str = ""
    parts: tuple[str, str, str] = ("", "", "")  # day, month, year
    numeric: bool = False
    width: int = 20


def field_of(asked: Ask, raw: str) -> Field:
    """How to ask this; `raw` is the answer given before, or what was just typed."""
    question = asked.question
    title, kind = words("ask", question), question.kind
    if kind is Kind.DATE:
        return Field("date", title, Message("web.hint_date"), parts=_date_parts(raw))
    if kind is Kind.YES_NO:
        both = (("yes", Message("word.yes")), ("no", Message("word.no")))
        return Field("radios", title, None, both, raw)
    if kind in (Kind.CHOICE, Kind.VISIT):
        choices = tuple((one.value, one.label) for one in asked.choices)
        return Field("radios", title, None, choices, raw)
    if kind is Kind.KITS:
        return Field("lines", title, Message("web.hint_kits"), value=raw.replace(",", "\n"))
    if kind is Kind.FILE:
        return Field("file", title, Message("web.hint_file"))
    if kind is Kind.PIN:
        return Field("secret", title, Message("web.hint_new_pin"), numeric=True)
    if kind is Kind.PASSWORD:
        return Field("secret", title, Message("web.hint_password"))
    width = _WIDTHS.get(kind, 20)
    return Field("line", title, _hint(question), value=raw, numeric=kind in _NUMERIC, width=width)


_TOLD_TO_THE_BLINDED: Final = frozenset({"details", "assessment", "findings", "remarks"})
"""Free words in which somebody who was just told a treatment might name it."""


def _hint(question: Question) -> Message | None:
    if question.unit is not None:
        return Message("web.hint_unit", {"unit": question.unit})
    if question.kind is Kind.KIT:
        return Message("web.hint_kit")
    if question.kind is Kind.TEXT and question.name in _TOLD_TO_THE_BLINDED:
        return Message("web.hint_blinded")
    return None


def _date_parts(raw: str) -> tuple[str, str, str]:
    parts = raw.split("-")
    if len(parts) != len(_DATE_PARTS):
        return ("", "", "")
    year, month, day = parts
    return (day.lstrip("0"), month.lstrip("0"), year)


def first_field(shape: str) -> str:
    """The id of the control that a problem's link leads to."""
    return f"{FIELD}-day" if shape == "date" else FIELD


def read(request: Request, question: Question, keys: Keys, user_id: str) -> str:
    """The raw answer in this form, as the core takes it. Raises InvalidInput."""
    form = request.form
    match question.kind:
        case Kind.DATE:
            return _date({part: form.get(f"{FIELD}-{part}", "").strip() for part in _DATE_PARTS})
        case Kind.KITS:
            return ",".join(re.split(r"[\s,;]+", form.get(FIELD, "").strip()))
        case Kind.FILE:
            return _file(request.files.get(f"{FIELD}-file"), form.get(FIELD, ""))
        case Kind.PIN | Kind.PASSWORD:
            return _secret(form, question, keys, user_id)
        case Kind.DECIMAL:
            return form.get(FIELD, "").strip().replace(",", ".")
        case _:
            return form.get(FIELD, "").strip()


def _date(parts: Mapping[str, str]) -> str:
    if not any(parts.values()):
        return ""
    day, month, year = (parts[name] for name in _DATE_PARTS)
    return f"{year:0>4}-{month:0>2}-{day:0>2}"


def _file(sent: FileStorage | None, typed: str) -> str:
    if sent is None or not sent.filename:
        return typed.replace("\r\n", "\n")
    try:
        return str(sent.read(), "utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(FIELD, Message("web.error_file_text")) from None


def _secret(form: Mapping[str, str], question: Question, keys: Keys, user_id: str) -> str:
    """The new PIN or password, judged here and kept as a sealed hash only."""
    secret = form.get(FIELD, "")
    judge = pin_problem if question.kind is Kind.PIN else password_problem
    if problem := judge(secret, user_id):
        raise InvalidInput(question.name, problem)
    if secret != form.get(f"{FIELD}-again", ""):
        raise InvalidInput(question.name, Message("web.error_unlike"))
    return keep_pin(keys, user_id, secret)


_ON_A_PAGE: Final = {
    "error.date": "web.error_date",
    "error.choice": "web.error_choose",
    "error.yes_no": "web.error_choose",
    "error.not_authenticated": "web.error_secret",
}


def on_a_page(message: Message, *, is_empty: bool = False) -> Message:
    """The message in the words of a page, which has three fields for a day and buttons to choose
    from, and knows who is signed in."""
    found = _ON_A_PAGE.get(message.id)
    if found is None and is_empty:
        found = "web.error_empty"
    return Message(found) if found else message
