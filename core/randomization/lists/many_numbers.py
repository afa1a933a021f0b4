"""The numbers of a long list, all at once: those that `NumberStream` gives row by row."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from core.randomization.lists.numbers import GROUP, check_number, damm_by_groups


def numbers_of(seed: bytes, domain: str, digits: int, rows: int) -> Iterator[str]:
    """The numbers of rows 1, 2, … `rows`. Errors as for `NumberStream`, at the first of them."""
    check_number(seed, digits)
    bodies = _free_bodies(seed, f"number-v1|{domain}|".encode(), 10 ** (digits - 1), rows)
    text = _written(np.array(bodies, np.int64), digits).tobytes().decode("ascii")
    for start in range(0, rows * digits, digits):
        yield text[start : start + digits]


def _free_bodies(seed: bytes, head: bytes, numbers: int, rows: int) -> Sequence[int]:
    """Each row's first number that no earlier row has, without its check digit."""
    digest = hmac.digest
    words = b"".join(
        [digest(seed, b"%b%d|0" % (head, row), "sha256")[:8] for row in range(1, rows + 1)]
    )
    bodies: list[int] = (np.frombuffer(words, ">u8") % np.uint64(numbers)).tolist()
    taken: set[int] = set()
    for place, body in enumerate(bodies):
        attempt = 0
        while body in taken:
            attempt += 1
            if attempt == numbers:
                raise RuntimeError("every number of this length is taken")
            mark = digest(seed, b"%b%d|%d" % (head, place + 1, attempt), "sha256")
            body = int.from_bytes(mark[:8], "big") % numbers
        taken.add(body)
        bodies[place] = body
    return bodies


def _written(bodies: Any, digits: int) -> Any:
    """The digits of each number as characters, one number a row, the check digit last."""
    out = np.empty((len(bodies), digits), np.uint8)
    for place in range(digits - 1):
        out[:, digits - 2 - place] = bodies // 10**place % 10
    table = np.frombuffer(damm_by_groups(), np.uint8)
    check = np.zeros(len(bodies), np.int64)
    # Zeros in front change nothing: Damm's table leads from 0 by 0 to 0.
    for place in reversed(range(0, digits - 1, 3)):
        check = table[check * GROUP + bodies // 10**place % GROUP].astype(np.int64)
    out[:, digits - 1] = check
    return out + np.uint8(ord("0"))
