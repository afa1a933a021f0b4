"""Telephone numbers as people write them."""

from __future__ import annotations

import phonenumbers


def phone_of(text: str, country: str | None = None) -> str | None:
    """A telephone number as E.164, or None if it is none. Fictitious ranges count as numbers."""
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
