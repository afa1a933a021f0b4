"""Uniform integers from a 256-bit seed, under versioned names that anyone can recompute.

Two streams, told apart by the name that starts every hashed text:

`pbr-v1`, for lists: HMAC-SHA256(seed, "pbr-v1|" + stratum + "|" + counter), counter = 0, 1, … as
u64 big-endian, the digests laid end to end and read as big-endian u32; a word at or above the
largest multiple of k is passed over, any other gives word mod k.

`draw-v1`, for one dynamic draw: HMAC-SHA256(seed, "draw-v1|" + scope + "|" + draw number +
attempt), both u64 big-endian, the digest read as one 256-bit big-endian integer, attempt = 0, 1, …
until the integer is below the largest multiple of k; then the integer mod k. Where k is larger
than 2**256, as exact chances over many subjects are, as many digests as it needs are laid end to
end, of attempts 0 … w-1, then w … 2w-1, and so on. It is a function of (seed, scope, draw number):
a crash, a retry or a rollback of a draw meets the same number, so nobody can roll again.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

SEED_BYTES = 32

WORD_RANGE = 2**32
_WORD_BYTES = 4
_DIGEST_BITS = 256
_COUNTER_RANGE = 2**64


def check_seed(seed: bytes) -> None:
    """Raise ValueError unless the seed has exactly 32 bytes."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, this one {len(seed)}")


class ListStream:
    """The `pbr-v1` stream of one stratum, from its beginning."""

    def __init__(self, seed: bytes, stratum: str) -> None:
        """Start at the first word; ValueError unless the seed has 32 bytes."""
        check_seed(seed)
        self._words = _list_words(seed, stratum)

    def below(self, k: int) -> int:
        """The next integer in 0 … k-1, all equally likely; ValueError unless 1 <= k <= 2**32."""
        limit = _multiple_below(WORD_RANGE, k)
        while (word := next(self._words)) >= limit:
            pass
        return word % k


def uniform_below(seed: bytes, scope: str, draw_number: int, k: int) -> int:
    """The `draw-v1` integer in 0 … k-1 of this draw: the same whenever it is asked for.

    `scope` names study and allocation domain; `draw_number` is the committed number of the draw.
    Raises ValueError for a seed of another length, a draw number outside 0 … 2**64-1, or k
    below 1.
    """
    check_seed(seed)
    if not 0 <= draw_number < _COUNTER_RANGE:
        raise ValueError(f"draw number outside 0 … 2**64-1: {draw_number}")
    words = max(1, -(-(k - 1).bit_length() // _DIGEST_BITS))
    limit = _multiple_below(1 << (words * _DIGEST_BITS), k)
    prefix = f"draw-v1|{scope}|".encode() + _u64(draw_number)
    first = 0
    while True:
        attempts = range(first, first + words)
        digests = b"".join(_digest(seed, prefix + _u64(attempt)) for attempt in attempts)
        number = int.from_bytes(digests, "big")
        if number < limit:
            return number % k
        first += words


def list_words(seed: bytes, stratum: str, words: int) -> bytes:
    """The first `words` big-endian u32 of the `pbr-v1` stream, before any is passed over.

    ValueError unless the seed has 32 bytes.
    """
    check_seed(seed)
    # Key and prefix are hashed once and copied: cheaper than a whole HMAC for each counter.
    keyed = hmac.new(seed, _list_prefix(stratum), "sha256")
    digests = []
    for counter in range(-(-words * _WORD_BYTES // keyed.digest_size)):
        mac = keyed.copy()
        mac.update(_u64(counter))
        digests.append(mac.digest())
    return b"".join(digests)[: words * _WORD_BYTES]


def _list_words(seed: bytes, stratum: str) -> Iterator[int]:
    prefix = _list_prefix(stratum)
    counter = 0
    while True:
        block = _digest(seed, prefix + _u64(counter))
        for start in range(0, len(block), _WORD_BYTES):
            yield int.from_bytes(block[start : start + _WORD_BYTES], "big")
        counter += 1


def _list_prefix(stratum: str) -> bytes:
    return f"pbr-v1|{stratum}|".encode()


def _multiple_below(numbers: int, k: int) -> int:
    if not 1 <= k <= numbers:
        raise ValueError(f"cannot draw below {k}")
    return numbers - numbers % k


def _digest(seed: bytes, text: bytes) -> bytes:
    return hmac.digest(seed, text, "sha256")


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")
