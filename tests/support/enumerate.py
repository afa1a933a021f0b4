"""What a randomization method does over all its paths, exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from core.randomization.method import Method, shares_of


class Path(NamedTuple):
    """What is kept of a path: the state, the subjects by arm, the largest |difference| so far.

    The difference is between the first two arms; `largest` stays 0 unless it is asked for.
    """

    state: tuple[int, ...]
    counts: tuple[int, ...]
    largest: int

    @property
    def difference(self) -> int:
        """How far the first arm is ahead of the second."""
        return self.counts[0] - self.counts[1]


@dataclass(frozen=True, slots=True)
class Ahead:
    """All paths of the same number of subjects, with whole-number weights, and who comes next."""

    weights: dict[Path, int]
    shares: dict[Path, list[int]]

    def mean(self, value: Callable[[Path], Fraction | int]) -> Fraction:
        """The expected value of a path."""
        total = sum(weight * value(path) for path, weight in self.weights.items())
        return Fraction(total) / sum(self.weights.values())

    def next_arm(self, arm: int) -> Fraction:
        """The unconditional probability that the next subject receives this arm."""
        return self.mean(lambda path: Fraction(self.shares[path][arm], sum(self.shares[path])))

    def convergence(self) -> Fraction:
        """The probability of a right guess of the lighter of two arms, either when level."""
        return self.mean(self._guess)

    def certain(self) -> Fraction:
        """The probability that the state leaves one arm only."""
        return self.mean(lambda path: int(sum(map(bool, self.shares[path])) == 1))

    def level(self) -> Fraction:
        """The probability that two arms are level."""
        return self.mean(lambda path: int(path.difference == 0))

    def _guess(self, path: Path) -> Fraction:
        if not path.difference:
            return Fraction(1, 2)
        shares = self.shares[path]
        return Fraction(shares[int(path.difference > 0)], sum(shares))


def walk(method: Method, subjects: int, *, largest: bool = False) -> Iterator[Ahead]:
    """What stands before subject 1, 2, …, and after the last: `subjects + 1` in all."""
    weights = {Path(method.start, (0,) * method.arms, 0): 1}
    for _ in range(subjects + 1):
        weights = _settled(method, weights)
        ahead = Ahead(weights, {path: shares_of(method, path.state, ()) for path in weights})
        yield ahead
        weights = _stepped(method, ahead, largest)


def _settled(method: Method, weights: dict[Path, int]) -> dict[Path, int]:
    """The paths once every move is made: a state offers either arms or moves, never both."""
    while True:
        shares = {path: shares_of(method, path.state, ()) for path in weights}
        moving = {path: each for path, each in shares.items() if any(each[method.arms :])}
        if not moving:
            return weights
        scale = math.lcm(*map(sum, moving.values()))
        after = {path: weight * scale for path, weight in weights.items() if path not in moving}
        for path, each in moving.items():
            _spread(method, after, path, each, weights[path] * scale, False)
        weights = after


def _stepped(method: Method, ahead: Ahead, largest: bool) -> dict[Path, int]:
    # One common denominator keeps every weight whole; fractions would cost a gcd each.
    scale = math.lcm(*(sum(shares) for shares in ahead.shares.values()))
    after: dict[Path, int] = {}
    for path, weight in ahead.weights.items():
        _spread(method, after, path, ahead.shares[path], weight * scale, largest)
    return after


def _spread(
    method: Method,
    into: dict[Path, int],
    path: Path,
    shares: list[int],
    weight: int,
    largest: bool,
) -> None:
    total = sum(shares)
    for outcome, share in enumerate(shares):
        if share:
            state = list(path.state)
            method.after(method.design, state, (), outcome)
            counts = tuple(n + (arm == outcome) for arm, n in enumerate(path.counts))
            away = max(path.largest, abs(counts[0] - counts[1])) if largest else path.largest
            key = Path(tuple(state), counts, away)
            into[key] = into.get(key, 0) + weight // total * share
