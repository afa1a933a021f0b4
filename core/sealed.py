"""Values that do not render, log or serialise, and the one place that opens them.

Arms, kit types and contact details live as `Sealed`: AES-256-GCM under a key outside the database,
the associated data naming the record, so that two ciphertexts cannot be swapped. The plaintext is
padded to a multiple of 32 bytes, so that its length says nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.context import Entropy, SystemEntropy
from core.errors import IntegrityBreach

_PAD = 32
_NONCE = 12
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext and what it is about; it shows neither."""

    token: bytes = field(repr=False)
    about: str = field(repr=False)

    def __str__(self) -> str:
        return "(sealed)"

    def __repr__(self) -> str:
        return "(sealed)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealed value is not serialised")


class Keys:
    """The keys outside the database: sealing, keyed digests.

    `encryption` holds 32-byte keys, the current one first; the older ones still open what they
    sealed. `secret` keys every digest (`mac`) of this installation.
    """

    def __init__(
        self, secret: bytes, encryption: tuple[bytes, ...], entropy: Entropy | None = None
    ) -> None:
        if not encryption or any(len(key) != 32 for key in encryption):
            raise ValueError("encryption keys are 32 bytes each")
        self._secret = secret
        self._entropy = entropy or SystemEntropy()
        self._ciphers = {hashlib.sha256(key).digest()[:4]: AESGCM(key) for key in encryption}
        self._current = hashlib.sha256(encryption[0]).digest()[:4]

    def __repr__(self) -> str:
        return "Keys(…)"

    def seal(self, about: str, text: str) -> Sealed:
        """Encrypt `text` so that it opens only as what it is `about`."""
        plain = _padded(text)
        nonce = self._entropy.bytes(_NONCE)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, about.encode())
        return Sealed(self._current + nonce + sealed, about)

    def seal_many(
        self, about: str, texts: Sequence[str], picks: Iterable[int], first: int = 1
    ) -> Iterator[bytes]:
        """The tokens that `seal` gives for texts[pick], bound to `about` + n, n from `first` on.

        For whole lists: each text is made ready once, chance is drawn for many rows at a time.
        """
        plains = [_padded(text) for text in texts]
        encrypt, head = self._ciphers[self._current].encrypt, self._current
        bound, waiting, place = about.encode(), iter(picks), first - 1
        while chunk := list(itertools.islice(waiting, _AT_ONCE)):
            nonces = self._entropy.bytes(_NONCE * len(chunk))
            for at, pick in enumerate(chunk):
                place += 1
                nonce = nonces[at * _NONCE : (at + 1) * _NONCE]
                yield head + nonce + encrypt(nonce, plains[pick], b"%b%d" % (bound, place))

    def open(self, sealed: Sealed) -> str:
        """The text that was sealed. Raises IntegrityBreach: altered, moved, or its key is gone."""
        token = bytes(sealed.token)
        cipher = self._ciphers.get(token[:4])
        if cipher is None:
            raise IntegrityBreach
        try:
            plain = cipher.decrypt(
                token[4 : 4 + _NONCE], token[4 + _NONCE :], sealed.about.encode()
            )
        except (InvalidTag, ValueError) as broken:
            raise IntegrityBreach from broken
        return plain[4 : 4 + int.from_bytes(plain[:4], "big")].decode()

    @property
    def mark(self) -> bytes:
        """The bytes that every token of the current key begins with."""
        return self._current

    def reseal(self, sealed: Sealed) -> Sealed:
        """The same, under the current key. Raises IntegrityBreach as `open` does."""
        return self.seal(sealed.about, self.open(sealed))

    def mac(self, purpose: str, text: str) -> str:
        """HMAC-SHA256 of `text` for one purpose, hex: a digest nobody guesses without the key."""
        return hmac.digest(self._secret, f"{purpose}|{text}".encode(), "sha256").hex()

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same each time."""
        return hmac.digest(self._secret, f"derive|{purpose}".encode(), "sha256")


def _padded(text: str) -> bytes:
    plain = text.encode()
    plain = len(plain).to_bytes(4, "big") + plain
    return plain + b"\0" * (-len(plain) % _PAD)


def read_key(text: str) -> bytes:
    """A 32-byte key written as base64 (any variant) or as 64 hex digits. Raises ValueError."""
    text = text.strip()
    if len(text) == 64:
        return bytes.fromhex(text)
    raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    if len(raw) != 32:
        raise ValueError("a key is 32 bytes")
    return raw
