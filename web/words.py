"""Words, dates and numbers for pages: in the reader's language, in the site's time zone."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_interval, format_time
from babel.numbers import format_decimal
from flask import g, request

from core.messages import Message, Moment, Param
from core.text import TextMissing
from locales import catalogue

LANGUAGE_OTHERWISE: Final = "en"
LANGUAGE_COOKIE: Final = "ixrs-language"
NAMES: Final = {"en": "English", "es": "Español"}
"""What each language calls itself."""


def language() -> str:
    """The reader's language: the person's own, the one chosen, or the browser's wish."""
    found: str | None = g.get("language")
    if found is None:
        found = g.language = _wished()
    return found


def speak(code: str) -> None:
    """Go on in the person's language."""
    if code in catalogue().languages:
        g.language = code


def _wished() -> str:
    known = catalogue().languages
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in known:
        return chosen
    return request.accept_languages.best_match(known) or LANGUAGE_OTHERWISE


def say(message: Message) -> str:
    """A message in words. A text that is missing shows its id rather than an error page."""
    try:
        return catalogue().render(message, language(), spoken=False)
    except TextMissing:
        return f"({message.id})"


def t(id_: str, **params: Param) -> str:
    """The text of that id in words."""
    return say(Message(id_, params))


def day(date: dt.date) -> str:
    """A day: 20 November 2026."""
    return format_date(date, "long", locale=language())


def days(first: dt.date, last: dt.date | None = None) -> str:
    """A day or a run of days in few letters, for tables: Nov 14 - 20, 2026."""
    text = str(format_interval(first, last or first, "yMMMd", locale=language()))
    return text.replace("\u2009", " ")


def moment(at: dt.datetime, zone: str | None = None, *, short: bool = False) -> str:
    """An instant in the time zone of the place where the reader works, or in another one."""
    where = zone or g.get("zone", "UTC")
    if short:
        local = at.astimezone(ZoneInfo(where))
        return f"{days(local.date())}, {format_time(local, 'short', locale=language())}"
    return t("web.moment", at=Moment(at, where))


def upper_first(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def number(value: int | float) -> str:
    """A count."""
    return format_decimal(value, locale=language())
