"""Kit numbers that are not taken for each other: eight digits, guarded against slips of the keys.

Pure. No number is one wrong key, two neighbours swapped, two keys swapped over a third, or one key
left out and another one bounced away from any other. The first two are what the check digit does
(Damm's quasigroup is totally anti-symmetric: it catches all of them), the others are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from core.codes import damm

DIGITS: Final = 8
_BODIES: Final = 10 ** (DIGITS - 1)
_TRIES_EACH: Final = 50
_TRIES_LEAST: Final = 10_000


class Guard:
    """Numbers that are in use, and whether another could be taken for one of them.

    Leaving out a key and bouncing another leads from x to y if what is left of x without one digit
    is what is left of y without one of two equal neighbours; so those rests are kept.
    """

    def __init__(self, numbers: Iterable[str] = ()) -> None:
        self._numbers: set[str] = set()
        self._dropped: set[str] = set()
        self._unbounced: set[str] = set()
        for number in numbers:
            self.add(number)

    def add(self, number: str) -> None:
        """Note a number as in use, guarded or not."""
        self._numbers.add(number)
        self._dropped.update(_dropped(number))
        self._unbounced.update(_unbounced(number))

    def is_clear(self, number: str) -> bool:
        """Whether the number, with its check digit, is not in use and none in use can be keyed for
        it, nor it for one of them, by one slip."""
        return (
            number not in self._numbers
            and not any(one in self._numbers for one in _jump_swapped(number))
            and not any(one in self._unbounced for one in _dropped(number))
            and not any(one in self._dropped for one in _unbounced(number))
        )


def _dropped(number: str) -> Iterator[str]:
    """What is keyed with one key left out."""
    return (number[:place] + number[place + 1 :] for place in range(len(number)))


def _unbounced(number: str) -> Iterator[str]:
    """What was meant where one of two equal neighbours is a bounced key."""
    for place in range(len(number) - 1):
        if number[place] == number[place + 1]:
            yield number[:place] + number[place + 1 :]


def _jump_swapped(number: str) -> Iterator[str]:
    """What is keyed with two digits swapped over a third."""
    for place in range(len(number) - 2):
        first, last = number[place], number[place + 2]
        if first != last:
            yield number[:place] + last + number[place + 1] + first + number[place + 3 :]


def guarded(count: int, taken: Iterable[str], below: Callable[[int], int]) -> list[str]:
    """`count` new numbers, in the order drawn; `below(n)` draws uniformly from 0..n-1.

    Raises ValueError where so many cannot be found beside those taken.
    """
    guard = Guard(taken)
    made: list[str] = []
    tries = _TRIES_LEAST + _TRIES_EACH * count
    while len(made) < count:
        tries -= 1
        if tries < 0:
            raise ValueError("too many kit numbers")
        body = f"{below(_BODIES):0{DIGITS - 1}d}"
        number = body + damm(body)
        if guard.is_clear(number):
            guard.add(number)
            made.append(number)
    return made


def count_alike(numbers: Iterable[str], taken: Iterable[str]) -> int:
    """How many of the numbers one slip turns into one of those before them, or of those taken."""
    guard, alike = Guard(taken), 0
    for number in numbers:
        alike += not guard.is_clear(number)
        guard.add(number)
    return alike
