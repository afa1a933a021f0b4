"""PINs, passwords and codes: how they are judged and how they are kept.

HMAC with the key outside the database, then argon2id with 19 MiB, t=2, p=1 (OWASP's second
recommended setting): a stolen database alone gives nothing to guess against.
"""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from core.errors import IntegrityBreach
from core.messages import Message
from core.sealed import Keys, Sealed

KEPT: Final = "kept:"
PIN_DIGITS: Final = 6
PASSWORD_CHARACTERS_MIN: Final = 12
_MEMORY_KIB: Final = 19 * 1024
_hasher = PasswordHasher(time_cost=2, memory_cost=_MEMORY_KIB, parallelism=1)
_NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$Aq5GQ0xxcJWvb0uqkWbUqCyX1XrYIc3kYX8oMtVZ3tE"
)


def hash_secret(keys: Keys, owner: str, secret: str) -> str:
    """What is stored of the PIN or password of `owner`, a user ID: copied to another person's row,
    it opens nothing."""
    return _hasher.hash(_bound(keys, owner, secret))


def is_secret(keys: Keys, kept: str | None, owner: str, secret: str) -> bool:
    """Whether `secret` is the one kept of `owner`; takes as long when there is none."""
    return _verifies(kept, _bound(keys, owner, secret))


def _verifies(kept: str | None, bound: str) -> bool:
    try:
        _hasher.verify(kept or _NOBODY, bound)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def _bound(keys: Keys, owner: str, secret: str) -> str:
    return keys.mac("secret", f"{owner}|{secret}")


def code_token(keys: Keys, code: str) -> str:
    """What is stored of an activation code: it has to be found again by itself, so its salt is
    the installation's and not the person's."""
    raw = hash_secret_raw(
        keys.mac("code", code).encode(),
        salt=keys.derive("code salt")[:16],
        time_cost=2,
        memory_cost=_MEMORY_KIB,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
    return raw.hex()


def pin_problem(pin: str, user_id: str | None = None) -> Message | None:
    """What is wrong with a new PIN, or nothing: six digits, no run, no repeat, not the user ID."""
    if len(pin) != PIN_DIGITS or not (pin.isascii() and pin.isdigit()):
        return Message("error.pin_form")
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if steps <= {1} or steps <= {9} or _repeats(pin):
        return Message("error.pin_easy")
    if user_id and pin in (user_id, user_id.zfill(PIN_DIGITS)[-PIN_DIGITS:]):
        return Message("error.pin_user_id")
    return None


def _repeats(pin: str) -> bool:
    return any(pin == pin[:size] * (PIN_DIGITS // size) for size in (1, 2, 3))


def password_problem(password: str, user_id: str | None = None) -> Message | None:
    """What is wrong with a new password, or nothing."""
    if len(password) < PASSWORD_CHARACTERS_MIN:
        return Message("error.password_short", {"least": PASSWORD_CHARACTERS_MIN})
    if len(set(password)) < 5 or (user_id and user_id == password):
        return Message("error.password_easy")
    return None


def keep_pin(keys: Keys, purpose: str, pin: str) -> str:
    """A new PIN (or password) between two turns of a dialogue: its hash, sealed; the secret itself
    is gone.

    `purpose` is the user ID, where it is known: only then can the hash be kept for good.
    """
    # Beside the hash what is hashed, an HMAC: only so can the new one be told from the old one.
    text = f"{hash_secret(keys, purpose, pin)} {_bound(keys, purpose, pin)}"
    token = keys.seal(f"pin|{purpose}", text).token
    return KEPT + base64.urlsafe_b64encode(token).decode()


def open_kept(keys: Keys, purpose: str, kept: str) -> str:
    """The hash that `keep_pin` sealed. Raises IntegrityBreach if it did not seal this."""
    return _opened(keys, purpose, kept)[0]


def _opened(keys: Keys, purpose: str, kept: str) -> tuple[str, str]:
    try:
        token = base64.urlsafe_b64decode(kept.removeprefix(KEPT))
    except ValueError as broken:
        raise IntegrityBreach from broken
    hashed, _, bound = keys.open(Sealed(token, f"pin|{purpose}")).partition(" ")
    return hashed, bound


def is_same(keys: Keys, old: str | None, owner: str, new: str) -> bool:
    """Whether `new`, as it was keyed or as `keep_pin` kept it, is the secret of `owner` that was
    hashed as `old`."""
    bound = _opened(keys, owner, new)[1] if new.startswith(KEPT) else _bound(keys, owner, new)
    return _verifies(old, bound)


def is_kept(keys: Keys, purpose: str, kept: str, pin: str) -> bool:
    """Whether this is the PIN that was kept."""
    return is_secret(keys, open_kept(keys, purpose, kept), purpose, pin)
