"""What a method with factors does for given subjects, over all its paths; and how big it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from core.randomization.method import Method, shares_of

Levels = tuple[int, ...]
Earlier = Sequence[tuple[Levels, int]]


def probabilities(method: Method, state: Sequence[int], levels: Levels) -> tuple[Fraction, ...]:
    """The probability of each outcome in this state."""
    shares = shares_of(method, state, levels)
    return tuple(Fraction(share, sum(shares)) for share in shares)


def counted(method: Method, earlier: Earlier) -> tuple[int, ...]:
    """The state after these subjects, each with the arm or the fake arm given here."""
    state = list(method.start)
    for levels, arm in earlier:
        if method.moves:
            method.after(method.design, state, levels, method.arms + arm)
        method.after(method.design, state, levels, arm if not method.moves else 0)
    return tuple(state)


def unconditional(
    method: Method,
    subjects: Sequence[Levels],
    name: Callable[[Method, Sequence[int]], tuple[int, ...]] = lambda method, state: tuple(state),
) -> Iterator[tuple[Fraction, ...]]:
    """For each subject in turn the probability of each arm, over all that came before.

    `name` tells states apart: those with one name are followed as one.
    """
    states = {method.start: Fraction(1)}
    for levels in subjects:
        arms = [Fraction(0)] * method.arms
        following: dict[tuple[int, ...], Fraction] = {}
        waiting = list(states.items())
        for state, weight in waiting:
            for outcome, chance in enumerate(probabilities(method, state, levels)):
                if not chance:
                    continue
                after = list(state)
                method.after(method.design, after, levels, outcome)
                if outcome >= method.arms:
                    waiting.append((tuple(after), weight * chance))
                    continue
                arms[outcome] += weight * chance
                key = name(method, after)
                following[key] = following.get(key, Fraction(0)) + weight * chance
        yield tuple(arms)
        states = following


class Traced(int):
    """An integer that remembers the largest that came out of any of them since `largest = 0`."""

    largest = 0

    def __new__(cls, value: int) -> Traced:
        """Note the value."""
        Traced.largest = max(Traced.largest, abs(value))
        return super().__new__(cls, value)


def _traced(name: str) -> Callable[..., object]:
    plain: Callable[..., int] = getattr(int, name)

    def operate(*numbers: object) -> object:
        # Not for what is no integer, such as a list that is repeated.
        found = plain(*numbers)
        return found if found is NotImplemented else Traced(found)

    return operate


for _name in ("add", "sub", "mul", "floordiv", "mod", "pow"):
    setattr(Traced, f"__{_name}__", _traced(f"__{_name}__"))
    setattr(Traced, f"__r{_name}__", _traced(f"__r{_name}__"))
for _name in ("neg", "abs"):
    setattr(Traced, f"__{_name}__", _traced(f"__{_name}__"))


def largest_integer(method: Method, state: Sequence[int], levels: Levels, outcome: int) -> int:
    """The largest integer within one step: the shares and their sum, then the outcome counted."""
    Traced.largest = 0
    design: Any = [Traced(number) for number in method.design]
    counts: Any = [Traced(number) for number in state]
    out: Any = [Traced(0)] * method.outcomes
    method.shares(design, counts, levels, out)
    sum(out, Traced(0))
    method.after(design, counts, levels, outcome)
    return Traced.largest
