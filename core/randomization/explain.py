"""Why a draw was what it was: the exact probabilities of the next arm, and the imbalance behind it.

The history is replayed through the method's own step, so that the answer is what production drew
with; what the arms alone leave open (the size of a block) is weighed exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.randomization.casefile import CaseFile, Seen
from core.randomization.method import Knowledge, TooManyStates
from core.randomization.methods.build import method
from core.randomization.methods.minimise import imbalance
from core.randomization.scheme import Levels, Scheme
from core.study.case_text import refused
from core.study.problems import Finding, error
from core.study.randomization import Randomization

_DECIMALS: Final = 12
_COUNTING: Final = ("minimisation", "hierarchical", "atkinson")
# Scores do not depend on the coin, and are told of arms, not of the equal ones that stand for one.
_PLAIN: Final = {"p": Fraction(1), "rule": "biased_coin", "ratio_preserving": False}
_WHOLE: Final = Randomization(method="minimisation", measure="range", overall_weight=Fraction(1))


@dataclass(frozen=True, slots=True)
class Explained:
    """Of each arm the exact probability, and the imbalance it would leave."""

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
        raise refused(error("case_list", "randomization", "method"))
    missing = [factor.name for factor in scheme.factors if factor.name not in levels]
    if missing:
        raise refused(*(error("missing", "next", "levels", name) for name in missing))
    try:
        stratum, outcomes = scheme.stratum(levels), scheme.outcomes(levels)
    except ValueError as reason:  # more combinations than were checked
        shown = ", ".join(levels.values())
        found = error("method_impossible", "next", "levels", levels=shown, detail=str(reason))
        raise refused(found) from None
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
        raise refused(error("case_states", "next")) from None
    chances = dict(zip(outcomes, exactly, strict=True))
    arms = outcomes if scheme.section.method == "crossover" else tuple(scheme.ratio)
    return Explained(
        {arm: chances.get(arm, Fraction()) for arm in arms},
        _imbalance(case, known, stratum),
        scheme.section.measure == "sd",
    )


def _place_of(scheme: Scheme, place: int, seen: Seen) -> int:
    """The place of the arm among those open for the subject's levels."""
    try:
        return scheme.outcomes(seen.levels).index(seen.arm)
    except ValueError:
        raise refused(_impossible(place, seen.arm)) from None


def _see(
    knowledge: Knowledge, scheme: Scheme, known: Levels, place: int, seen: Seen, arm: int
) -> None:
    levels = scheme.places(known, seen.levels)
    try:
        if scheme.section.method not in _COUNTING or not knowledge.count(levels, arm):
            knowledge.see(levels, arm)
    except TooManyStates:
        raise refused(error("case_states", "history", place)) from None
    except ValueError:
        raise refused(_impossible(place, seen.arm)) from None
    if seen.response is not None:
        _hear(knowledge, scheme, place, arm, seen.response)


def _hear(knowledge: Knowledge, scheme: Scheme, place: int, arm: int, success: bool) -> None:
    try:
        knowledge.hear(arm, success)
    except ValueError:
        named = scheme.section.method
        raise refused(error("case_response", "history", place, method=named)) from None


def _impossible(place: int, arm: str) -> Finding:
    return error("case_arm", "history", place, "arm", arm=arm)


def _imbalance(case: CaseFile, known: Levels, stratum: str) -> dict[str, Fraction]:
    """For each open arm the weighted sum over margins that the next subject would leave there.

    Minimisation: its own measure and weights, over the factors it balances and the whole. Other
    methods: the range of the arms' numbers, over their shares, in the subject's stratum, which is
    what minimisation of the whole alone would look at.
    """
    scheme, levels = case.scheme, case.next_levels
    section, outcomes = scheme.section, scheme.outcomes(levels)
    if len(outcomes) == 1:
        return {outcomes[0]: Fraction()}
    names: tuple[str, ...] = ()
    plain = _WHOLE
    if section.method == "minimisation":
        names = scheme.covariates
        plain = section.model_copy(update=_PLAIN)
    arms = scheme.arms(levels)
    ratio = {one: arms.get(one, 1) for one in outcomes}  # a crossover's sequences are equal
    counted = method(plain, ratio, names, [len(known[name]) for name in names])

    def places(of: Mapping[str, str]) -> tuple[int, ...]:
        return scheme.places(known, of) if names else ()

    state = list(counted.start)
    for seen in case.history:
        if scheme.stratum(seen.levels) == stratum and seen.arm in outcomes:
            counted.after(counted.design, state, places(seen.levels), outcomes.index(seen.arm))
    return dict(zip(outcomes, imbalance(counted, state, places(levels)), strict=True))
