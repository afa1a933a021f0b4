"""Checks of `[randomization]`: each method has what it needs, and can be run with it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction

from core.randomization.method import Method
from core.randomization.scheme import (
    STRATUM,
    STUDY,
    FactorLevels,
    Scheme,
    cluster_factor,
    factor_levels,
)
from core.study.known import Known
from core.study.problems import Finding, Path, blocks_publishing, error, warning
from core.study.randomization import (
    EQUAL_ARMS,
    EVERY_METHOD,
    INNER,
    PARAMETERS,
    TWO_ARMS,
    Randomization,
    given_keys,
)
from core.study.schema import StudyConfig

_COMBINATIONS_MAX = 1000
_HERE: Path = ("randomization",)


def check_parameters(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """What the method needs is given, and nothing that it does not use."""
    if config.randomization is not None:
        yield from section_parameters(config.randomization, _HERE)


def check_numbers(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Numbers lie within their bounds."""
    plan = config.randomization
    if plan is None:
        return
    yield from _coin(config, plan)
    if plan.overall_weight < 0:
        yield error("weight_negative", *_HERE, "overall_weight")
    for name, weight in plan.weights.items():
        if weight <= 0:
            yield error("weight_not_positive", *_HERE, "weights", name)
    for place, each in enumerate(plan.tolerances):
        if each.tolerance <= 0:
            yield error("weight_not_positive", *_HERE, "tolerances", place, "tolerance")
    unit = _unit(config, plan)
    yield from _block_sizes(plan, unit)
    for key in ("length", "burn_in"):
        count = getattr(plan, key)
        if unit and count and count % unit:
            yield error("length_multiple", *_HERE, key, size=count, unit=unit)


def check_method_arms(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """The arms are ones that the method can be used with."""
    plan = config.randomization
    if plan is None:
        return
    for arms in _groups(config, plan):
        shares = {config.ratio.get(name, 0) for name in arms}
        if plan.method in TWO_ARMS and len(arms) != 2:
            yield error("two_arms_only", *_HERE, "method", method=plan.method)
        elif plan.method in EQUAL_ARMS and len(shares) > 1:
            yield error("equal_arms_only", *_HERE, "method", method=plan.method)
    if config.arms and not any(not arm.closed for arm in config.arms):
        yield error("arms_all_closed", "arms")


def check_named(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Factors, levels and arms that the section names are in the file."""
    plan = config.randomization
    if plan is None:
        return
    factors = {factor.name: factor for factor in config.factors}
    for name in plan.weights:
        yield from _known_factor((*_HERE, "weights", name), name, factors)
    for place, name in enumerate(plan.strata):
        yield from _known_factor((*_HERE, "strata", place), name, factors)
    for place, each in enumerate(plan.tolerances):
        path = (*_HERE, "tolerances", place, "of")
        yield from _known_factor(path, each.of, [STUDY, STRATUM, *factors])
    if plan.method == "cluster":
        name = cluster_factor(plan, factor_levels(config))
        yield from _known_factor((*_HERE, "cluster"), name, factors)
    for place, one in enumerate(plan.sets):
        path = (*_HERE, "sets", place)
        for name, value in one.levels.items():
            yield from _known_factor((*path, "levels", name), name, factors)
            if name in factors and factors[name].levels and not factors[name].find_level(value):
                allowed = ", ".join(level.value for level in factors[name].levels)
                yield error(
                    "unknown_level", *path, "levels", name, name=name, value=value, allowed=allowed
                )
        yield from _known_arms((*path, "arms"), one.arms, config)
    for place, part in enumerate(plan.parts):
        for value, arms in part.levels.items():
            yield from _known_arms((*_HERE, "parts", place, "levels", value), arms, config)


def check_balance(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """There is something to balance."""
    plan = config.randomization
    if plan is None:
        return
    left = [factor for factor in config.factors if factor.name not in plan.strata]
    if plan.method == "minimisation" and not left and not plan.overall_weight:
        yield error("nothing_to_balance", "factors")
    if plan.method == "atkinson":
        for place, factor in enumerate(config.factors):
            if not factor.levels and factor.name not in plan.strata:
                yield error("levels_must_be_listed", "factors", place, "levels")


def check_built(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Every stratum's method can be built; it says whether each step keeps the ratio."""
    plan = config.randomization
    if plan is None or any(True for each in _EARLIER for _ in each(config, known)):
        return
    scheme = Scheme(plan, config.open_ratio, factor_levels(config))
    methods: list[Method] = []
    cohorts = _groups(config, plan) if config.escalation else [None]
    deciding = {name for one in plan.sets for name in one.levels}
    for levels, among in itertools.product(_combinations(scheme.factors, deciding), cohorts):
        try:
            if plan.method == "list":
                scheme.arms(levels, among)
            else:
                methods.append(scheme.method(levels, scheme.known({}, levels), among))
        except ValueError as reason:
            shown = ", ".join(f"{name} {value}" for name, value in levels.items()) or "-"
            yield error("method_impossible", *_HERE, levels=shown, detail=str(reason))
            return
    if not all(method.keeps_ratio for method in methods):
        yield warning("ratio_not_kept", *_HERE, "method", method=plan.method)


def check_predictable(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """An allocation that can be foreseen needs a reason in the file (ICH E9 2.3.2)."""
    plan = config.randomization
    if plan is None or not plan.is_predictable:
        return
    if plan.reason is None:
        yield blocks_publishing("predictable", *_HERE, plan.predictable_key)
    else:
        yield warning("predictable_because", *_HERE, plan.predictable_key, reason=plan.reason)


_EARLIER = (check_parameters, check_numbers, check_method_arms, check_named, check_balance)
DESIGN_CHECKS = (*_EARLIER, check_built)
"""The checks of the section with its arms and factors alone."""


def section_parameters(plan: Randomization, path: Path) -> Iterator[Finding]:
    """What the method of a section needs is given, and nothing that it does not use."""
    keys = PARAMETERS[plan.method]
    needed = set(keys.needs)
    if plan.method == "minimisation" and plan.measure not in (None, "taves"):
        needed.add("p")
    given = given_keys(plan)
    for key in sorted(needed - given):
        yield error("missing_for_method", *path, key, method=plan.method)
    allowed = {*keys.needs, *keys.may, *(EVERY_METHOD if path == _HERE else ("method",))}
    for key in sorted(given - allowed):
        yield error("not_for_method", *path, key, method=plan.method)
    if plan.by is not None:
        inner = (*path, "by")
        if plan.by.method not in INNER:
            yield error("must_be_one_of", *inner, "method", allowed=", ".join(INNER))
        else:
            yield from section_parameters(plan.by, inner)


def _coin(config: StudyConfig, plan: Randomization) -> Iterator[Finding]:
    if plan.p is None:
        return
    least, most = _coin_bounds(config, plan)
    if not least <= plan.p <= most:
        yield error("p_out_of_range", *_HERE, "p", least=str(least), most=str(most))


def _coin_bounds(config: StudyConfig, plan: Randomization) -> tuple[Fraction, Fraction]:
    """From where to where p may lie.

    0 to 1 without arms (they could not be read) and where subjects differ in the arms that are open
    to them (building each method tells).
    """
    ratio = tuple(config.open_ratio.values())
    if not ratio or plan.sets or config.escalation is not None:
        return Fraction(0), Fraction(1)
    if plan.rule == "han":
        return Fraction(min(ratio), sum(ratio)), Fraction(1)
    if plan.method == "hierarchical":
        return Fraction(max(ratio), sum(ratio)), Fraction(1)
    columns = sum(ratio) // math.gcd(*ratio) if plan.ratio_preserving else len(ratio)
    most = Fraction(2, columns) if plan.rule == "rank" and columns > 1 else Fraction(1)
    return Fraction(1, columns), most


def _unit(config: StudyConfig, plan: Randomization) -> int:
    """What blocks hold a multiple of: the shares of the arms, of all cohorts where there are any;
    0 where sets of arms differ."""
    if plan.sets:
        return 0
    if config.escalation is None:
        return sum(config.open_ratio.values())
    shares = [[config.ratio.get(name, 1) for name in arms] for arms in _groups(config, plan)]
    return math.lcm(*(sum(each) // math.gcd(*each) for each in shares if each))


def _block_sizes(plan: Randomization, unit: int) -> Iterator[Finding]:
    seen: set[int] = set()
    for place, size in enumerate(plan.block_sizes):
        path = (*_HERE, "block_sizes", place)
        if unit and size % unit:
            yield error("block_size_multiple", *path, size=size, unit=unit)
        if size in seen:
            yield error("twice", *path, value=str(size))
        seen.add(size)


def _groups(config: StudyConfig, plan: Randomization) -> list[tuple[str, ...]]:
    """The arms among which one subject is randomized."""
    opened = tuple(config.open_ratio)
    rule = config.escalation
    if rule is not None:
        cohorts = ((dose, *rule.controls) for dose in rule.doses)
        return [tuple(name for name in opened if name in each) for each in cohorts]
    if not plan.sets:
        return [opened]
    return [tuple(name for name in one.arms if name in opened) for one in plan.sets]


def _known_factor(
    path: Path, name: str, names: Sequence[str] | Mapping[str, object]
) -> Iterator[Finding]:
    if name not in names:
        yield error("unknown_factor", *path, name=name, allowed=", ".join(names))


def _known_arms(path: Path, arms: Sequence[str], config: StudyConfig) -> Iterator[Finding]:
    for place, name in enumerate(arms):
        if name not in config.ratio:
            yield error("unknown_arm", *path, place, name=name, allowed=", ".join(config.ratio))


def _combinations(
    factors: Sequence[FactorLevels], deciding: Collection[str]
) -> Iterator[dict[str, str]]:
    """Every combination of the levels (one made up where they are derived) of the factors that
    decide on arms, one of the others; at most a thousand."""
    listed = [factor.levels or ("1",) for factor in factors]
    values = [
        levels if factor.name in deciding else levels[:1]
        for factor, levels in zip(factors, listed, strict=True)
    ]
    for one in itertools.islice(itertools.product(*values), _COMBINATIONS_MAX):
        yield {factor.name: value for factor, value in zip(factors, one, strict=True)}
