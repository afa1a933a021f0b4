"""Numbers people copy and key: check digits, confirmation numbers, activation codes."""

from __future__ import annotations

from core.context import Entropy

# The quasigroup of Damm, "Total anti-symmetrische Quasigruppen" (2004), order 10.
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
CODE_DIGITS = 12


def damm(digits: str) -> str:
    """The Damm check digit of a string of digits: "123456" → "6"."""
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return str(interim)


def is_damm(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it."""
    return len(digits) > 1 and digits.isascii() and digits.isdigit() and damm(digits) == "0"


def checked_number(entropy: Entropy, length: int) -> str:
    """A random number of `length` digits, the last of them a Damm check digit."""
    body = str(entropy.below(10 ** (length - 1))).zfill(length - 1)
    return body + damm(body)


def number_digits(given: int) -> int:
    """How long random numbers are once so many of a kind are given: seven digits, and one more for
    each tenfold beyond 100,000, so that one drawn at random is hardly ever taken."""
    digits = 7
    while given > 10 ** (digits - 2):
        digits += 1
    return digits


def confirmation_number(entropy: Entropy) -> str:
    """Nine digits, said in groups of three, that say nothing about the deed."""
    return checked_number(entropy, 9)


def activation_code(entropy: Entropy) -> str:
    """Twelve digits: longer than any user ID."""
    return str(entropy.below(10**CODE_DIGITS)).zfill(CODE_DIGITS)


def mod97(body: str) -> str:
    """The two check digits of ISO 7064 mod 97-10: "123456" → "76"."""
    return str(98 - int(body) * 100 % 97).zfill(2)


def is_mod97(digits: str) -> bool:
    """Whether the last two digits are the check digits of those before them."""
    return len(digits) > 2 and digits.isascii() and digits.isdigit() and int(digits) % 97 == 1


def shipment_number(entropy: Entropy) -> str:
    """Eight digits, the last two of them check digits."""
    body = str(entropy.below(900000) + 100000)
    return body + mod97(body)
