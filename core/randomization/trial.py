"""A design with the subjects who enter it: what simulation and re-randomization take.

A case file may say more about its subjects than a draw needs:

    {…, "frequencies": {"sex": {"F": 2, "M": 1}}, "effect": 0.5, "trend": 0, "alpha": "0.05",
        "factor_effects": {"sex": {"M": 0.3}}, "responses": {"A": 0.7, "B": 0.5}}

Everything is optional: levels are equally frequent, the effect is half a standard deviation of the
noise, factors and time have none, the tests are at 0.05, each arm's subjects respond evenly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from core.randomization.casefile import CaseFile
from core.randomization.exact import exact
from core.randomization.method import Method
from core.randomization.scheme import STRATUM, Levels, Scheme
from core.randomization.simulation.population import Population
from core.study.case_text import CaseFileRefused, refused, stop
from core.study.problems import Finding, error
from core.study.randomization import RESPONSIVE

MORE: Final = frozenset({"frequencies", "effect", "factor_effects", "trend", "alpha", "responses"})
"""The further keys."""
_EFFECT: Final = Fraction(1, 2)
_ALPHA: Final = Fraction(1, 20)
_NUMBER_MAX: Final = 1_000_000
_HALF: Final = Fraction(1, 2)
_BETWEEN: Final = "|"
_COMBINED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Axis:
    """A factor as simulation sees it: levels with their relative frequency and effect."""

    name: str
    levels: tuple[str, ...]
    frequencies: tuple[Fraction, ...]
    effects: tuple[Fraction, ...]
    is_stratum: bool
    """Whether its levels keep a state of their own."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One method, what it may draw, and who enters; effects in standard deviations of the noise."""

    scheme: Scheme
    method: Method
    arms: tuple[str, ...]
    ratio: tuple[int, ...]
    axes: tuple[Axis, ...]
    successes: tuple[Fraction, ...] | None
    effect: Fraction = _EFFECT
    trend: Fraction = Fraction()
    alpha: Fraction = _ALPHA

    @property
    def population(self) -> Population:
        """The factors for simulation."""
        strata = tuple(place for place, axis in enumerate(self.axes) if axis.is_stratum)
        return Population(tuple(axis.frequencies for axis in self.axes), strata)


def trial_of(case: CaseFile) -> Trial:
    """The trial that the file describes. Where arms depend on levels, that of `next`'s set.

    Raises CaseFileRefused with everything that is wrong, each at its key.
    """
    scheme, more = case.scheme, case.more
    if scheme.section.sets and not case.next_levels:
        raise refused(error("case_sets", "next"))
    named = {factor.name: factor.levels for factor in scheme.factors}
    fixed = {name: case.next_levels[name] for one in scheme.section.sets for name in one.levels}
    return build(scheme, named, more, fixed)


def build(
    scheme: Scheme,
    named: Mapping[str, Sequence[str]],
    more: Mapping[str, Any],
    fixed: Mapping[str, str],
) -> Trial:
    """The trial of subjects with `named` levels, all of them with those that are `fixed`.

    Raises CaseFileRefused.
    """
    if scheme.section.method == "list":
        raise refused(error("case_list", "randomization", "method"))
    findings = [*_wrong_levels(more, named), *_wrong_numbers(more)]
    findings += _wrong_responses(scheme, more)
    stop(findings)
    axes = _axes(scheme, named, more, fixed)
    levels = {name: values[0] for name, values in named.items()} | dict(fixed)
    known: Levels = {axis.name: list(axis.levels) for axis in axes if not axis.is_stratum}
    try:
        method = scheme.method(levels, known)
    except ValueError as reason:
        raise unfit(reason) from None
    outcomes = scheme.outcomes(levels)
    if len(outcomes) < 2:
        raise refused(error("case_one_arm", "arms"))
    open_ratio = scheme.arms(levels)
    ratio = tuple(open_ratio.values()) if tuple(open_ratio) == outcomes else (1,) * len(outcomes)
    successes = None
    if scheme.section.method in RESPONSIVE:
        given = more.get("responses", {})
        successes = tuple(exact(given[arm]) if arm in given else _HALF for arm in outcomes)
    return Trial(
        scheme, method, outcomes, ratio, axes, successes,
        exact(more.get("effect", _EFFECT)), exact(more.get("trend", 0)),
        exact(more.get("alpha", _ALPHA)),
    )  # fmt: skip


def combined(trial: Trial, levels: Mapping[str, str]) -> str:
    """The level of all listed factors together, as `STRATUM` names it."""
    apart = trial.scheme.section.strata
    parts = [f.name for f in trial.scheme.factors if f.levels and f.name not in apart]
    return _BETWEEN.join(levels[name] for name in parts)


def unfit(reason: Exception, key: str = "randomization") -> CaseFileRefused:
    """The refusal of numbers that a method or a simulation cannot run with."""
    return refused(error("case_unfit", key, detail=str(reason)))


def _axes(
    scheme: Scheme,
    named: Mapping[str, Sequence[str]],
    more: Mapping[str, Any],
    fixed: Mapping[str, str],
) -> tuple[Axis, ...]:
    """What the method counts first, in its order; then what keeps states of its own."""
    counted = scheme.covariates
    apart = scheme.section.strata if counted else tuple(named)
    axes = {name: _axis(name, named, more, fixed, name in apart) for name in named}
    if STRATUM in counted and STRATUM not in named:
        parts = [f.name for f in scheme.factors if f.levels and f.name not in apart]
        twice = sorted({*parts} & {*counted})
        if twice:
            raise refused(error("case_dependent", "randomization", "tolerances", name=twice[0]))
        axes[STRATUM] = _together([axes[name] for name in parts])
    return tuple(axes[name] for name in (*counted, *apart))


def _axis(
    name: str,
    named: Mapping[str, Sequence[str]],
    more: Mapping[str, Any],
    fixed: Mapping[str, str],
    is_stratum: bool,
) -> Axis:
    levels = tuple(named[name])
    given = more.get("frequencies", {}).get(name)
    if name in fixed:
        frequencies = tuple(Fraction(level == fixed[name]) for level in levels)
    elif given is None:
        frequencies = (Fraction(1),) * len(levels)
    else:
        frequencies = tuple(exact(given[level]) for level in levels)
    effects = more.get("factor_effects", {}).get(name, {})
    return Axis(
        name, levels, frequencies, tuple(exact(effects.get(one, 0)) for one in levels), is_stratum
    )


def _together(axes: Sequence[Axis]) -> Axis:
    """All factors together, as one."""
    if math.prod(len(axis.levels) for axis in axes) > _COMBINED_MAX:
        raise unfit(ValueError(f"more than {_COMBINED_MAX} strata"))
    places = list(itertools.product(*(range(len(axis.levels)) for axis in axes)))
    return Axis(
        STRATUM,
        tuple(_BETWEEN.join(a.levels[i] for a, i in zip(axes, one, strict=True)) for one in places),
        tuple(
            math.prod((a.frequencies[i] for a, i in zip(axes, one, strict=True)), start=Fraction(1))
            for one in places
        ),
        tuple(
            sum((a.effects[i] for a, i in zip(axes, one, strict=True)), Fraction())
            for one in places
        ),
        False,
    )


def _wrong_levels(more: Mapping[str, Any], named: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """What is wrong with frequencies and effects by level."""
    for key in ("frequencies", "factor_effects"):
        tables = more.get(key, {})
        if not isinstance(tables, dict):
            yield error("must_be_table", key)
            continue
        for name, values in tables.items():
            if name not in named:
                yield error("unknown_factor", key, name, name=name, allowed=", ".join(named))
            elif not isinstance(values, dict):
                yield error("must_be_table", key, name)
            else:
                yield from _wrong_values(key, name, values, named[name])


def _wrong_values(
    key: str, name: str, values: Mapping[str, Any], levels: Sequence[str]
) -> Iterator[Finding]:
    for level, value in values.items():
        if level not in levels:
            allowed = ", ".join(levels)
            yield error("unknown_level", key, name, level, name=name, value=level, allowed=allowed)
        elif (number := _number(value)) is None:
            yield error("not_exact", key, name, level)
        elif key == "frequencies" and number < 0:
            yield error("case_frequency", key, name, level)
    if key == "frequencies":
        for level in levels:
            if level not in values:
                yield error("missing", key, name, level)
        if values and not any(_number(value) for value in values.values()):
            yield error("case_frequency", key, name)


def _wrong_numbers(more: Mapping[str, Any]) -> Iterator[Finding]:
    for key in ("effect", "trend", "alpha"):
        number = _number(more.get(key, _ALPHA))
        if number is None:
            yield error("not_exact", key)
        elif key == "alpha" and not 0 < number < 1:
            yield error("case_probability", key)


def _wrong_responses(scheme: Scheme, more: Mapping[str, Any]) -> Iterator[Finding]:
    given = more.get("responses", {})
    if not isinstance(given, dict):
        yield error("must_be_table", "responses")
        return
    method = scheme.section.method
    if given and method not in RESPONSIVE:
        yield error("case_response", "responses", method=method)
    for arm, value in given.items():
        number = _number(value)
        if arm not in scheme.ratio:
            allowed = ", ".join(scheme.ratio)
            yield error("unknown_key", "responses", arm, allowed=allowed)
        elif number is None or not 0 <= number <= 1:
            yield error("case_probability", "responses", arm)


def _number(value: object) -> Fraction | None:
    """The number, exactly; None where it is none, or too large to simulate with."""
    try:
        found = exact(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) <= _NUMBER_MAX else None
