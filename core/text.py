"""Messages into words: the catalogues, read once at start, and how each kind of value is told.

A catalogue is a folder of .po files, one a language, whose msgids are message ids and whose texts
hold `{name}` where a parameter goes. Texts with a `count` may have plural forms.
"""

from __future__ import annotations

import datetime as dt
import gettext
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.lists import format_list
from babel.messages.pofile import read_po

from core.messages import Digits, Labels, Message, Moment, Param

MOMENT: Final = "value.moment"
"""Id of the text that joins `{date}` and `{time}`."""

_GROUPS: Final = {8: (4, 4), 9: (3, 3, 3), 10: (3, 3, 4), 11: (3, 4, 4), 12: (4, 4, 4)}

_Pieces = tuple[tuple[str, str | None], ...]
"""A text taken apart: words, and the parameter that follows them (None at the end)."""


class TextMissing(Exception):
    """A catalogue lacks a language, an id, or the message lacks a parameter its text names."""


@dataclass(frozen=True, slots=True)
class _Entry:
    forms: tuple[_Pieces, ...]
    plural: bool

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for form in self.forms for _, name in form if name)


@dataclass(frozen=True, slots=True)
class _Language:
    locale: Locale
    entries: dict[str, _Entry]
    form_of: Callable[[int], int]


class Catalogue:
    """All texts of one folder, by language. Reading it takes some milliseconds: do it once."""

    def __init__(self, folder: Path) -> None:
        self._languages = {path.stem: _read(path) for path in sorted(folder.glob("*.po"))}

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that there are texts in."""
        return tuple(self._languages)

    def ids(self, language: str) -> frozenset[str]:
        """The message ids of a language."""
        return frozenset(self._language(language).entries)

    def names(self, id_: str, language: str) -> frozenset[str]:
        """The parameters that a text takes. Raises TextMissing."""
        return self._entry(self._language(language), id_, language).names

    def has(self, id_: str, language: str) -> bool:
        """Whether there is a text of that id."""
        return id_ in self._language(language).entries

    def render(self, message: Message, language: str, *, spoken: bool) -> str:
        """The message in words: `spoken` by a voice, or else shown. Raises TextMissing."""
        return self._render(message, self._language(language), language, spoken)

    def _language(self, language: str) -> _Language:
        try:
            return self._languages[language]
        except KeyError:
            raise TextMissing(f"no texts in language {language}") from None

    def _entry(self, texts: _Language, id_: str, language: str) -> _Entry:
        try:
            return texts.entries[id_]
        except KeyError:
            raise TextMissing(f"no text {id_} in language {language}") from None

    def _render(self, message: Message, texts: _Language, language: str, spoken: bool) -> str:
        entry = self._entry(texts, message.id, language)
        count = message.params.get("count")
        place = texts.form_of(count) if entry.plural and isinstance(count, int) else 0
        out: list[str] = []
        for words, name in entry.forms[place]:
            out.append(words)
            if name is not None:
                if name not in message.params:
                    raise TextMissing(f"text {message.id} in language {language} takes {name}")
                out.append(self._value(message.params[name], texts, language, spoken))
        return "".join(out)

    def _value(self, value: Param, texts: _Language, language: str, spoken: bool) -> str:
        match value:
            case Message():
                return self._render(value, texts, language, spoken)
            case Digits():
                return spoken_digits(value.value) if spoken else value.value
            case Labels():
                return value.text(language)
            case Moment():
                return self._moment(value, texts, language, spoken)
            case tuple():
                items = [self._value(item, texts, language, spoken) for item in value]
                return format_list(items, locale=texts.locale) if items else ""
            case dt.date():
                return format_date(value, "long", locale=texts.locale)
            case _:
                return str(value)

    def _moment(self, value: Moment, texts: _Language, language: str, spoken: bool) -> str:
        local = value.at.astimezone(ZoneInfo(value.zone))
        time = format_time(local, "short", locale=texts.locale)
        if not spoken:  # on paper the offset says which clock it was
            time = f"{time} {format_datetime(local, 'ZZZZ', locale=texts.locale)}"
        # A narrow no-break space, which CLDR puts before PM, would make a short SMS a long one.
        time = time.replace("\u202f", " ").replace("\u00a0", " ")
        date = format_date(local.date(), "long", locale=texts.locale)
        return self._render(Message(MOMENT, {"date": date, "time": time}), texts, language, spoken)


def spoken_digits(digits: str) -> str:
    """ "12345678" → "1 2 3 4, 5 6 7 8": one by one, in groups from eight on; other signs pause."""
    if not digits.isdigit():
        parts = "".join(sign if sign.isalnum() else " " for sign in digits).split()
        return ", ".join(" ".join(part) for part in parts)
    sizes = _GROUPS.get(len(digits)) or ((len(digits),) if len(digits) < 8 else _fours(digits))
    parts, start = [], 0
    for size in sizes:
        parts.append(" ".join(digits[start : start + size]))
        start += size
    return ", ".join(parts)


def _fours(digits: str) -> tuple[int, ...]:
    return tuple(len(digits[at : at + 4]) for at in range(0, len(digits), 4))


def _read(path: Path) -> _Language:
    with open(path, "rb") as source:
        catalog = read_po(source, locale=path.stem)
    entries: dict[str, _Entry] = {}
    for message in catalog:
        if message.id:
            plural = isinstance(message.id, tuple)
            found = message.string or ""
            texts = [found] if isinstance(found, str) else [str(form) for form in found]
            id_ = message.id[0] if isinstance(message.id, tuple) else str(message.id)
            entries[id_] = _Entry(tuple(_pieces(text, id_, path) for text in texts), plural)
    return _Language(
        Locale.parse(path.stem.replace("-", "_")), entries, gettext.c2py(catalog.plural_expr)
    )


def _pieces(text: str, id_: str, path: Path) -> _Pieces:
    if not text:
        raise TextMissing(f"{path.name}: {id_} has no text")
    try:
        return tuple((words, name) for words, name, _, _ in string.Formatter().parse(text))
    except ValueError as wrong:
        raise TextMissing(f"{path.name}: {id_}: {wrong}") from None
