"""The grammar of inbound SMS: GIVEN and RESEND, whatever the script, case and separators.

The command words are those of every language that there are texts in, since people text in the
one that comes to mind. None of them is a word that carriers keep to themselves.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from core.inbound import WORDS, Command
from core.messages import Message
from core.text import Catalogue

CHARACTERS_MAX: Final = 1600
CONFIRMATION_DIGITS: Final = 9
CARTON_DIGITS: Final = 4
OTHER: Final = Command("other")


def fold(text: str) -> str:
    """Capitals, ASCII digits for those of any script, one space for anything that is neither."""
    plain = unicodedata.normalize("NFKC", text).upper()
    signs = (_sign(sign) for sign in plain)
    return " ".join("".join(signs).split())


def _sign(sign: str) -> str:
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(sign) in ("Mn", "Cf"):  # accents, marks of direction, soft hyphens
        return ""
    return sign if sign.isalpha() else " "


def words_of(texts: Catalogue) -> Mapping[str, str]:
    """The command words of every language: "ENTREGADO" → "given"."""
    return _words_of(texts)


@functools.cache
def _words_of(texts: Catalogue) -> Mapping[str, str]:
    return {
        fold(texts.render(Message(id_), language, spoken=False)): command
        for language in texts.languages
        for command, id_ in WORDS.items()
    }


def read_text(body: str, words: Mapping[str, str]) -> Command:
    """The command that a text is; `OTHER` for anything that is not exactly one."""
    if len(body) > CHARACTERS_MAX:
        return OTHER
    word, _, rest = _parted(fold(body)).partition(" ")
    numbers = rest.split()
    if not all(number.isdigit() for number in numbers):
        return OTHER
    confirmation, left = _taken(numbers, CONFIRMATION_DIGITS)
    match words.get(word):
        case "resend" if confirmation and not left:
            return Command("resend", confirmation)
        case "given" if confirmation and left:
            cartons = _cartons(left)
            return Command("given", confirmation, cartons) if cartons else OTHER
    return OTHER


def _parted(text: str) -> str:
    """A space between a word and the digits that follow it: "GIVEN123" → "GIVEN 123"."""
    for place, sign in enumerate(text):
        if sign.isdigit():
            return f"{text[:place].rstrip()} {text[place:]}"
    return text


def _taken(numbers: Sequence[str], digits: int) -> tuple[str, Sequence[str]]:
    """The first so many digits, however they are grouped, if a group ends with them."""
    taken = ""
    for place, number in enumerate(numbers, start=1):
        taken += number
        if len(taken) >= digits:
            return (taken, numbers[place:]) if len(taken) == digits else ("", numbers)
    return "", numbers


def _cartons(numbers: Sequence[str]) -> tuple[str, ...]:
    """Four digits each, however they are grouped; none if they don't come out even.

    Eight digits in one are a whole kit number, not two cartons: nobody guesses which was meant.
    """
    found = []
    while numbers:
        carton, numbers = _taken(numbers, CARTON_DIGITS)
        if not carton:
            return ()
        found.append(carton)
    return tuple(found)
