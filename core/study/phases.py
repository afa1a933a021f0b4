"""What the phases of a study file come to: the arms of each, and whether they may be told."""

from __future__ import annotations

from typing import Final

from core.study.conduct import Phase
from core.study.schema import StudyConfig
from core.study.supply import EVERY_ARM

RUN_IN: Final = "run_in"
OPEN_LABEL: Final = "open_label"


def arms_in(config: StudyConfig, phase_code: str | None) -> tuple[str, ...]:
    """The arms that a subject may be on in a phase, in the order of the file; none in a run-in.
    None (or an unknown phase): all of them."""
    arms = tuple(arm.code for arm in config.arms)
    codes = [phase.code for phase in config.phases]
    if phase_code is None or phase_code not in codes:
        return arms
    phase = config.phase(phase_code)
    if phase.kind == RUN_IN:
        return ()
    before = set(arms)
    for earlier in config.phases[: codes.index(phase_code)]:
        if earlier.kind != RUN_IN:
            # It may be skipped: what was possible before it still is.
            before |= _entered(config, earlier, before)
    return tuple(arm for arm in arms if arm in _entered(config, phase, before))


def _entered(config: StudyConfig, phase: Phase, before: set[str]) -> set[str]:
    """The arms on which those of `before` may be in the phase."""
    if phase.randomization is not None:
        return set(phase.ratio or config.ratio)
    return {arm_there(phase, arm) for arm in before}


def arm_there(phase: Phase, before: str) -> str:
    """The arm in a phase without a draw of somebody who was on `before`: that one still, where the
    file does not say."""
    return phase.arms.get(before, phase.arms.get(EVERY_ARM, before))


def tells_treatment(config: StudyConfig, phase: Phase) -> bool:
    """Whether the treatment of a phase may be told at its site: the study is open, or the phase
    is and the arm there says nothing about the one before."""
    if config.study.blinding == "open":
        return True
    if phase.kind != OPEN_LABEL:
        return False
    return phase.randomization is not None or len(set(phase.arms.values())) == 1
