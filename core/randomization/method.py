"""A randomization method: pure functions over plain integers, exact by construction.

A `Method` is a design, the state before the first subject, and two functions. `shares` writes, for
a state and a subject's levels, one integer for each outcome: their sum is the denominator, so the
probabilities add up to exactly 1. `after` changes the state in place once an outcome is drawn.
Both loop over indexed integers and nothing else, so that production calls them as they are, on
lists without overflow, and simulation may compile the very same source for arrays of 64 bits.

An outcome is an arm, or one of the method's own moves (the size of the next block, an immigration
ball): a move changes the state and the same subject is drawn again. A state offers either arms or
moves, never both at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Step = Callable[[Any, Any, Any, Any], None]
"""`shares(design, state, levels, out)`: writes arms + moves integers >= 0 into `out`, not all 0.
`after(design, state, levels, outcome)`: changes `state` in place.
`respond(design, state, arm, success)`: changes `state` in place; success is 0 or 1.
Sequences of integers throughout; `out` arrives with any content and is its own scratch space."""

Uniform = Callable[[int, int], int]
"""`uniform(attempt, k)`: an integer in 0 … k-1, all equally likely; attempt counts the outcomes
drawn for this subject, 0, 1, …"""

MOVES_MAX = 64
STATES_MAX = 20_000
WEIGHT_BITS_MAX = 1_000_000


class TooManyStates(ValueError):
    """What the arms alone leave possible is more than can be followed exactly."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method with its numbers. Arms and levels are indices throughout.

    `sizes` are the numbers of levels of the factors that the state counts. Such a state is a head
    of `len(start) - per_level * sum(sizes)` integers, then `per_level` integers for each level of
    each factor in order, so that it can grow when a site or a country is added.
    `bound(n)` is at least every integer that appears in a trial of n subjects; simulation compiles
    only what stays below 2**63. None: never compiled.
    `keeps_ratio`: at each step, whatever the levels, the unconditional probability of each arm is
    its share of the ratio. `is_predictable`: someone who knows design and earlier arms can know
    the next arm for certain.
    """

    arms: int
    design: tuple[int, ...]
    start: tuple[int, ...]
    shares: Step
    after: Step
    moves: int = 0
    respond: Step | None = None
    sizes: tuple[int, ...] = ()
    per_level: int = 0
    bound: Callable[[int], int] | None = None
    keeps_ratio: bool = True
    is_predictable: bool = False

    @property
    def outcomes(self) -> int:
        """Arms and moves."""
        return self.arms + self.moves


def shares_of(method: Method, state: Sequence[int], levels: Sequence[int]) -> list[int]:
    """The integer share of each outcome; their sum is the denominator."""
    out = [0] * method.outcomes
    method.shares(method.design, state, levels, out)
    return out


def choose(shares: Iterable[int], uniform: int) -> int:
    """The outcome (index) that a uniform integer in 0 … sum(shares)-1 falls on.

    ValueError for a number outside.
    """
    left = uniform
    if left >= 0:
        for outcome, share in enumerate(shares):
            if left < share:
                return outcome
            left -= share
    raise ValueError(f"uniform number outside the shares: {uniform}")


def draw(method: Method, state: list[int], levels: Sequence[int], uniform: Uniform) -> int:
    """The arm of the next subject; `state` is changed in place to what it leaves behind.

    RuntimeError if the method moves without end.
    """
    for attempt in range(MOVES_MAX):
        shares = shares_of(method, state, levels)
        outcome = choose(shares, uniform(attempt, sum(shares)))
        method.after(method.design, state, levels, outcome)
        if outcome < method.arms:
            return outcome
    raise RuntimeError("the method moved without reaching an arm")


def grown(method: Method, state: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """The same counts, kept under `sizes` levels, in the places of `method`, which has more.

    ValueError if levels or factors were taken away.
    """
    each = method.per_level
    if len(sizes) != len(method.sizes) or any(
        old > new for old, new in zip(sizes, method.sizes, strict=True)
    ):
        raise ValueError("levels or factors were taken away")
    place = len(state) - each * sum(sizes)
    out = list(state[:place])
    for old, new in zip(sizes, method.sizes, strict=True):
        out += state[place : place + old * each]
        out += [0] * ((new - old) * each)
        place += old * each
    if len(out) != len(method.start):
        raise ValueError("not a state of this method")
    return out


class Knowledge:
    """All states that the arms seen so far leave possible, each with its exact probability.

    Most methods have one. A block whose size was drawn, or an arm that stands for several equal
    ones, leaves several; the probability of the next arm is their weighted mean.
    """

    def __init__(self, method: Method) -> None:
        """Nobody randomized yet."""
        self._method = method
        self._states: dict[tuple[int, ...], Fraction] = {method.start: Fraction(1)}

    @property
    def states(self) -> dict[tuple[int, ...], Fraction]:
        """State to probability."""
        return dict(self._states)

    def probabilities(self, levels: Sequence[int]) -> tuple[Fraction, ...]:
        """The exact probability of each arm for a subject with these levels."""
        found = [Fraction()] * self._method.arms
        for state, weight in self._settled(levels).items():
            shares = shares_of(self._method, state, levels)
            total = sum(shares)
            for arm in range(self._method.arms):
                found[arm] += weight * Fraction(shares[arm], total)
        return tuple(found)

    def see(self, levels: Sequence[int], arm: int) -> Fraction:
        """A subject with these levels received this arm; how probable that was.

        ValueError for an arm that was impossible: nothing changes then.
        """
        after: dict[tuple[int, ...], Fraction] = {}
        for state, weight in self._settled(levels).items():
            shares = shares_of(self._method, state, levels)
            if shares[arm]:
                self._move(after, state, levels, arm, weight * Fraction(shares[arm], sum(shares)))
        total = sum(after.values(), Fraction())
        if not total:
            raise ValueError("this arm could not have been drawn here")
        self._states = {state: weight / total for state, weight in after.items()}
        return total

    def count(self, levels: Sequence[int], arm: int) -> bool:
        """A subject with these levels received this arm, however it came to it.

        False, and nothing changes, for a method that moves: its state needs a move for each arm.
        """
        if self._method.moves:
            return False
        after: dict[tuple[int, ...], Fraction] = {}
        for state, weight in self._states.items():
            self._move(after, state, levels, arm, weight)
        self._states = after
        return True

    def hear(self, arm: int, success: bool) -> None:
        """A subject on this arm responded or did not. ValueError for a method without responses."""
        if self._method.respond is None:
            raise ValueError("the method does not look at responses")
        after: dict[tuple[int, ...], Fraction] = {}
        for state, weight in self._states.items():
            heard = list(state)
            self._method.respond(self._method.design, heard, arm, int(success))
            after[tuple(heard)] = after.get(tuple(heard), Fraction()) + weight
        self._states = after

    def _settled(self, levels: Sequence[int]) -> dict[tuple[int, ...], Fraction]:
        """The states once every move is made; a state offers either arms or moves, never both."""
        method, waiting = self._method, dict(self._states)
        settled: dict[tuple[int, ...], Fraction] = {}
        while waiting:
            ahead: dict[tuple[int, ...], Fraction] = {}
            for state, weight in waiting.items():
                shares = shares_of(method, state, levels)
                moving = shares[method.arms :]
                if not any(moving):
                    settled[state] = settled.get(state, Fraction()) + weight
                    continue
                for move, share in enumerate(moving, start=method.arms):
                    if share:
                        part = weight * Fraction(share, sum(shares))
                        self._move(ahead, state, levels, move, part)
            if len(settled) + len(ahead) > STATES_MAX:
                raise TooManyStates(f"more than {STATES_MAX} states are possible")
            waiting = ahead
        # Exact chances of many states have ever longer denominators, which have no common form.
        if sum(weight.denominator.bit_length() for weight in settled.values()) > WEIGHT_BITS_MAX:
            raise TooManyStates(f"the chances of the states take more than {WEIGHT_BITS_MAX} bits")
        return settled

    def _move(
        self,
        into: dict[tuple[int, ...], Fraction],
        state: tuple[int, ...],
        levels: Sequence[int],
        outcome: int,
        weight: Fraction,
    ) -> None:
        moved = list(state)
        self._method.after(self._method.design, moved, levels, outcome)
        key = tuple(moved)
        into[key] = into.get(key, Fraction()) + weight
