"""From the keys of a `[randomization]` section to the `Method` they describe.

A family of methods is imported when a study uses it, so that starting costs no more than one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from core.randomization.method import Method
from core.randomization.methods.numbers import check_arms

if TYPE_CHECKING:
    from core.study.randomization import Randomization

_WHOLE_STUDY: Final = -1


def method(
    section: Randomization, arms: Mapping[str, int], covariates: Sequence[str], sizes: Sequence[int]
) -> Method:
    """The method over these arms (name to share) and factors (names and numbers of levels).

    ValueError for numbers that it cannot run with.
    """
    ratio = tuple(arms.values())
    check_arms(len(ratio))
    match section.method:
        case "crossover":
            return _crossover(section, len(arms))
        case "factorial":
            return _factorial(section, arms)
        case "minimisation" | "hierarchical" | "atkinson" if len(ratio) > 1:
            return _balancing(section, ratio, covariates, sizes)
        case "cluster":
            from core.randomization.methods.combined import cluster

            return cluster(_inner(section, ratio), sizes[0])
    if len(ratio) == 1:
        from core.randomization.methods.simple import simple

        return simple(ratio)
    return _plain(section, ratio)


def _plain(section: Randomization, ratio: Sequence[int]) -> Method:
    """A method that looks at no factor."""
    match section.method:
        case "simple":
            from core.randomization.methods.simple import simple

            return simple(ratio)
        case "permuted_block":
            from core.randomization.methods.blocks import permuted_block

            return permuted_block(ratio, section.block_sizes)
        case "random_allocation" | "truncated_binomial":
            from core.randomization.methods import quotas

            make = getattr(quotas, section.method)
            built: Method = make(ratio, _needed(section.length))
            return built
        case "wei_urn" | "block_urn" | "ehrenfest":
            return _urn(section, ratio)
        case "efron" | "chen" | "big_stick" | "maximal":
            return _coin(section, ratio)
        case _:
            return _responsive(section, ratio)


def _coin(section: Randomization, ratio: Sequence[int]) -> Method:
    from core.randomization.methods.coins import big_stick, chen, efron
    from core.randomization.methods.maximal import maximal

    _check_two(ratio)
    match section.method:
        case "efron":
            return efron(section.coin)
        case "chen":
            return chen(section.coin, _needed(section.mti))
        case "big_stick":
            return big_stick(_needed(section.mti))
        case _:
            return maximal(_needed(section.mti), _needed(section.length))


def _urn(section: Randomization, ratio: Sequence[int]) -> Method:
    from core.randomization.methods.urns import block_urn, ehrenfest, wei_urn

    match section.method:
        case "block_urn":
            return block_urn(ratio, _needed(section.lambda_))
        case "wei_urn":
            return wei_urn(_equal(ratio), _needed(section.alpha), _needed(section.beta))
        case _:
            _check_two(ratio)
            return ehrenfest(_needed(section.balls))


def _responsive(section: Randomization, ratio: Sequence[int]) -> Method:
    from core.randomization.methods.adaptive import adaptive_coin, thompson
    from core.randomization.methods.winners import drop_the_loser, play_the_winner

    match section.method:
        case "play_the_winner":
            return play_the_winner(_equal(ratio), _needed(section.alpha), _needed(section.beta))
        case "drop_the_loser":
            return drop_the_loser(_equal(ratio), _needed(section.balls))
        case "adaptive_coin":
            gamma, burn_in = _needed(section.gamma), section.burn_in
            return adaptive_coin(len(ratio), gamma, section.target, ratio, burn_in)
        case "thompson":
            return thompson(len(ratio), section.power, ratio, section.burn_in)
        case _:
            raise ValueError("a list holds its arms itself")


def _balancing(
    section: Randomization, ratio: Sequence[int], covariates: Sequence[str], sizes: Sequence[int]
) -> Method:
    if section.method == "atkinson":
        from core.randomization.methods.atkinson import atkinson

        _check_two(ratio)
        return atkinson(sizes)
    if section.method == "hierarchical":
        from core.randomization.methods.hierarchical import hierarchical

        places = {name: place for place, name in enumerate(covariates)}
        levels = [(places.get(t.of, _WHOLE_STUDY), t.tolerance) for t in section.tolerances]
        return hierarchical(ratio, sizes, levels, section.coin)
    from core.randomization.methods.minimise import minimisation

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


def _inner(section: Randomization, ratio: Sequence[int]) -> Method:
    if section.by is None:
        raise ValueError("`by` is missing")
    return _plain(section.by, ratio)


def _crossover(section: Randomization, treatments: int) -> Method:
    """The sequences of a Williams square, equally; whole squares in random order by default."""
    from core.randomization.methods.blocks import permuted_block
    from core.randomization.williams import williams

    sequences = len(williams(treatments))
    equal = (1,) * sequences
    return permuted_block(equal, (sequences,)) if section.by is None else _inner(section, equal)


def _factorial(section: Randomization, arms: Mapping[str, int]) -> Method:
    """Each part drawn by itself; an arm is one level of each."""
    from core.randomization.methods.combined import factorial

    total = sum(arms.values())
    inners: list[Method] = []
    product = {name: Fraction(1) for name in arms}
    where: dict[str, list[int]] = {name: [] for name in arms}
    for part in section.parts:
        ratio = []
        for place, members in enumerate(part.levels.values()):
            ratio.append(sum(arms.get(name, 0) for name in members))
            for name in members:
                if name not in where:
                    raise ValueError(f"{name} is not open: a factorial design needs all its arms")
                where[name].append(place)
                product[name] *= Fraction(ratio[-1], total)
        unit = math.gcd(*ratio) or 1
        inners.append(_inner(section, [one // unit for one in ratio]))
    for name, share in arms.items():
        if product[name] != Fraction(share, total):
            raise ValueError(f"the share of {name} is not the product of the shares of its levels")
    return factorial([tuple(where[name]) for name in arms], inners)


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
