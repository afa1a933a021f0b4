"""The strata that a list may name, as the study file and the sites on record have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from core.randomization.scheme import Scheme
from core.study.schema import StudyConfig

_BETWEEN: Final = "|"
_COHORT: Final = "cohort"


class Strata:
    """Finds the lasting text of a stratum and the shares of the arms open there.

    `sites` and `countries` are those on record: levels that the file derives.
    """

    def __init__(
        self, config: StudyConfig, sites: Iterable[str] = (), countries: Iterable[str] = ()
    ) -> None:
        """Nothing is read yet."""
        self.scheme = Scheme.of(config)
        self._arms = frozenset(arm.code for arm in config.arms)
        derived = {"site": frozenset(sites), "country": frozenset(countries)}
        self._levels = {
            factor.name: frozenset(level.value for level in factor.levels)
            or derived.get(factor.source, frozenset())
            for factor in config.factors
        }
        self._has_cohorts = config.escalation is not None
        self._found: dict[object, tuple[str, dict[str, int]] | None] = {}

    @property
    def factors(self) -> tuple[str, ...]:
        """Their names, in the order of the file."""
        return tuple(self._levels)

    @property
    def arms(self) -> frozenset[str]:
        """The codes of all arms, open in some stratum or not."""
        return self._arms

    def find(
        self, stratum: str, levels: Sequence[tuple[str, str]]
    ) -> tuple[str, dict[str, int]] | None:
        """The stratum's text and its arms with their shares; None if the study has no such one.

        `stratum` is "sex=F|site=101" (in any order), the levels alone in the order of the study
        file ("F|101"), or "all" without factors; it is looked at where `levels` are not given.
        """
        key = (stratum, tuple(levels))
        if key not in self._found:
            self._found[key] = self._look(dict(levels) or self._split(stratum))
        return self._found[key]

    def _split(self, stratum: str) -> dict[str, str] | None:
        names = list(self._levels)
        parts = [part.strip() for part in stratum.split(_BETWEEN) if part.strip()]
        if not names and stratum in ("", "all"):
            return {}
        if not all("=" in part for part in parts):
            return dict(zip(names, parts, strict=True)) if len(parts) == len(names) else None
        pairs = [part.split("=", 1) for part in parts]
        found = {name.strip(): value.strip() for name, value in pairs}
        return found if len(found) == len(pairs) else None

    def _look(self, given: Mapping[str, str] | None) -> tuple[str, dict[str, int]] | None:
        if given is None:
            return None
        beside = {_COHORT: given[_COHORT]} if self._has_cohorts and _COHORT in given else {}
        levels = {name: value for name, value in given.items() if name not in beside}
        if set(levels) != set(self._levels):
            return None
        if any(levels[name] not in known for name, known in self._levels.items()):
            return None
        if not all(value.isascii() and value.isdigit() for value in beside.values()):
            return None
        try:
            return self.scheme.stratum(levels, beside), self.scheme.arms(levels)
        except ValueError:
            return None
