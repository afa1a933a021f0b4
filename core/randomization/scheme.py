"""From a study file's `[randomization]` to the method that a subject is drawn with.

A `Scheme` says, for the levels of a subject, in which stratum the draw is made, among which
outcomes, and by which `Method`. It holds no counts: those are the states that methods run on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from core.randomization.method import Method
from core.randomization.methods import build

if TYPE_CHECKING:
    from core.study.randomization import Randomization
    from core.study.schema import StudyConfig

Levels = dict[str, list[str]]
"""Factor to its levels in their lasting order: sites are appended as they come."""

IN_SEQUENCE: Final = "."
STUDY: Final = "study"
STRATUM: Final = "stratum"
_BETWEEN: Final = "|"
_SITE: Final = "site"


@dataclass(frozen=True, slots=True)
class FactorLevels:
    """A factor and the levels that the study file lists; none of them where they are derived."""

    name: str
    levels: tuple[str, ...]
    is_site: bool = False


class Scheme:
    """How one section allocates among arms with these shares.

    `ratio` holds the arms that may still be drawn, in the order of the file.
    """

    def __init__(
        self,
        section: Randomization,
        ratio: Mapping[str, int],
        factors: Sequence[FactorLevels],
    ) -> None:
        """Nothing is built until a subject asks for it."""
        self.section = section
        self.ratio = dict(ratio)
        self.factors = tuple(factors)
        self._methods: dict[tuple[tuple[str, ...], tuple[int, ...]], Method] = {}

    @classmethod
    def of(cls, config: StudyConfig) -> Scheme:
        """The study's own. Raises ValueError for a study that does not randomize."""
        if config.randomization is None:
            raise ValueError("the study does not randomize")
        return cls(config.randomization, config.open_ratio, factor_levels(config))

    @property
    def is_listed(self) -> bool:
        """Whether arms come from a list written before they are drawn."""
        return self.section.is_listed

    @cached_property
    def covariates(self) -> tuple[str, ...]:
        """The factors that the method itself looks at, in the order of its `sizes`."""
        section = self.section
        names = [factor.name for factor in self.factors if factor.name not in section.strata]
        match section.method:
            case "minimisation" | "atkinson":
                return tuple(names)
            case "hierarchical":
                wanted = [each.of for each in section.tolerances]
                return tuple(name for name in wanted if name != STUDY)
            case "cluster":
                return (cluster_factor(section, self.factors),)
        return ()

    def arms(self, levels: Mapping[str, str], among: Sequence[str] | None = None) -> dict[str, int]:
        """The arms open to a subject with these levels, with their shares.

        `among` narrows them (a cohort's). ValueError where the file has no set for the levels, or
        nothing is left.
        """
        chosen = self._set(levels)
        names = self.section.sets[chosen].arms if chosen is not None else tuple(self.ratio)
        found = {
            name: share
            for name, share in self.ratio.items()
            if name in names and (among is None or name in among)
        }
        if not found:
            raise ValueError("no arm is open for these levels")
        unit = math.gcd(*found.values())
        return {name: share // unit for name, share in found.items()}

    def outcomes(
        self, levels: Mapping[str, str], among: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """What may be drawn, in the method's order: arms, or a crossover's sequences of them."""
        arms = tuple(self.arms(levels, among))
        if self.section.method != "crossover":
            return arms
        from core.randomization.williams import williams

        return tuple(
            IN_SEQUENCE.join(arms[place] for place in order) for order in williams(len(arms))
        )

    def stratum(self, levels: Mapping[str, str], beside: Mapping[str, str] | None = None) -> str:
        """The part of the study within which this subject is drawn, as lasting text.

        `beside` are further parts (the site that blocks are bound to, a cohort), in their order.
        """
        if self.covariates:
            names = [name for name in self.section.strata if name in levels]
            parts: list[str] = [self.section.method]
            chosen = self._set(levels)
            parts += [] if chosen is None else [f"set={chosen + 1}"]
        else:
            names, parts = [factor.name for factor in self.factors], []
        parts += [f"{name}={_plain(levels[name])}" for name in names]
        parts += [f"{name}={value}" for name, value in (beside or {}).items() if name not in names]
        return _BETWEEN.join(parts) or "all"

    def known(self, known: Levels, levels: Mapping[str, str]) -> Levels:
        """The levels of each covariate in their lasting order, with those that this subject brings.

        Factors that list their levels have those; sites, and countries that the file leaves open,
        are appended as they come, so that earlier counts keep their places.
        """
        listed = {factor.name: factor.levels for factor in self.factors}
        mine = self._own(levels)
        out: Levels = {}
        for name in self.covariates:
            values = list(known.get(name, []))
            values += [value for value in listed.get(name, ()) if value not in values]
            if not listed.get(name) and mine[name] not in values:
                values.append(mine[name])
            out[name] = values
        return out

    def places(self, known: Levels, levels: Mapping[str, str]) -> tuple[int, ...]:
        """The subject's level of each covariate, as indices into `known`.

        ValueError names what is missing.
        """
        mine = self._own(levels)
        found = []
        for name in self.covariates:
            if mine[name] not in known[name]:
                raise ValueError(f"no such level of {name}: {mine[name]!r}")
            found.append(known[name].index(mine[name]))
        return tuple(found)

    def method(
        self, levels: Mapping[str, str], known: Levels, among: Sequence[str] | None = None
    ) -> Method:
        """The method of this subject's draw, built once for each set of arms and sizes.

        ValueError for numbers that the method cannot run with.
        """
        arms = self.arms(levels, among)
        sizes = tuple(len(known[name]) for name in self.covariates)
        key = (tuple(arms), sizes)
        found = self._methods.get(key)
        if found is None:
            found = build.method(self.section, arms, self.covariates, sizes)
            self._methods[key] = found
        return found

    def _own(self, levels: Mapping[str, str]) -> dict[str, str]:
        """The subject's level of each covariate, the combined stratum among them."""
        try:
            return {
                name: self._combined(levels) if name == STRATUM else levels[name]
                for name in self.covariates
            }
        except KeyError as missing:
            raise ValueError(f"no level of {missing.args[0]}") from missing

    def _combined(self, levels: Mapping[str, str]) -> str:
        if STRATUM in levels:
            return levels[STRATUM]
        names = [f.name for f in self.factors if f.levels and f.name not in self.section.strata]
        return _BETWEEN.join(_plain(levels[name]) for name in names)

    def _set(self, levels: Mapping[str, str]) -> int | None:
        """Which set of arms these levels have; None where the file has no sets."""
        if not self.section.sets:
            return None
        for place, one in enumerate(self.section.sets):
            if all(levels.get(name) == value for name, value in one.levels.items()):
                return place
        raise ValueError("no set of arms for these levels")


def cluster_factor(section: Randomization, factors: Sequence[FactorLevels]) -> str:
    """The factor whose levels are the clusters: the one named, else the site, else the only one.

    "site" where there is none of these: whoever checks the file will not find it.
    """
    if section.cluster is not None:
        return section.cluster
    found = next((factor.name for factor in factors if factor.is_site), _SITE)
    return factors[0].name if len(factors) == 1 else found


def _plain(level: str) -> str:
    """The level, so written that two lists of levels never make the same text."""
    return level.replace("\\", "\\\\").replace(_BETWEEN, "\\" + _BETWEEN)


def factor_levels(config: StudyConfig) -> tuple[FactorLevels, ...]:
    """The factors of a study file as a scheme sees them."""
    return tuple(
        FactorLevels(
            factor.name, tuple(level.value for level in factor.levels), factor.source == "site"
        )
        for factor in config.factors
    )


def is_same_design(old: StudyConfig, new: StudyConfig) -> bool:
    """Whether an amendment leaves arms, factors and method as they are: lists and counts go on."""
    return (old.open_ratio, list(old.open_ratio), old.factors, old.randomization) == (
        new.open_ratio,
        list(new.open_ratio),
        new.factors,
        new.randomization,
    )
