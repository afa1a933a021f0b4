"""A method's steps, run as they are and compiled, side by side."""

from collections.abc import Sequence

import numpy as np

from core.randomization.method import Method, choose, shares_of
from core.randomization.simulation.compile import INTEGER_RANGE, compiled


def check_runs_the_same_compiled(
    method: Method, numbers: Sequence[int], levels: Sequence[int] = ()
) -> None:
    """Draw by these numbers; odd ones are also heard as successes, even ones as failures.

    AssertionError where shares or states differ, or an integer is above the method's bound.
    """
    assert method.bound is not None
    bound = method.bound(len(numbers))
    assert bound < INTEGER_RANGE
    design = np.array(method.design, dtype=np.int64)
    places = np.array(levels, dtype=np.int64)
    fast = np.array(method.start, dtype=np.int64)
    out = np.zeros(method.outcomes, dtype=np.int64)
    state = list(method.start)
    for number in numbers:
        shares = shares_of(method, state, levels)
        compiled(method.shares)(design, fast, places, out)
        assert out.tolist() == shares
        assert sum(shares) <= bound
        outcome = choose(shares, number % sum(shares))
        method.after(method.design, state, levels, outcome)
        compiled(method.after)(design, fast, places, outcome)
        if outcome < method.arms and method.respond is not None:
            method.respond(method.design, state, outcome, number % 2)
            compiled(method.respond)(design, fast, outcome, number % 2)
        assert fast.tolist() == state
        assert max(state) <= bound
