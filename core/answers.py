"""From what was keyed or typed to a checked answer, by the kind of the question."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from core.access.contacts import open_number
from core.access.secrets import (
    KEPT,
    PASSWORD_CHARACTERS_MIN,
    open_kept,
    password_problem,
    pin_problem,
)
from core.codes import is_damm
from core.errors import IntegrityBreach, InvalidInput
from core.messages import Digits, Message, Param
from core.telephone import phone_of
from core.transaction import Choice, Kind, Question, Value

if TYPE_CHECKING:
    from core.facts import Facts

KIT_DIGITS: Final = 8
_DIGITS = re.compile(r"[0-9]{1,20}")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_KEYED_DATE = re.compile(r"(\d{2})(\d{2})(\d{4})")
TEXT_CHARACTERS_MAX: Final = 80


def parse(question: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value:
    """The answer that `raw` gives. Raises InvalidInput: the question, and what would be right."""
    # A file stays as it is, so that its digest is the one that sha256sum gives; so does a password.
    text = raw if question.kind in (Kind.FILE, Kind.PASSWORD) else raw.strip()
    wrong = _PARSERS[question.kind](question, text, choices, facts)
    if isinstance(wrong, Message):
        raise InvalidInput(question.name, wrong)
    return wrong


_Parser = Callable[[Question, str, tuple[Choice, ...], "Facts"], Value | Message]


def _subject(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    if not _DIGITS.fullmatch(raw) or facts.subject(raw) is None:
        return Message("error.subject_unknown", {"number": Digits(raw[:20])})
    return raw


def _kit_number(raw: str, facts: Facts) -> Message | None:
    if len(raw) != KIT_DIGITS or not raw.isascii() or not raw.isdigit() or not is_damm(raw):
        return Message("error.kit_mistyped", {"number": Digits(raw[:20])})
    if facts.kit(raw) is None:
        return Message("error.kit_unknown", {"number": Digits(raw)})
    return None


def _kit(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    return _kit_number(raw, facts) or raw


def _kits(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    numbers = tuple(part.strip() for part in raw.split(",") if part.strip())
    for number in numbers:
        if problem := _kit_number(number, facts):
            return problem
    if len(set(numbers)) < len(numbers):
        return Message("error.kit_twice")
    return numbers


def _carton(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    return raw if re.fullmatch(r"[0-9]{4}", raw) else Message("error.carton")


def _shipment(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    if not _DIGITS.fullmatch(raw) or facts.shipment(raw) is None:
        return Message("error.shipment_unknown", {"number": Digits(raw[:20])})
    return raw


def _lot(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    known = _DIGITS.fullmatch(raw) and facts.lot(raw) is not None
    return raw if known else Message("error.lot_unknown")


def _site(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    known = _DIGITS.fullmatch(raw) and facts.find_site(raw)
    if not known or not facts.actor.sees_site(facts.study, raw):
        return Message("error.site_unknown", {"number": Digits(raw[:20])})
    return raw


def _proposal(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    if not _DIGITS.fullmatch(raw) or facts.proposal(raw) is None:
        return Message("error.proposal_unknown", {"number": Digits(raw[:20])})
    return raw


def _date(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    try:
        if found := _DATE.fullmatch(raw):
            return dt.date(int(found[1]), int(found[2]), int(found[3]))
        if found := _KEYED_DATE.fullmatch(raw):
            return dt.date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        pass
    return Message("error.date")


def _number(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    low, high = q.low or 0, 10**9 if q.high is None else q.high
    if not re.fullmatch(r"[0-9]{1,9}", raw) or not low <= int(raw) <= high:
        return Message("error.number", {"low": low, "high": high})
    return int(raw)


def _decimal(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    low, high = q.low or 0, 10**6 if q.high is None else q.high
    try:
        value = Decimal(raw)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not low <= value <= high or value != round(value, 1):
        return Message("error.decimal", {"low": low, "high": high})
    return value


def _choice(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    for choice in choices:
        if raw == choice.value:
            return choice.value
    if not choices:
        return Message("error.no_choice")
    words = tuple(choice.value for choice in choices)
    return Message("error.choice", {"values": ", ".join(words)})


def _yes_no(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    answers = {"yes": True, "no": False, "true": True, "false": False}
    return answers.get(raw.lower(), Message("error.yes_no"))


def _pin(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    if raw.startswith(KEPT):
        # Judged when it was keyed, hashed and sealed since: the seal tells whether by us.
        try:
            open_kept(facts.core.keys, facts.actor.user_id, raw)
        except IntegrityBreach:
            return Message("error.pin_form")
        return raw
    return pin_problem(raw, facts.actor.user_id) or raw


def _password(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    if raw.startswith(KEPT):
        try:
            open_kept(facts.core.keys, facts.actor.user_id, raw)
        except IntegrityBreach:
            return Message("error.password_short", {"least": PASSWORD_CHARACTERS_MIN})
        return raw
    return password_problem(raw, facts.actor.user_id) or raw


def _mobile(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    """In E.164, or as it was sealed for a second person to read."""
    if raw.startswith(KEPT):
        try:
            return open_number(facts.core.keys, facts.study, raw)
        except IntegrityBreach:
            return Message("error.import_phone")
    return phone_of(raw) or Message("error.import_phone")


def _person(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    if not _DIGITS.fullmatch(raw) or not facts.is_investigator(raw):
        return Message("error.investigator_unknown", {"number": Digits(raw[:20])})
    return raw


def _text(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    most = q.high or TEXT_CHARACTERS_MAX
    if not raw or len(raw) > most or not raw.isprintable():
        return Message("error.text", {"most": most})
    return raw


def _file(q: Question, raw: str, choices: tuple[Choice, ...], facts: Facts) -> Value | Message:
    return raw if raw.strip() else Message("error.file_empty")


_PARSERS: Final[dict[Kind, _Parser]] = {
    Kind.SUBJECT: _subject,
    Kind.KIT: _kit,
    Kind.KITS: _kits,
    Kind.CARTON: _carton,
    Kind.SHIPMENT: _shipment,
    Kind.LOT: _lot,
    Kind.VISIT: _choice,
    Kind.PERSON: _person,
    Kind.SITE: _site,
    Kind.PROPOSAL: _proposal,
    Kind.DATE: _date,
    Kind.YEAR: _number,
    Kind.CHOICE: _choice,
    Kind.YES_NO: _yes_no,
    Kind.NUMBER: _number,
    Kind.DECIMAL: _decimal,
    Kind.PIN: _pin,
    Kind.PASSWORD: _password,
    Kind.MOBILE: _mobile,
    Kind.TEXT: _text,
    Kind.FILE: _file,
}

_NUMBERS = frozenset(
    {
        Kind.SUBJECT,
        Kind.KIT,
        Kind.SHIPMENT,
        Kind.SITE,
        Kind.PROPOSAL,
        Kind.CARTON,
        Kind.LOT,
        Kind.PERSON,
    }
)


def shown(question: Question, value: Value, choices: tuple[Choice, ...]) -> Param:
    """A checked answer as a message parameter, for the read-back."""
    if question.kind in (Kind.CHOICE, Kind.VISIT):
        return next(choice.label for choice in choices if choice.value == value)
    if question.kind is Kind.YES_NO:
        return Message("word.yes" if value else "word.no")
    if isinstance(value, tuple):
        return tuple(Digits(item) for item in value) if value else Message("word.none")
    if question.kind is Kind.MOBILE:
        return Digits(str(value).removeprefix("+"))
    if question.kind in _NUMBERS:
        return Digits(str(value))
    if question.kind is Kind.YEAR:
        return str(value)
    if isinstance(value, Decimal):
        return str(value)
    return value
