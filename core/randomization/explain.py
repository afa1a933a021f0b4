"""Why a draw was what it was: the exact probabilities of the next arm, and the imbalance behind it.

The history is replayed through the method's own step, so that the answer is what production drew
with; what the arms alone leave open (the size of a block) is weighed exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.randomization.casefile import CaseFile, CaseFileRefused, Seen
from core.randomization.measures import Measure, spread
from core.randomization.method import Knowledge, TooManyStates
from core.randomization.scheme import Levels, Scheme
from core.study.problems import Finding, error

_DECIMALS: Final = 12
_TAVES: Final = "taves"
_COUNTING: Final = ("minimisation", "hierarchical", "atkinson")


@dataclass(frozen=True, slots=True)
class Explained:
    """Of each arm the exact probability, and the imbalance it would leave (None: not a score)."""

    probabilities: Mapping[str, Fraction]
    imbalance: Mapping[str, Fraction]
    irrational: bool = False

    def to_json(self) -> dict[str, dict[str, str]]:
        """Fractions as text; the imbalance by standard deviation as a decimal, being a root."""
        return {
            "probabilities": {arm: str(value) for arm, value in self.probabilities.items()},
            "imbalance": {
                arm: f"{float(value):.{_DECIMALS}g}" if self.irrational else str(value)
                for arm, value in self.imbalance.items()
            },
        }


def explain(case: CaseFile) -> Explained:
    """The next subject's probabilities.

    Raises CaseFileRefused for a history that cannot be, and where the next subject's levels are
    missing. A method that counts subjects by their levels counts those, too, whom it would not have
    given their arm: such a history says what was, not what this section drew.
    """
    scheme, levels = case.scheme, case.next_levels
    if scheme.section.method == "list":
        raise _refused(error("case_list", "randomization", "method"))
    missing = [factor.name for factor in scheme.factors if factor.name not in levels]
    if missing:
        raise _refused(*(error("missing", "next", "levels", name) for name in missing))
    try:
        stratum, outcomes = scheme.stratum(levels), scheme.outcomes(levels)
    except ValueError as reason:  # more combinations than were checked
        shown = ", ".join(levels.values())
        found = error("method_impossible", "next", "levels", levels=shown, detail=str(reason))
        raise _refused(found) from None
    known: Levels = {}
    for seen in case.history:
        known = scheme.known(known, seen.levels)
    known = scheme.known(known, levels)
    knowledge = Knowledge(scheme.method(levels, known))
    for place, seen in enumerate(case.history):
        arm = _place_of(scheme, place, seen)
        if scheme.stratum(seen.levels) == stratum:
            _see(knowledge, scheme, known, place, seen, arm)
    try:
        exactly = knowledge.probabilities(scheme.places(known, levels))
    except TooManyStates:
        raise _refused(error("case_states", "next")) from None
    chances = dict(zip(outcomes, exactly, strict=True))
    arms = outcomes if scheme.section.method == "crossover" else tuple(scheme.ratio)
    return Explained(
        {arm: chances.get(arm, Fraction()) for arm in arms},
        _imbalance(case, stratum),
        scheme.section.measure == "sd",
    )


def _place_of(scheme: Scheme, place: int, seen: Seen) -> int:
    """The place of the arm among those open for the subject's levels."""
    try:
        return scheme.outcomes(seen.levels).index(seen.arm)
    except ValueError:
        raise _refused(_impossible(place, seen.arm)) from None


def _see(
    knowledge: Knowledge, scheme: Scheme, known: Levels, place: int, seen: Seen, arm: int
) -> None:
    levels = scheme.places(known, seen.levels)
    try:
        if scheme.section.method not in _COUNTING or not knowledge.count(levels, arm):
            knowledge.see(levels, arm)
    except TooManyStates:
        raise _refused(error("case_states", "history", place)) from None
    except ValueError:
        raise _refused(_impossible(place, seen.arm)) from None
    if seen.response is not None:
        _hear(knowledge, scheme, place, arm, seen.response)


def _hear(knowledge: Knowledge, scheme: Scheme, place: int, arm: int, success: bool) -> None:
    try:
        knowledge.hear(arm, success)
    except ValueError:
        method = scheme.section.method
        raise _refused(error("case_response", "history", place, method=method)) from None


def _impossible(place: int, arm: str) -> Finding:
    return error("case_arm", "history", place, "arm", arm=arm)


def _refused(*findings: Finding) -> CaseFileRefused:
    return CaseFileRefused(tuple(finding.at(None) for finding in findings))


def _imbalance(case: CaseFile, stratum: str) -> dict[str, Fraction]:
    """For each open arm the weighted sum over margins that the next subject would leave there.

    Minimisation: its own measure and weights, over the factors it balances and the whole. Other
    methods: the range of the arms' numbers, over their shares, in the subject's stratum.
    """
    scheme, levels = case.scheme, case.next_levels
    section, ratio = scheme.section, scheme.arms(levels)
    if section.method == "crossover":
        ratio = dict.fromkeys(scheme.outcomes(levels), 1)
    here = [seen for seen in case.history if scheme.stratum(seen.levels) == stratum]
    measure: str = Measure.RANGE
    margins: list[tuple[str | None, Fraction]] = [(None, Fraction(1))]
    if section.method == "minimisation":
        measure = section.measure or measure
        margins = [(name, section.weight(name)) for name in scheme.covariates]
        margins += [(None, section.overall_weight)] if section.overall_weight else []
    out = {}
    for arm in ratio:
        total = Fraction()
        for name, weight in margins:
            alike = [s for s in here if name is None or s.levels[name] == levels[name]]
            counts = {one: sum(seen.arm == one for seen in alike) for one in ratio}
            total += weight * _left(measure, counts, ratio, arm)
        out[arm] = total
    return out


def _left(measure: str, counts: Mapping[str, int], ratio: Mapping[str, int], arm: str) -> Fraction:
    if measure == _TAVES:
        return Fraction(counts[arm], ratio[arm])
    after = [Fraction(n + (one == arm), ratio[one]) for one, n in counts.items()]
    return spread(Measure(measure), after) if len(after) > 1 else Fraction()
