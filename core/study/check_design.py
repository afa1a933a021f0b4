"""Checks of arms, factors and caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.study.known import RESERVED, Known
from core.study.problems import Finding, error
from core.study.schema import Factor, StudyConfig

LEVELS_MAX = 9
"""One key each on the phone."""


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
