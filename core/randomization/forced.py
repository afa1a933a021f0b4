"""Stock and randomization: what happens when the shelf lacks an arm.

Refuse unless every arm is stocked (the default); refuse only where the own arm is missing, which
tells who watches the shelf what the next assignment would have been; or force another arm, keeping
on record the one that was due. Source: Carter 2024, figure 2, for lists; the same for draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.randomization.method import MOVES_MAX, Method, Uniform, choose, shares_of


class Policy(StrEnum):
    """When to refuse, by the words of the study file."""

    EVERY_ARM = "every_arm"
    OWN_ARM = "own_arm"
    FORCE = "force"


@dataclass(frozen=True, slots=True)
class Place:
    """The row of a list to use: its index among the rows given, its arm, and the arm due.

    `passed` are the indices of rows that nobody will get any more.
    """

    row: int
    arm: int
    original: int
    passed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """The arm drawn, and the one that would have been drawn from a full shelf."""

    arm: int
    original: int


def choose_row(
    rows: Iterable[int], stocked: Sequence[bool], policy: Policy, *, backfill: bool = False
) -> Place | None:
    """Which row the next subject gets; None to refuse.

    `rows` are the arms of the rows that nobody had and that were not passed for good, in the
    list's order, as far as one likes to look; `stocked` says of each arm whether it can be given.
    A forced subject gets the first row that can be given. With `backfill` the rows before it stay,
    and, being first, are used as soon as they can be; without it they are passed for good.
    """
    if not any(stocked) or (policy is Policy.EVERY_ARM and not all(stocked)):
        return None
    original = -1
    for row, arm in enumerate(rows):
        if row == 0:
            original = arm
        if stocked[arm]:
            return Place(row, arm, original, () if backfill else tuple(range(row)))
        if policy is Policy.OWN_ARM:
            return None
    return None


def walk(
    rows: Sequence[int],
    stock: Sequence[int],
    policy: Policy,
    subjects: int,
    *,
    backfill: bool = False,
    resupply: Mapping[int, Sequence[int]] | None = None,
) -> list[int | None]:
    """The row (index) that each subject gets, one kit each; None for those refused.

    `stock` are kits by arm; `resupply` adds kits before the subject of that number, from 1.
    """
    shelf, left = list(stock), list(range(len(rows)))
    found: list[int | None] = []
    for subject in range(1, subjects + 1):
        for arm, kits in enumerate((resupply or {}).get(subject, ())):
            shelf[arm] += kits
        arms = (rows[row] for row in left)
        place = choose_row(arms, [kits > 0 for kits in shelf], policy, backfill=backfill)
        if place is None:
            found.append(None)
            continue
        shelf[place.arm] -= 1
        found.append(left[place.row])
        gone = {place.row, *place.passed}
        left = [row for index, row in enumerate(left) if index not in gone]
    return found


def draw_stocked(
    method: Method,
    state: list[int],
    levels: Sequence[int],
    uniform: Uniform,
    stocked: Sequence[bool],
    policy: Policy,
) -> Given | None:
    """Draw as `method.draw` does, by what is stocked; None to refuse, and `state` stays.

    The same numbers are drawn as from a full shelf; only where these give an arm that is not
    stocked, further ones draw among the others by the method's own shares. That makes the chance
    of each stocked arm exactly its share among the stocked ones. Moves stay as they were drawn,
    unless they leave no stocked arm possible; where the method itself leaves none (a cluster's own
    arm, a certain arm), the subject is refused.

    Raises RuntimeError if the method moves without end.
    """
    if policy is Policy.EVERY_ARM and not all(stocked):
        return None
    trail = [list(state)]
    for attempt in range(MOVES_MAX):
        shares = shares_of(method, trail[-1], levels)
        original = choose(shares, uniform(attempt, sum(shares)))
        trail.append(_moved(method, trail[-1], levels, original))
        if original < method.arms:
            break
    else:
        raise RuntimeError("the method moved without reaching an arm")
    if stocked[original]:
        state[:] = trail[-1]
        return Given(original, original)
    if policy is Policy.OWN_ARM:
        return None
    trail.pop()
    arm = _force(method, trail, levels, lambda more, k: uniform(attempt + 1 + more, k), stocked)
    if arm is None:
        return None
    state[:] = trail[-1]
    return Given(arm, original)


def _force(
    method: Method,
    trail: list[list[int]],
    levels: Sequence[int],
    uniform: Uniform,
    stocked: Sequence[bool],
) -> int | None:
    """A stocked arm, drawn from the last state of the trail that leaves one; None if none does.

    The state after it ends the trail.
    """
    while trail and not any(stocked_shares(method, trail[-1], levels, stocked)):
        trail.pop()
    if not trail:
        return None
    for attempt in range(MOVES_MAX):
        shares = stocked_shares(method, trail[-1], levels, stocked)
        outcome = choose(shares, uniform(attempt, sum(shares)))
        trail.append(_moved(method, trail[-1], levels, outcome))
        if outcome < method.arms:
            return outcome
    raise RuntimeError("the method moved without reaching an arm")


def stocked_shares(
    method: Method, state: Sequence[int], levels: Sequence[int], stocked: Sequence[bool]
) -> list[int]:
    """The method's shares of the outcomes that give a stocked arm or can lead to one; others 0."""
    shares = shares_of(method, state, levels)
    for outcome, share in enumerate(shares):
        if share and outcome < method.arms:
            shares[outcome] = share if stocked[outcome] else 0
        elif share:
            ahead = _moved(method, state, levels, outcome)
            shares[outcome] = share if any(stocked_shares(method, ahead, levels, stocked)) else 0
    return shares


def _moved(method: Method, state: Sequence[int], levels: Sequence[int], outcome: int) -> list[int]:
    ahead = list(state)
    method.after(method.design, ahead, levels, outcome)
    return ahead
