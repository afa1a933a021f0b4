"""Field types of the study file: codes, words, telephone numbers, numbers read exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from core.randomization.exact import exact


def _fraction(value: Any) -> Fraction:
    try:
        return exact(value)
    except (TypeError, ValueError) as error:
        raise PydanticCustomError("not_exact", "write it as 0.8, 4/5 or 1") from error


def _words(value: Mapping[str, str]) -> Mapping[str, str]:
    if not value:
        raise PydanticCustomError("no_words", "say it in each language of the study")
    return value


def _e164(value: str) -> str:
    # Imported where it is needed: its metadata would slow down everyone who only reads a config.
    import phonenumbers

    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException as error:
        raise PydanticCustomError("not_a_telephone", "write it as +12025550101") from error
    # Possible, not valid: numbers set aside for fiction, as in the demo, aren't "valid".
    if not phonenumbers.is_possible_number(number):
        raise PydanticCustomError("not_a_telephone", "write it as +12025550101")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise PydanticCustomError("not_a_zone", "write it as Europe/Madrid") from error
    return value


def _frozenset(value: Any) -> Any:
    # TOML has lists only; a name given twice is harmless.
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return frozenset(value)
    return value


def _no_approval(value: Any) -> Any:
    # Someone will want this: say why it can't be had, rather than "unknown key".
    if isinstance(value, Mapping):
        raise PydanticCustomError("code_break_approval", "a code break waits for nobody")
    return value


Exact = Annotated[Fraction, BeforeValidator(_fraction)]
"""A number of the protocol, never a float."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Words = Annotated[Mapping[str, Text], AfterValidator(_words)]
"""The same words by language code."""

Days = Annotated[int, Field(ge=0, le=3660)]
Positive = Annotated[int, Field(ge=1, le=1_000_000)]
Names = Annotated[frozenset[str], BeforeValidator(_frozenset)]
CodeBreak = Annotated[Literal["discontinue", "continue"], BeforeValidator(_no_approval)]

_CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,15}$"
_NAME = r"^[a-z][a-z0-9_]{0,31}$"
_VALUE = r"^[A-Za-z0-9][A-Za-z0-9_+-]{0,31}$"
_DIGITS = r"^[0-9]{1,6}$"
_STUDY_CODE = r"^[a-z][a-z0-9-]{1,31}$"
_LANGUAGE = r"^[a-z]{2,3}(-[A-Z]{2})?$"
_COUNTRY = r"^[A-Z]{2}$"
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_EMAIL = r"^[^@\s,;<>\"]{1,64}@[A-Za-z0-9.-]{1,190}$"

PATTERNS = {
    _CODE: "study.bad_code",
    _NAME: "study.bad_name",
    _VALUE: "study.bad_value",
    _DIGITS: "study.bad_digits",
    _STUDY_CODE: "study.bad_study_code",
    _LANGUAGE: "study.bad_language",
    _COUNTRY: "study.bad_country",
    _TIME: "study.bad_time",
    _EMAIL: "study.bad_email",
}
"""Each pattern's message, which says what the text should look like."""

Code = Annotated[str, StringConstraints(pattern=_CODE)]
Name = Annotated[str, StringConstraints(pattern=_NAME)]


def is_study_code(text: str) -> bool:
    """Whether a study could have this code."""
    return re.fullmatch(_STUDY_CODE, text) is not None and text.isascii()


Value = Annotated[str, StringConstraints(pattern=_VALUE)]
DigitString = Annotated[str, StringConstraints(pattern=_DIGITS)]
StudyCode = Annotated[str, StringConstraints(pattern=_STUDY_CODE)]
Language = Annotated[str, StringConstraints(pattern=_LANGUAGE)]
Country = Annotated[str, StringConstraints(pattern=_COUNTRY)]
TimeOfDay = Annotated[str, StringConstraints(pattern=_TIME)]
Email = Annotated[str, StringConstraints(pattern=_EMAIL, max_length=254)]
Zone = Annotated[str, AfterValidator(_zone)]
"""A name of the IANA time zone database."""

Telephone = Annotated[str, AfterValidator(_e164)]
"""E.164 once it is read."""
