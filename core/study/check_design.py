"""Checks of arms, factors, the randomization method and caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from core.study.known import RESERVED, Known
from core.study.problems import Finding, blocks_publishing, error, warning
from core.study.randomization import Randomization
from core.study.schema import Factor, StudyConfig

LEVELS_MAX = 9
"""One key each on the phone."""

_OF_BLOCKS = ("block_sizes",)
_OF_MINIMISATION = ("measure", "p", "weights", "overall_weight", "ties")


def check_arms(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Two arms or more where subjects are randomized; none to choose from elsewhere."""
    if config.has_randomization:
        if len(config.arms) < 2:
            yield error("arms_too_few", "arms")
        return
    if config.arms:
        yield error("arms_without_randomization", "arms")
    if config.factors:
        yield error("factors_without_randomization", "factors")


def check_permuted_block(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Every block holds the ratio, and nothing is given that blocks don't use."""
    plan = config.randomization
    if plan is None or plan.method != "permuted_block":
        return
    yield from _unused(plan, _OF_MINIMISATION)
    if not plan.block_sizes:
        yield error("missing_for_method", "randomization", "block_sizes", method=plan.method)
    unit = sum(arm.ratio for arm in config.arms)
    for place, size in enumerate(plan.block_sizes):
        if unit and size % unit:
            yield error(
                "block_size_multiple", "randomization", "block_sizes", place, size=size, unit=unit
            )
        if size in plan.block_sizes[:place]:
            yield error("twice", "randomization", "block_sizes", place, value=str(size))


def check_minimisation(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Measure and coin are given and lawful, and nothing that minimisation doesn't use."""
    plan = config.randomization
    if plan is None or plan.method != "minimisation":
        return
    yield from _unused(plan, _OF_BLOCKS)
    for key in ("measure", "p"):
        if getattr(plan, key) is None:
            yield error("missing_for_method", "randomization", key, method=plan.method)
    # Without arms (they could not be read) at least the other bound is told.
    least = Fraction(1, len(config.arms)) if config.arms else Fraction(0)
    if plan.p is not None and not least <= plan.p <= 1:
        yield error("p_out_of_range", "randomization", "p", least=str(least))
    if plan.overall_weight < 0:
        yield error("weight_negative", "randomization", "overall_weight")
    for name, weight in plan.weights.items():
        if weight <= 0:
            yield error("weight_not_positive", "randomization", "weights", name)
    if len({arm.ratio for arm in config.arms}) > 1:
        yield warning("ratio_not_kept", "randomization", "method")


def check_balance(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Minimisation has something to balance, and weighs factors that exist."""
    plan = config.randomization
    if plan is None or plan.method != "minimisation":
        return
    if not config.factors and not plan.overall_weight:
        yield error("nothing_to_balance", "factors")
    names = [factor.name for factor in config.factors]
    for name in plan.weights:
        if name not in names:
            path = ("randomization", "weights", name)
            yield error("unknown_factor", *path, name=name, allowed=", ".join(names))


def check_predictable(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """An allocation that can be foreseen needs a reason in the file (ICH E9 2.3.2)."""
    plan = config.randomization
    if plan is None or not plan.is_predictable:
        return
    key = "p" if plan.method == "minimisation" else "block_sizes"
    if plan.reason is None:
        yield blocks_publishing("predictable", "randomization", key)
    else:
        yield warning("predictable_because", "randomization", key, reason=plan.reason)


def check_factors(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Asked factors have levels that fit on the keypad, derived ones derive them."""
    sources = Counter(factor.source for factor in config.factors)
    for place, factor in enumerate(config.factors):
        if factor.source == "asked":
            yield from _asked(place, factor)
        elif sources[factor.source] > 1:
            yield error("source_twice", "factors", place, "source", source=factor.source)
        if factor.source == "site" and factor.levels:
            yield error("levels_derived", "factors", place, "levels")


def check_caps(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Caps of strata and countries name what the factors have."""
    factors = {factor.name: factor for factor in config.factors}
    for place, cap in enumerate(config.caps.strata):
        path = ("caps", "strata", place, "levels")
        for name, value in cap.levels.items():
            if name not in factors:
                allowed = ", ".join(factors)
                yield error("unknown_factor", *path, name, name=name, allowed=allowed)
            else:
                yield from _level((*path, name), factors[name], value)
    for factor in config.factors:
        for country in config.caps.per_country if factor.source == "country" else ():
            yield from _level(("caps", "per_country", country), factor, country)


def _unused(plan: Randomization, keys: tuple[str, ...]) -> Iterator[Finding]:
    for key in keys:
        if key in plan.model_fields_set:
            yield error("not_for_method", "randomization", key, method=plan.method)


def _asked(place: int, factor: Factor) -> Iterator[Finding]:
    if factor.name in RESERVED:
        yield error("reserved_name", "factors", place, "name", name=factor.name)
    if len(factor.levels) < 2:
        yield error("levels_too_few", "factors", place, "levels")
    if len(factor.levels) > LEVELS_MAX:
        count = len(factor.levels)
        path = ("factors", place, "levels")
        yield error("too_many_choices", *path, limit=LEVELS_MAX, count=count)


def _level(path: tuple[str | int, ...], factor: Factor, value: str) -> Iterator[Finding]:
    if factor.levels and factor.find_level(value) is None:
        allowed = ", ".join(level.value for level in factor.levels)
        yield error("unknown_level", *path, name=factor.name, value=value, allowed=allowed)
