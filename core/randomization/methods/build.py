"""From the keys of a `[randomization]` section to the `Method` they describe."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from core.randomization.method import Method
from core.randomization.methods.adaptive import adaptive_coin, thompson
from core.randomization.methods.atkinson import atkinson
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import big_stick, chen, efron
from core.randomization.methods.combined import cluster, factorial
from core.randomization.methods.hierarchical import hierarchical
from core.randomization.methods.maximal import maximal
from core.randomization.methods.minimise import minimisation
from core.randomization.methods.quotas import random_allocation, truncated_binomial
from core.randomization.methods.simple import simple
from core.randomization.methods.urns import block_urn, ehrenfest, wei_urn
from core.randomization.methods.winners import drop_the_loser, play_the_winner
from core.randomization.williams import williams

if TYPE_CHECKING:
    from core.study.randomization import Randomization

_WHOLE_STUDY: Final = -1


def method(
    section: Randomization, arms: Mapping[str, int], covariates: Sequence[str], sizes: Sequence[int]
) -> Method:
    """The method over these arms (name to share) and factors (names and numbers of levels).

    ValueError for numbers that it cannot run with.
    """
    if section.method == "crossover":
        return _crossover(section, len(arms))
    if section.method == "factorial":
        return _factorial(section, arms)
    ratio = tuple(arms.values())
    if len(ratio) == 1:
        return simple(ratio)
    match section.method:
        case "minimisation":
            return _minimisation(section, ratio, covariates, sizes)
        case "hierarchical":
            places = {name: place for place, name in enumerate(covariates)}
            levels = [(places.get(t.of, _WHOLE_STUDY), t.tolerance) for t in section.tolerances]
            return hierarchical(ratio, sizes, levels, section.coin)
        case "atkinson":
            _check_two(ratio)
            return atkinson(sizes)
        case "cluster":
            return cluster(_inner(section, ratio), sizes[0])
        case "list":
            raise ValueError("a list holds its arms itself")
    return _PLAIN[section.method](section, ratio)


def _inner(section: Randomization, ratio: Sequence[int]) -> Method:
    if section.by is None:
        raise ValueError("`by` is missing")
    return _PLAIN[section.by.method](section.by, ratio)


def _needed(value: int | None) -> int:
    if value is None:
        raise ValueError("a number that the method needs is missing")
    return value


def _check_two(ratio: Sequence[int]) -> None:
    if len(ratio) != 2 or ratio[0] != ratio[1]:
        raise ValueError("the method takes two arms with equal shares")


def _equal(ratio: Sequence[int]) -> int:
    if len(set(ratio)) != 1:
        raise ValueError("the method takes arms with equal shares")
    return len(ratio)


def _two(
    make: Callable[[Randomization], Method],
) -> Callable[[Randomization, Sequence[int]], Method]:
    def checked(section: Randomization, ratio: Sequence[int]) -> Method:
        _check_two(ratio)
        return make(section)

    return checked


_PLAIN: Final[Mapping[str, Callable[[Randomization, Sequence[int]], Method]]] = {
    "simple": lambda s, ratio: simple(ratio),
    "permuted_block": lambda s, ratio: permuted_block(ratio, s.block_sizes),
    "random_allocation": lambda s, ratio: random_allocation(ratio, _needed(s.length)),
    "truncated_binomial": lambda s, ratio: truncated_binomial(ratio, _needed(s.length)),
    "efron": _two(lambda s: efron(s.coin)),
    "chen": _two(lambda s: chen(s.coin, _needed(s.mti))),
    "big_stick": _two(lambda s: big_stick(_needed(s.mti))),
    "ehrenfest": _two(lambda s: ehrenfest(_needed(s.balls))),
    "maximal": _two(lambda s: maximal(_needed(s.mti), _needed(s.length))),
    "wei_urn": lambda s, ratio: wei_urn(_equal(ratio), _needed(s.alpha), _needed(s.beta)),
    "block_urn": lambda s, ratio: block_urn(ratio, _needed(s.lambda_)),
    "play_the_winner": lambda s, ratio: play_the_winner(
        _equal(ratio), _needed(s.alpha), _needed(s.beta)
    ),
    "drop_the_loser": lambda s, ratio: drop_the_loser(_equal(ratio), _needed(s.balls)),
    "adaptive_coin": lambda s, ratio: adaptive_coin(
        len(ratio), _needed(s.gamma), s.target, ratio, s.burn_in
    ),
    "thompson": lambda s, ratio: thompson(len(ratio), s.power, ratio, s.burn_in),
}


def _minimisation(
    section: Randomization, ratio: Sequence[int], covariates: Sequence[str], sizes: Sequence[int]
) -> Method:
    return minimisation(
        ratio,
        sizes,
        [section.weight(name) for name in covariates],
        section.measure or "range",
        section.coin,
        ties=section.ties,
        rule=section.rule,
        overall_weight=section.overall_weight,
        ratio_preserving=section.ratio_preserving,
        random_first=section.random_first,
    )


def _crossover(section: Randomization, treatments: int) -> Method:
    """The sequences of a Williams square, equally; whole squares in random order by default."""
    sequences = len(williams(treatments))
    equal = (1,) * sequences
    return permuted_block(equal, (sequences,)) if section.by is None else _inner(section, equal)


def _factorial(section: Randomization, arms: Mapping[str, int]) -> Method:
    """Each part drawn by itself; an arm is one level of each."""
    total = sum(arms.values())
    where = {
        name: [
            place
            for p in section.parts
            for place, members in enumerate(p.levels.values())
            if name in members
        ]
        for name in arms
    }
    inners, shares = [], []
    for part in section.parts:
        ratio = [
            sum(arms[name] for name in members if name in arms) for members in part.levels.values()
        ]
        unit = math.gcd(*ratio) or 1
        shares.append([Fraction(one, total) for one in ratio])
        inners.append(_inner(section, [one // unit for one in ratio]))
    for name, share in arms.items():
        product = Fraction(1)
        for part_shares, place in zip(shares, where[name], strict=True):
            product *= part_shares[place]
        if product != Fraction(share, total):
            raise ValueError(f"the share of {name} is not the product of its parts'")
    return factorial([tuple(where[name]) for name in arms], inners)
