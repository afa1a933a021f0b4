"""The fields of a voice webhook, each by a strict pattern.

The provider's signature covers names and values joined without delimiters, so a forger could split
a genuine request elsewhere: part of a value becomes part of a name, or one field swallows the
next. What does not look exactly as the provider writes it is therefore refused; fields that we
don't know are not, since they come and go, unless their names could be such a piece.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ivr.signature import Pairs

_NAME: Final = re.compile(r"[A-Za-z]+(?:_[A-Za-z0-9_.-]*)?")
_SID: Final = re.compile(r"CA[0-9a-f]{32}")
_STATUS: Final = re.compile(r"queued|ringing|in-progress|completed|busy|failed|no-answer|canceled")
_DIALLED: Final = re.compile(r"completed|answered|busy|no-answer|failed|canceled")
_KEYS: Final = re.compile(r"[0-9A-D*#]{0,100}")
# A number, a word ("anonymous", "Restricted"), nothing, or an address that is no number.
_ADDRESS: Final = re.compile(
    r"[+]?[0-9]{0,20}|[A-Za-z][a-z]{0,19}|[A-Z]{2,20}|(?:sips?|client):[!-~]{1,100}"
)
_TURN: Final = re.compile(r"turn=([0-9]{1,4})")
_OURS: Final = {
    "CallSid": _SID,
    "CallStatus": _STATUS,
    "From": _ADDRESS,
    "To": _ADDRESS,
    "Digits": _KEYS,
    "DialCallStatus": _DIALLED,
}
# Those of ours that may be absent must not hide in a piece of another field either.
_OPTIONAL: Final = ("Digits", "DialCallStatus")
_REQUIRED: Final = ("CallSid", "AccountSid", "CallStatus", "From", "To")
LIVE: Final = frozenset({"queued", "ringing", "in-progress"})


class Malformed(Exception):
    """A field that the provider does not write like this."""


@dataclass(frozen=True, slots=True)
class VoiceFields:
    """What a voice webhook says. `dialled` is what became of a transfer, "" without one."""

    sid: str
    status: str
    caller: str
    called: str
    keys: str
    dialled: str

    @property
    def is_live(self) -> bool:
        """Whether the caller is still there."""
        return self.status in LIVE


def read_fields(pairs: Pairs, account_sid: str) -> VoiceFields:
    """The fields of a webhook whose signature is genuine. Raises Malformed."""
    fields = named_fields(pairs, _NAME, _REQUIRED, account_sid)
    for name, value in fields.items():
        if name not in _OURS and any(ours in name + value for ours in _OPTIONAL):
            raise Malformed(name)
    for name, pattern in _OURS.items():
        if name in fields and not pattern.fullmatch(fields[name]):
            raise Malformed(name)
    return VoiceFields(
        fields["CallSid"],
        fields["CallStatus"],
        fields["From"],
        fields["To"],
        fields.get("Digits", ""),
        fields.get("DialCallStatus", ""),
    )


def named_fields(
    pairs: Pairs, names: re.Pattern[str], required: tuple[str, ...], account_sid: str
) -> dict[str, str]:
    """The fields by name: each once, by the pattern of names, the required ones there, of our
    account. Raises Malformed."""
    fields = dict(pairs)
    if len(fields) != len(pairs) or not all(names.fullmatch(name) for name in fields):
        raise Malformed("a name")
    for name in required:
        if name not in fields:
            raise Malformed(name)
    if fields["AccountSid"] != account_sid:
        raise Malformed("AccountSid")
    return fields


def read_turn(query: str) -> int:
    """The number of the turn, 0 for the first request of a call. Raises Malformed."""
    if not query:
        return 0
    found = _TURN.fullmatch(query)
    if not found:
        raise Malformed("turn")
    return int(found[1])
