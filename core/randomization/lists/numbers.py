"""Randomization numbers that follow from the seed, under the name `number-v1`.

HMAC-SHA256(seed, "number-v1|" + domain + "|" + sequence + "|" + attempt), sequence and attempt in
decimal; the first 8 bytes, read as a big-endian integer, modulo 10**6, written with six digits and
a Damm check digit behind them. A row has the first attempt (0, 1, …) that no other row of the study
has. The number tells nothing of the arm, which comes from another stream of the same seed.
"""

from __future__ import annotations

import hmac
from typing import Final

from core.codes import damm
from core.randomization.stream import check_seed

NUMBER_DIGITS: Final = 7
_BODY: Final = 10 ** (NUMBER_DIGITS - 1)


def list_number(seed: bytes, domain: str, sequence: int, attempt: int = 0) -> str:
    """The number of seven digits of this row. ValueError unless the seed has 32 bytes."""
    check_seed(seed)
    text = f"number-v1|{domain}|{sequence}|{attempt}".encode()
    word = int.from_bytes(hmac.digest(seed, text, "sha256")[:8], "big")
    body = str(word % _BODY).zfill(NUMBER_DIGITS - 1)
    return body + damm(body)
