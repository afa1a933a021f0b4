"""The re-randomization test of a case file whose subjects have outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from core.randomization.casefile import CaseFile
from core.randomization.method import TooManyStates
from core.randomization.simulation.rerandomize import ImpossibleSequence, rerandomize
from core.randomization.simulation.results import Rerandomization
from core.randomization.trial import Trial, combined, trial_of, unfit
from core.study.case_text import refused, stop
from core.study.problems import Finding, error

DRAWS: Final = 10_000
SUBJECTS_MIN: Final = 2


def retest(
    case: CaseFile, *, draws: int | None = DRAWS, seed: int = 1, adjusted: bool = False
) -> Rerandomization:
    """The test of the first two arms; `draws` None follows every sequence the method could give.

    Raises CaseFileRefused for subjects without what the test needs, and for arms that the method
    could not have given; TooManyStates where following every sequence is too much.
    """
    if case.scheme.section.sets and case.history and not case.next_levels:
        case = replace(case, next_levels=case.history[0].levels)
    trial = trial_of(case)
    stop([*_missing(case, trial)])
    responses = None
    if trial.successes is not None:
        responses = [int(bool(seen.response)) for seen in case.history]
    try:
        return rerandomize(
            trial.method,
            [trial.arms.index(seen.arm) for seen in case.history],
            [seen.outcome for seen in case.history if seen.outcome is not None],
            levels=[_places(trial, seen.levels) for seen in case.history],
            strata=[place for place, axis in enumerate(trial.axes) if axis.is_stratum],
            responses=responses,
            draws=draws,
            seed=seed,
            adjusted=adjusted,
        )
    except ImpossibleSequence as impossible:
        place = impossible.place - 1
        arm = case.history[place].arm
        raise refused(error("case_arm", "history", place, "arm", arm=arm)) from None
    except TooManyStates:
        raise
    except ValueError as reason:
        raise unfit(reason, "history") from None


def _missing(case: CaseFile, trial: Trial) -> Iterator[Finding]:
    """What the test needs of each subject and the file does not give."""
    if len(case.history) < SUBJECTS_MIN:
        yield error("case_subjects", "history", least=SUBJECTS_MIN)
    for place, seen in enumerate(case.history):
        if seen.outcome is None:
            yield error("missing", "history", place, "outcome")
        if trial.successes is not None and seen.response is None:
            yield error("missing", "history", place, "response")
        if trial.scheme.outcomes(dict(seen.levels)) != trial.arms:
            yield error("case_other_set", "history", place, "levels")
        elif seen.arm not in trial.arms:
            yield error("case_arm", "history", place, "arm", arm=seen.arm)


def _places(trial: Trial, levels: Mapping[str, str]) -> tuple[int, ...]:
    """The subject's level of each axis."""
    return tuple(
        axis.levels.index(levels[axis.name] if axis.name in levels else combined(trial, levels))
        for axis in trial.axes
    )
