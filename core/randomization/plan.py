"""From the study file to the design that a minimisation step runs on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from core.randomization.measures import Measure
from core.randomization.minimisation import Arm, Factor, Plan, State, Ties
from core.study.schema import StudyConfig

Levels = dict[str, list[str]]


def known_levels(config: StudyConfig, known: Levels, levels: Mapping[str, str]) -> Levels:
    """The levels of each factor in their lasting order, with the one that this subject brings.

    Factors that list levels have those; sites, and countries that the file leaves open, are
    appended as they come, so that earlier counts keep their places.
    """
    out: Levels = {}
    for factor in config.factors:
        values = list(known.get(factor.name, []))
        listed = [level.value for level in factor.levels]
        values += [value for value in listed if value not in values]
        mine = levels.get(factor.name)
        if not listed and mine is not None and mine not in values:
            values.append(mine)
        out[factor.name] = values
    return out


def design(config: StudyConfig, known: Levels) -> Plan:
    """The plan of the minimisation over these levels. Raises ValueError for another method."""
    section = config.randomization
    if section is None or section.p is None:
        raise ValueError("not a minimisation")
    return _plan(
        tuple(Arm(arm.code, arm.ratio) for arm in config.arms),
        tuple(
            Factor(name, tuple(values), section.weights.get(name, 1))  # type: ignore[arg-type]
            for name, values in known.items()
        ),
        section.p,
        Measure(section.measure or "range"),
        Ties(section.ties),
        section.overall_weight,
    )


_plan = lru_cache(maxsize=64)(Plan)


def counted(plan: Plan, earlier: Iterable[tuple[Mapping[str, str], str]]) -> State:
    """The counts after these subjects (levels, arm); who does not fit the plan is left out."""
    state = State.empty(plan)
    arms = {arm.name: place for place, arm in enumerate(plan.arms)}
    for levels, arm in earlier:
        try:
            state = state.after(plan.levels_of(levels), arms[arm])
        except (ValueError, KeyError):
            continue
    return state


def is_same_design(old: StudyConfig, new: StudyConfig) -> bool:
    """Whether an amendment leaves arms, factors and method as they are: lists and counts go on."""
    return (old.ratio, list(old.ratio), old.factors, old.randomization) == (
        new.ratio,
        list(new.ratio),
        new.factors,
        new.randomization,
    )
