"""Randomization numbers that follow from the seed, under the name `number-v1`.

HMAC-SHA256(seed, "number-v1|" + domain + "|" + sequence + "|" + attempt), sequence and attempt in
decimal; the first 8 bytes, read as a big-endian integer, modulo 10**(digits - 1), written with
digits - 1 digits and a Damm check digit behind them. A row has the first attempt (0, 1, …) that no
earlier row of its list has. The number tells nothing of the arm, which comes from another stream of
the same seed.
"""

from __future__ import annotations

import hmac
from typing import Final

from core.codes import damm
from core.randomization.stream import check_seed

NUMBER_DIGITS: Final = 7
DIGITS_MAX: Final = 16
GROUP: Final = 1000


def list_number(
    seed: bytes, domain: str, sequence: int, attempt: int = 0, digits: int = NUMBER_DIGITS
) -> str:
    """The number of this row. ValueError unless the seed has 32 bytes, digits 2 to 16."""
    check_number(seed, digits)
    text = f"number-v1|{domain}|{sequence}|{attempt}".encode()
    word = int.from_bytes(hmac.digest(seed, text, "sha256")[:8], "big")
    body = str(word % 10 ** (digits - 1)).zfill(digits - 1)
    return body + damm(body)


def check_number(seed: bytes, digits: int) -> None:
    """Raise ValueError unless the seed has 32 bytes and a number 2 to 16 digits."""
    check_seed(seed)
    if not 2 <= digits <= DIGITS_MAX:
        raise ValueError(f"a number has 2 to {DIGITS_MAX} digits, not {digits}")


class NumberStream:
    """The numbers of one list, row after row: those of `list_number`, several times as fast.

    `taken` are numbers that no row may have.
    """

    def __init__(
        self,
        seed: bytes,
        domain: str,
        digits: int = NUMBER_DIGITS,
        taken: frozenset[str] = frozenset(),
    ) -> None:
        """Nothing is drawn yet. ValueError as for `list_number`."""
        check_number(seed, digits)
        self._seed, self._head = seed, f"number-v1|{domain}|".encode()
        self._range, self._width = 10 ** (digits - 1), digits - 1
        self._taken = set(taken)
        self._damm = damm_by_groups()

    def take(self, sequence: int) -> str:
        """The number of the row at this place. RuntimeError where all numbers are taken."""
        head, taken = b"%b%d|" % (self._head, sequence), self._taken
        for attempt in range(self._range):
            mark = hmac.digest(self._seed, b"%b%d" % (head, attempt), "sha256")
            body = int.from_bytes(mark[:8], "big") % self._range
            number = f"{body:0{self._width}d}{self._check_digit(body)}"
            if number not in taken:
                taken.add(number)
                return number
        raise RuntimeError("every number of this length is taken")

    def _check_digit(self, body: int) -> int:
        # Zeros in front change nothing: Damm's table leads from 0 by 0 to 0.
        if body < GROUP:
            return self._damm[body]
        interim, groups = 0, []
        while body:
            body, group = divmod(body, GROUP)
            groups.append(group)
        for group in reversed(groups):
            interim = self._damm[interim * GROUP + group]
        return interim


def damm_by_groups() -> bytes:
    """Damm's table for three digits at a time: interim digit * 1000 + group → interim digit."""
    steps = [
        [int(damm(_reaching[state] + str(digit))) for digit in range(10)] for state in range(10)
    ]
    return bytes(
        steps[steps[steps[state][group // 100]][group // 10 % 10]][group % 10]
        for state in range(10)
        for group in range(GROUP)
    )


# A single digit behind which Damm's interim digit is 0, 1, … 9: its first row is a permutation.
_reaching: Final = tuple(
    next(str(digit) for digit in range(10) if damm(str(digit)) == str(state)) for state in range(10)
)
