"""A method in the course of a trial: its state, the levels it knows, and the next draw.

Pure: production and the replay of a ledger run the same steps, the one on what the allocator's row
holds, the other from the first draw on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.randomization.forced import Given, Policy, draw_stocked
from core.randomization.method import Method, Uniform, draw, grown, shares_of
from core.randomization.scheme import Levels, Scheme
from core.randomization.stream import uniform_below


@dataclass(frozen=True, slots=True)
class Stock:
    """What may be given now: the outcomes that have kits, and what is done about the others."""

    stocked: frozenset[str]
    policy: Policy
    backfill: bool = False

    def flags(self, outcomes: Sequence[str]) -> list[bool]:
        """Whether each outcome can be given."""
        return [outcome in self.stocked for outcome in outcomes]


@dataclass(frozen=True, slots=True)
class Whom:
    """Who is drawn: factor levels, and the arms of the cohort if there is one."""

    levels: Mapping[str, str]
    among: tuple[str, ...] | None = None


@dataclass(slots=True)
class Running:
    """Where a method stands: the levels in their lasting order, and its state."""

    known: Levels
    state: list[int]

    def to_json(self) -> dict[str, Any]:
        """As it is kept, sealed, in the allocator's row."""
        return {"levels": self.known, "state": self.state}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Running:
        """What `to_json` gave."""
        return cls(kept["levels"], list(kept["state"]))


Earlier = Iterable[tuple[Mapping[str, str], str]]
"""Levels and arm of those randomized before, in the order of the ledger."""


def chances(seed: bytes, domain: str, number: int) -> Uniform:
    """The uniform integers of a draw: functions of seed, domain and committed number alone, so
    that a crash, a retry or a rollback meets the same ones."""

    def uniform(attempt: int, k: int) -> int:
        scope = f"{domain}|move{attempt}" if attempt else domain
        return uniform_below(seed, scope, number, k)

    return uniform


def advance(
    scheme: Scheme, running: Running, whom: Whom, uniform: Uniform, stock: Stock | None
) -> Given | None:
    """Draw the next subject; `running` is changed in place. None: refused for want of stock.

    ValueError where the method has no place for the levels.
    """
    method, places = fit(scheme, running, whom)
    if stock is None:
        arm = draw(method, running.state, places, uniform)
        return Given(arm, arm)
    flags = stock.flags(scheme.outcomes(whom.levels, whom.among))
    return draw_stocked(method, running.state, places, uniform, flags, stock.policy)


def hear(scheme: Scheme, running: Running, whom: Whom, arm: str, success: bool) -> bool:
    """A subject on this arm responded or did not; whether that changes anything to come."""
    method, _ = fit(scheme, running, whom)
    outcomes = scheme.outcomes(whom.levels, whom.among)
    if method.respond is None or arm not in outcomes:
        return False
    method.respond(method.design, running.state, outcomes.index(arm), int(success))
    return True


def fit(scheme: Scheme, running: Running, whom: Whom) -> tuple[Method, tuple[int, ...]]:
    """The method for this subject and the places of the levels; `running` makes room for them."""
    known = scheme.known(running.known, whom.levels)
    places = scheme.places(known, whom.levels)
    method = scheme.method(whom.levels, known, whom.among)
    if known != running.known:
        sizes = [len(running.known.get(name, ())) for name in known]
        running.state = grown(method, running.state, sizes)
        running.known = known
    return method, places


def begin(scheme: Scheme, whom: Whom, earlier: Earlier) -> Running:
    """The state before the first draw of a domain.

    Methods that look at factors count the `earlier` subjects of the same stratum, those whom the
    design has a place for; others start anew. ValueError as `advance`.
    """
    known: Levels = {}
    fitting = []
    for levels, arm in earlier:
        try:
            known = scheme.known(known, levels)
            scheme.places(known, levels)
        except (ValueError, KeyError):
            continue
        fitting.append((levels, arm))
    known = scheme.known(known, whom.levels)
    method = scheme.method(whom.levels, known, whom.among)
    running = Running(known, list(method.start))
    outcomes = scheme.outcomes(whom.levels, whom.among)
    count = _Count(scheme.section.method == "cluster", method)
    for levels, arm in fitting:
        if arm in outcomes:
            count.add(running.state, scheme.places(known, levels), outcomes.index(arm))
    return running


class _Count:
    """Counts subjects whose arms are known already."""

    def __init__(self, clusters: bool, method: Method) -> None:
        self._clusters, self._method = clusters, method
        self._moves: list[list[int]] | None = None
        self._turns = [0] * method.arms

    def add(self, state: list[int], places: Sequence[int], arm: int) -> None:
        """One of them. Clusters keep the arm they have; the rest is drawn anew. Of the fake arms
        that stand for one arm, each has its turn."""
        method = self._method
        if self._clusters:
            state[len(method.start) - sum(method.sizes) + places[0]] = arm + 1
            return
        if method.moves:
            moves = self._leading(places)[arm]
            move = moves[self._turns[arm] % len(moves)]
            self._turns[arm] += 1
            method.after(method.design, state, places, move)
        method.after(method.design, state, places, arm)

    def _leading(self, places: Sequence[int]) -> list[list[int]]:
        """The moves that lead to each arm."""
        if self._moves is None:
            method = self._method
            self._moves = [[] for _ in range(method.arms)]
            for move in range(method.arms, method.outcomes):
                state = list(method.start)
                method.after(method.design, state, places, move)
                shares = shares_of(method, state, places)
                self._moves[next(arm for arm, share in enumerate(shares) if share)].append(move)
        return self._moves
