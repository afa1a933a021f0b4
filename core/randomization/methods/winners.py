"""Urns that learn from responses: play the winner and drop the loser.

State: the balls of each arm, in order; drop the loser adds one integer, its phase.
"""

from __future__ import annotations

from typing import Any

from core.randomization.exact import check_whole
from core.randomization.method import Method
from core.randomization.methods.numbers import check_arms


def play_the_winner(arms: int, alpha: int, beta: int) -> Method:
    """The randomized play-the-winner rule RPW(alpha, beta).

    The urn begins with `alpha` balls of each arm; a ball is drawn, names the arm and goes back. A
    success adds `beta` balls of its arm; a failure adds `beta` balls spread evenly over the other
    arms. So that these stay whole, every ball counts as (arms - 1) of the state's. An urn that is
    still empty (alpha = 0, before the first response) is even.

    Source: Wei & Durham, J Am Stat Assoc 1978;73:840; Wei, Ann Stat 1979;7:291 for several arms.
    Raises ValueError for fewer than two arms or more than 256, alpha below 0, beta below 1;
    TypeError unless all whole.
    """
    check_whole(2, arms=arms)
    check_arms(arms)
    check_whole(0, alpha=alpha)
    check_whole(1, beta=beta)
    parts = arms - 1
    return Method(
        arms=arms,
        design=(beta,),
        start=(alpha * parts,) * arms,
        shares=_balls_or_even,
        after=_put_back,
        respond=_reward,
        bound=lambda n: parts * (alpha * arms + beta * n) + arms,
        keeps_ratio=False,
    )


def _balls_or_even(design: Any, state: Any, levels: Any, out: Any) -> None:
    balls = 0
    for arm in range(len(state)):
        out[arm] = state[arm]
        balls += state[arm]
    if balls == 0:
        for arm in range(len(state)):
            out[arm] = 1


def _put_back(design: Any, state: Any, levels: Any, arm: Any) -> None:
    """Only a response changes the urn."""


def _reward(design: Any, state: Any, arm: Any, success: Any) -> None:
    beta = design[0]
    if success:
        state[arm] += beta * (len(state) - 1)
    else:
        for other in range(len(state)):
            if other != arm:
                state[other] += beta


def drop_the_loser(arms: int, balls: int) -> Method:
    """The drop-the-loser rule: `balls` balls of each arm and one immigration ball.

    A subject's ball is taken out and returns after a success only. The immigration ball adds one
    ball of each arm.

    Source: Ivanova, Metrika 2003;58:1. There the immigration ball goes back at once and may be
    drawn again and again for one subject, which makes each probability an infinite sum. Here it is
    set aside until that subject has an arm: at most one immigration for each subject, and every
    probability is a plain fraction. With T balls of which T_i are of arm i, among k arms,
    P(i) = (T_i + (T_i + 1) / (T + k)) / (T + 1).

    Raises ValueError for fewer than two arms or more than 256, or `balls` below 1; TypeError unless
    both are whole.
    """
    check_whole(2, arms=arms)
    check_arms(arms)
    check_whole(1, balls=balls)
    return Method(
        arms=arms,
        design=(),
        start=(*(balls,) * arms, 0),
        shares=_kind_or_arm,
        after=_take_out,
        moves=2,
        respond=_return_winner,
        bound=lambda n: arms * (balls + n) + n + 1,
        keeps_ratio=False,
    )


def _kind_or_arm(design: Any, state: Any, levels: Any, out: Any) -> None:
    """Phase 0: immigration ball or treatment ball. Phase 1: which treatment ball."""
    arms = len(state) - 1
    asked = state[arms] == 1
    balls = 0
    for arm in range(arms):
        out[arm] = state[arm] if asked else 0
        balls += state[arm]
    out[arms] = 0 if asked else 1
    out[arms + 1] = 0 if asked else balls


def _take_out(design: Any, state: Any, levels: Any, outcome: Any) -> None:
    arms = len(state) - 1
    if outcome < arms:
        state[outcome] -= 1
        state[arms] = 0
        return
    if outcome == arms:
        for arm in range(arms):
            state[arm] += 1
    state[arms] = 1


def _return_winner(design: Any, state: Any, arm: Any, success: Any) -> None:
    state[arm] += success
