"""Response-adaptive allocation: the doubly adaptive biased coin and Thompson sampling.

State: subjects by arm, then successes by arm, then failures by arm. The first `burn_in` subjects
are allocated by the random allocation rule, so that each arm is known a little before responses
count; design ends with the places of the burn-in by arm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from core.randomization.exact import check_whole, exact, scaled
from core.randomization.method import Method
from core.randomization.methods.numbers import ratio_of

GAMMA_MAX = 20
POWER_MAX = 4
ROOT_MAX = 4
TARGETS = ("urn", "neyman", "optimal")

_NEYMAN = TARGETS.index("neyman")
_BITS = 64


def adaptive_coin(arms: int, gamma: int, target: str, ratio: Sequence[int], burn_in: int) -> Method:
    """The doubly adaptive biased coin of Hu & Zhang: `pulled` towards the estimated target.

    With success rates p and q = 1 - p the target shares are proportional to 1/q ("urn": the limit
    of play the winner and drop the loser), sqrt(pq) ("neyman": the best power for its number of
    subjects) or sqrt(p) ("optimal": the fewest failures for its power). p is estimated by
    (successes + 1) / (responses + 2), which is never 0 or 1. Roots are integer roots to 64 binary
    places. `gamma` 0 draws by the target itself; the larger, the nearer allocation keeps to it. An
    arm that nobody has yet counts as one subject, lest it be certain.

    Source: Hu & Zhang, Ann Stat 2004;32:268; "optimal": Rosenberger et al., Biometrics 2001;57:909.
    Raises ValueError for fewer than two arms, gamma outside 0 … 20, an unknown target, or a burn-in
    that is not a multiple of the ratio's sum; TypeError for numbers that are not whole.
    """
    check_whole(0, gamma=gamma)
    if gamma > GAMMA_MAX:
        raise ValueError(f"gamma is above {GAMMA_MAX}: {gamma}")
    if target not in TARGETS:
        raise ValueError(f"no such target: {target!r}")
    places = _burn_in_places(arms, ratio, burn_in)
    by_urn = target == "urn"
    return Method(
        arms=arms,
        design=(gamma, TARGETS.index(target), *places),
        start=(0,) * (3 * arms),
        shares=_coin_to_urn if by_urn else _coin_to_root,
        after=_count,
        respond=_hear,
        bound=_urn_bound(arms, gamma, burn_in) if by_urn else None,
        keeps_ratio=False,
        is_predictable=burn_in > 0,
    )


def thompson(arms: int, power: Fraction | int, ratio: Sequence[int], burn_in: int) -> Method:
    """Thompson sampling: each arm with the probability that it is the best one, to the `power`.

    Success rates have Beta(1, 1) priors. Probabilities are exact for a whole power; powers with a
    root are taken by integer roots to 64 binary places. Powers below 1 temper the allocation.

    Source: Thompson, Biometrika 1933;25:285; the power: Thall & Wathen, Eur J Cancer 2007;43:859.
    Raises ValueError for fewer than two arms, a power outside 0 … 4 or with a denominator above 4,
    or a burn-in that is not a multiple of the ratio's sum; TypeError for a float and for counts
    that are not whole.
    """
    wanted = exact(power)
    if not 0 <= wanted <= POWER_MAX:
        raise ValueError(f"power is not from 0 to {POWER_MAX}: {wanted}")
    if wanted.denominator > ROOT_MAX:
        raise ValueError(f"the denominator of power is above {ROOT_MAX}: {wanted}")
    places = _burn_in_places(arms, ratio, burn_in)
    return Method(
        arms=arms,
        design=(wanted.numerator, wanted.denominator, *places),
        start=(0,) * (3 * arms),
        shares=_to_the_best,
        after=_count,
        respond=_hear,
        keeps_ratio=False,
        is_predictable=burn_in > 0,
    )


def pulled(
    allocated: Sequence[Fraction], target: Sequence[Fraction], gamma: int
) -> tuple[Fraction, ...]:
    """Hu & Zhang's g: the probability of each arm, proportional to rho (rho / x) ** gamma.

    `allocated` are the shares x of the subjects so far, `target` the shares rho, in any unit. An
    arm with nobody gets everything where gamma is above 0. Raises ValueError for gamma below 0, a
    target that is not above 0, a share below 0, or two arms with nobody.
    """
    check_whole(0, gamma=gamma)
    if min(target) <= 0 or min(allocated) < 0 or sorted(allocated)[1] == 0:
        raise ValueError("shares must be above 0, of one arm at most 0")
    counts, _ = scaled(allocated)
    out, _ = scaled(target)
    shares = list(out)
    _pull(gamma, counts, 0, shares)
    return tuple(Fraction(share, sum(shares)) for share in shares)


@lru_cache(maxsize=4096)
def chances_to_be_best(posteriors: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Integers in proportion to P(arm has the highest rate), for independent Beta(a, b), a, b >= 1.

    Beta(a, b) is the a-th smallest of n = a + b - 1 uniform numbers, so that arm i lies below x
    with the probability of a or more successes in n trials: a sum of terms x^m (1 - x)^(n - m).
    The product of the other arms' sums has the same form; its terms times the density of the arm
    integrate to factorials.
    """
    sizes = [a + b - 1 for a, b in posteriors]
    total = sum(sizes)
    factorials = [1]
    for number in range(1, total + 1):
        factorials.append(factorials[-1] * number)
    below = [_below(a, n) for (a, _), n in zip(posteriors, sizes, strict=True)]
    found = []
    for arm, (a, b) in enumerate(posteriors):
        others = [1]
        for other, terms in enumerate(below):
            if other != arm:
                others = _product(others, terms)
        density = factorials[sizes[arm]] // (factorials[a - 1] * factorials[b - 1])
        integral = 0
        for m, term in enumerate(others):
            if term:
                integral += term * factorials[m + a - 1] * factorials[total - m - a]
        found.append(density * integral)
    common = math.gcd(*found)
    return tuple(number // common for number in found)


def _burn_in_places(arms: int, ratio: Sequence[int], burn_in: int) -> list[int]:
    check_whole(2, arms=arms)
    check_whole(0, burn_in=burn_in)
    shares = ratio_of(ratio)
    if len(shares) != arms:
        raise ValueError("the ratio has another number of arms")
    if burn_in % sum(shares):
        raise ValueError(f"burn_in is not a multiple of {sum(shares)}, the sum of the ratio")
    return [share * burn_in // sum(shares) for share in shares]


def _urn_bound(arms: int, gamma: int, burn_in: int) -> Callable[[int], int]:
    """Counts add up to n at most, and a product is largest where its factors are equal."""

    def bound(n: int) -> int:
        weight = (n // arms + 2) ** arms
        counts = (n // (arms - 1) + 2) ** (arms - 1)
        share: int = weight * (weight * counts) ** gamma
        return arms * share + burn_in

    return bound


def _coin_to_urn(design: Any, state: Any, levels: Any, out: Any) -> None:
    arms = len(state) // 3
    if _is_burn_in(design, state, out):
        return
    for arm in range(arms):
        weight = state[arms + arm] + state[2 * arms + arm] + 2
        for other in range(arms):
            if other != arm:
                weight *= state[2 * arms + other] + 1
        out[arm] = weight
    _pull(design[0], state, 1, out)


def _coin_to_root(design: Any, state: Any, levels: Any, out: Any) -> None:
    arms = len(state) // 3
    if _is_burn_in(design, state, out):
        return
    for arm in range(arms):
        hits = state[arms + arm] + 1
        misses = state[2 * arms + arm] + 1
        tries = hits + misses
        under = hits * misses if design[1] == _NEYMAN else hits * tries
        out[arm] = _root((under << (2 * _BITS)) // (tries * tries), 2)
    _pull(design[0], state, 1, out)


def _pull(gamma: Any, counts: Any, least: Any, out: Any) -> None:
    """Each target weight w in `out` becomes w (w / x) ** gamma, over the product of all x.

    `counts` are in proportion to x; those below `least` count as `least`.
    """
    arms = len(out)
    for arm in range(arms):
        weight = out[arm]
        step = weight
        for other in range(arms):
            if other != arm:
                step *= counts[other] if counts[other] > least else least
        share = weight
        for _ in range(gamma):
            share *= step
        out[arm] = share


def _to_the_best(design: Any, state: Any, levels: Any, out: Any) -> None:
    arms = len(state) // 3
    if _is_burn_in(design, state, out):
        return
    power, root = design[0], design[1]
    chances = chances_to_be_best(
        tuple((state[arms + arm] + 1, state[2 * arms + arm] + 1) for arm in range(arms))
    )
    total = sum(chances) ** power
    for arm, chance in enumerate(chances):
        raised = chance**power
        out[arm] = raised if root == 1 else _root((raised << (root * _BITS)) // total, root)


def _is_burn_in(design: Any, state: Any, out: Any) -> Any:
    """Whether places of the burn-in are left; writes how many of each arm."""
    arms = len(state) // 3
    left = 0
    subjects = 0
    places = 0
    for arm in range(arms):
        place = design[2 + arm]
        # An arm forced by an empty shelf may have passed its places.
        out[arm] = place - state[arm] if place > state[arm] else 0
        left += out[arm]
        subjects += state[arm]
        places += place
    return subjects < places and left > 0


def _count(design: Any, state: Any, levels: Any, arm: Any) -> None:
    state[arm] += 1


def _hear(design: Any, state: Any, arm: Any, success: Any) -> None:
    arms = len(state) // 3
    if success:
        state[arms + arm] += 1
    else:
        state[2 * arms + arm] += 1


def _below(a: int, n: int) -> list[int]:
    """Coefficients of x^m (1 - x)^(n - m), m = 0 … n, of P(Beta(a, n + 1 - a) < x)."""
    return [math.comb(n, m) if m >= a else 0 for m in range(n + 1)]


def _product(one: Sequence[int], other: Sequence[int]) -> list[int]:
    found = [0] * (len(one) + len(other) - 1)
    for i, first in enumerate(one):
        if first:
            for j, second in enumerate(other):
                found[i + j] += first * second
    return found


def _root(number: int, degree: int) -> int:
    """The whole part of a root of degree 2, 3 or 4."""
    if degree != 3:
        root = math.isqrt(number)
        return root if degree == 2 else math.isqrt(root)
    if number == 0:
        return 0
    guess = 1 << -(-number.bit_length() // 3)  # above the root: Newton's steps then only fall
    while True:
        better = (2 * guess + number // (guess * guess)) // 3
        if better >= guess:
            return guess
        guess = better
