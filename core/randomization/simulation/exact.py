"""Operating characteristics by enumeration: every state a trial can be in, with its probability.

Probabilities of a step are integers over one denominator, so that nothing is rounded; fractions
appear in the results.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from core.randomization.method import MOVES_MAX, Method, TooManyStates, shares_of
from core.randomization.simulation.population import checked_ratio, checked_successes
from core.randomization.simulation.results import Characteristics, Step, Value

TURNS_MAX: Final = 50_000
"""States whose turns are found; the dearest part."""
PLACES_MAX: Final = 250_000
"""Of a trial after one step: state, counts by arm and largest imbalance so far, together."""
WORK_MAX: Final = 12_000_000
"""Such places over all steps."""
VIEWS_MAX: Final = 1_000
"""What the arms so far may leave known of the states, after one step."""

_TOO_MANY: Final = "there are too many states to follow exactly; simulate instead"

State = tuple[int, ...]
Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a state leads to: arm and next state with integer shares, their sum `total`."""

    total: int
    arms: tuple[int, ...]
    ways: tuple[tuple[int, State, int], ...]


class Turns:
    """The turns of a method's states, moves and responses within them, each found once."""

    def __init__(
        self,
        method: Method,
        levels: Sequence[int],
        successes: Sequence[Fraction] | None = None,
        most: int | None = None,
    ) -> None:
        """`levels` are the same for every subject; `most` states are followed, or TURNS_MAX."""
        self._method = method
        self._levels = levels
        self._successes = successes
        self._most = TURNS_MAX if most is None else most
        self._known: dict[State, Turn] = {}

    def __getitem__(self, state: State) -> Turn:
        """The turn of this state. TooManyStates if there are too many, or moves without end."""
        found = self._known.get(state)
        if found is None:
            if len(self._known) == self._most:
                raise TooManyStates(_TOO_MANY)
            found = self._known[state] = self._turn(state)
        return found

    def _turn(self, state: State) -> Turn:
        ways: dict[tuple[int, State], Fraction] = defaultdict(Fraction)
        for settled, weight in settle(self._method, state, self._levels).items():
            shares = shares_of(self._method, settled, self._levels)
            total = sum(shares)
            for arm in range(self._method.arms):
                if shares[arm]:
                    for after, part in self._heard(self._after(settled, arm), arm):
                        ways[arm, after] += weight * part * Fraction(shares[arm], total)
        total = math.lcm(*(weight.denominator for weight in ways.values()))
        arms = [0] * self._method.arms
        listed = []
        for (arm, after), weight in ways.items():
            share = int(weight * total)
            arms[arm] += share
            listed.append((arm, after, share))
        return Turn(total, tuple(arms), tuple(listed))

    def _after(self, state: State, arm: int) -> State:
        moved = list(state)
        self._method.after(self._method.design, moved, self._levels, arm)
        return tuple(moved)

    def _heard(self, state: State, arm: int) -> Iterator[tuple[State, Fraction]]:
        if self._successes is None or self._method.respond is None:
            yield state, Fraction(1)
            return
        for success, part in ((1, self._successes[arm]), (0, 1 - self._successes[arm])):
            if part:
                heard = list(state)
                self._method.respond(self._method.design, heard, arm, success)
                yield tuple(heard), part


def settle(method: Method, state: State, levels: Sequence[int]) -> dict[State, Fraction]:
    """The states that offer arms, once the subject's moves are made, each with its probability.

    TooManyStates where moves can follow one another without end.
    """
    waiting, settled = {state: Fraction(1)}, dict[State, Fraction]()
    for _ in range(MOVES_MAX):
        ahead: dict[State, Fraction] = defaultdict(Fraction)
        for here, weight in waiting.items():
            shares = shares_of(method, here, levels)
            if not any(shares[method.arms :]):
                settled[here] = settled.get(here, Fraction()) + weight
                continue
            for move in range(method.arms, method.outcomes):
                if shares[move]:
                    moved = list(here)
                    method.after(method.design, moved, levels, move)
                    ahead[tuple(moved)] += weight * Fraction(shares[move], sum(shares))
        if not ahead:
            return settled
        waiting = dict(ahead)
    raise TooManyStates("this method can move without end; simulate it instead")


@dataclass(slots=True)
class _Sums:
    """Exact sums over the steps."""

    convergence: Fraction = Fraction()
    best: Fraction = Fraction()
    certain: Fraction = Fraction()
    balanced: Fraction = Fraction()
    steps: list[Step] = field(default_factory=list)


def exact_characteristics(
    method: Method,
    n: int,
    *,
    ratio: Sequence[int] | None = None,
    successes: Sequence[Fraction] | None = None,
) -> Characteristics:
    """Characteristics of n subjects, every number exact; all subjects are at the first levels.

    `successes` are the probabilities of a response by arm, for response-adaptive methods.
    ValueError for numbers that don't fit the method; TooManyStates where there are more than can
    be followed: simulate then.
    """
    if n < 1 or method.arms < 2:
        raise ValueError("at least one subject and two arms are needed")
    shared = checked_ratio(method, ratio)
    chances = checked_successes(method, successes)
    turns = Turns(method, (0,) * len(method.sizes), chances)
    run = _Run(method, turns, shared, n)
    for number in range(1, n + 1):
        run.step(number)
    known = _by_arms(method, n, run.sums.best / n)
    return run.characteristics(Value.of(known) if known is not None else None)


class _Run:
    """All places of a trial, step by step.

    A place is (state, scaled counts by arm); its weights are by the largest imbalance so far.
    """

    def __init__(self, method: Method, turns: Turns, ratio: tuple[int, ...], n: int) -> None:
        self._turns = turns
        self._ratio = ratio
        self._n = n
        self._common = math.lcm(*ratio)
        self._units = [self._common // share for share in ratio]
        nobody = (0,) * method.arms
        self._places: dict[tuple[State, Counts], dict[int, int]] = {(method.start, nobody): {0: 1}}
        self._denominator = 1
        self._work = 0
        self.sums = _Sums()

    def step(self, number: int) -> None:
        """Every place's turn. TooManyStates if there are too many."""
        common = math.lcm(*{self._turns[state].total for state, _ in self._places})
        self._look(number, common)
        ahead: dict[tuple[State, Counts], dict[int, int]] = {}
        for (state, counts), weights in self._places.items():
            turn = self._turns[state]
            scale = common // turn.total
            for arm, after, share in turn.ways:
                raised = (*counts[:arm], counts[arm] + self._units[arm], *counts[arm + 1 :])
                now = max(raised) - min(raised)
                into = ahead.setdefault((after, raised), {})
                factor = share * scale
                for largest, weight in weights.items():
                    most = largest if largest > now else now
                    into[most] = into.get(most, 0) + weight * factor
        self._denominator *= common
        self._places = ahead
        self._reduce()
        self._check_room()
        self._note_balance(number)

    def _look(self, number: int, common: int) -> None:
        """Guesses and chances before the subject's arm is known."""
        arms = [0] * len(self._ratio)
        convergence, best, certain = Fraction(), 0, 0
        for (state, counts), weights in self._places.items():
            turn = self._turns[state]
            weight = sum(weights.values()) * (common // turn.total)
            for arm, share in enumerate(turn.arms):
                arms[arm] += weight * share
            least = min(counts)
            lightest = [turn.arms[arm] for arm, count in enumerate(counts) if count == least]
            convergence += Fraction(weight * sum(lightest), len(lightest))
            best += weight * max(turn.arms)
            certain += weight * turn.total if max(turn.arms) == turn.total else 0
        whole = self._denominator * common
        self.sums.convergence += convergence / whole
        self.sums.best += Fraction(best, whole)
        self.sums.certain += Fraction(certain, whole)
        allocation = tuple(Value.of(Fraction(arm, whole)) for arm in arms)
        nothing = Value.of(Fraction())
        self.sums.steps.append(Step(number, nothing, nothing, allocation))

    def _note_balance(self, number: int) -> None:
        absolute = balanced = 0
        for (_, counts), weights in self._places.items():
            weight = sum(weights.values())
            distance = max(counts) - min(counts)
            absolute += weight * distance
            balanced += 0 if distance else weight
        whole = Fraction(balanced, self._denominator)
        self.sums.balanced += whole
        imbalance = Value.of(Fraction(absolute, self._denominator * self._common))
        allocation = self.sums.steps[-1].allocation
        self.sums.steps[-1] = Step(number, imbalance, Value.of(whole), allocation)

    def _reduce(self) -> None:
        """Keep the integers short."""
        shared = self._denominator
        for weights in self._places.values():
            shared = math.gcd(shared, *weights.values())
            if shared == 1:
                return
        self._denominator //= shared
        for weights in self._places.values():
            for largest in weights:
                weights[largest] //= shared

    def _check_room(self) -> None:
        count = sum(len(weights) for weights in self._places.values())
        self._work += count
        if count > PLACES_MAX or self._work > WORK_MAX:
            raise TooManyStates(_TOO_MANY)

    def characteristics(self, best_guess_arms: Value | None) -> Characteristics:
        n, sums = self._n, self.sums
        final, variance, loss, largest = self._ends()
        return Characteristics(
            n=n,
            ratio=self._ratio,
            trials=None,
            seed=None,
            convergence=Value.of(sums.convergence / n),
            best_guess=Value.of(sums.best / n),
            best_guess_arms=best_guess_arms,
            deterministic=Value.of(sums.certain / n),
            balanced=Value.of(sums.balanced / n),
            final_sd=Value(math.sqrt(variance)),
            final_variance=Value.of(variance),
            imbalance_max=Value.of(largest),
            final=tuple((d, Value.of(final[d])) for d in sorted(final)),
            steps=tuple(sums.steps),
            factors=(),
            loss=Value.of(loss),
        )

    def _ends(self) -> tuple[dict[Fraction, Fraction], Fraction, Fraction, Fraction]:
        """After the last subject: P(|D|), variance of D, loss, E max |D|."""
        final: dict[Fraction, Fraction] = defaultdict(Fraction)
        mean = square = loss = most = Fraction()
        for (_, counts), weights in self._places.items():
            probability = Fraction(sum(weights.values()), self._denominator)
            distance = Fraction(max(counts) - min(counts), self._common)
            final[distance] += probability
            signed = Fraction(counts[0] - counts[1], self._common)
            mean += probability * (signed if len(counts) == 2 else distance)
            square += probability * distance * distance
            loss += probability * self._loss(counts)
            most += Fraction(sum(d * w for d, w in weights.items()), self._denominator)
        return dict(final), square - mean * mean, loss, most / self._common

    def _loss(self, counts: Counts) -> Fraction:
        one, two = counts[0] // self._units[0], counts[1] // self._units[1]
        if not one + two:
            return Fraction()
        first, second = self._ratio[:2]
        ideal = Fraction(first * second, (first + second) ** 2)
        return one + two - Fraction(one * two, one + two) / ideal


def _by_arms(method: Method, n: int, by_state: Fraction) -> Fraction | None:
    """The best guess of someone who knows design and earlier arms; None where it is too much.

    Without moves and responses the arms tell the state. A view is the distribution over states
    that the arms so far leave; arms that leave the same one are taken together.
    """
    if method.respond is not None:
        return None
    if not method.moves:
        return by_state
    turns = Turns(method, (0,) * len(method.sizes))
    views: dict[Any, Fraction] = {((method.start, Fraction(1)),): Fraction(1)}
    best = Fraction()
    try:
        for _ in range(n):
            part, views = _viewed(turns, views, method.arms)
            best += part
    except TooManyStates:
        return None
    return best / n


def _viewed(
    turns: Turns, views: dict[Any, Fraction], arms: int
) -> tuple[Fraction, dict[Any, Fraction]]:
    """The chance that the likeliest arm is right, over all views, and the views that follow."""
    best, ahead = Fraction(), dict[Any, Fraction]()
    for view, weight in views.items():
        chances, after = _seen(turns, view, arms)
        best += weight * max(chances)
        for arm, chance in enumerate(chances):
            if chance:
                key = _canonical(after[arm], chance)
                ahead[key] = ahead.get(key, Fraction()) + weight * chance
    if len(ahead) > VIEWS_MAX:
        raise TooManyStates(_TOO_MANY)
    return best, ahead


def _seen(
    turns: Turns, view: Sequence[tuple[State, Fraction]], arms: int
) -> tuple[list[Fraction], list[dict[State, Fraction]]]:
    """The probability of each arm, and what each leaves of the states."""
    chances = [Fraction()] * arms
    after: list[dict[State, Fraction]] = [defaultdict(Fraction) for _ in range(arms)]
    for state, weight in view:
        turn = turns[state]
        for arm, ahead, share in turn.ways:
            part = weight * Fraction(share, turn.total)
            chances[arm] += part
            after[arm][ahead] += part
    return chances, after


def _canonical(states: dict[State, Fraction], chance: Fraction) -> Any:
    return tuple(sorted((state, weight / chance) for state, weight in states.items()))
