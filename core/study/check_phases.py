"""Checks of what goes beyond one randomization: responses, cohorts, phases, and their visits."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from core.randomization.escalation import COHORT, boin_boundaries
from core.randomization.scheme import Scheme, factor_levels
from core.study.check_method import section_parameters
from core.study.conduct import Phase
from core.study.known import Known
from core.study.phases import OPEN_LABEL, RUN_IN, tells_treatment
from core.study.problems import Finding, Path, error, warning
from core.study.schema import StudyConfig
from core.study.supply import EVERY_ARM

PHASES_MAX = 9
"""One key each on the phone."""


def check_response(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Methods that listen, and cohorts, have a response to go by."""
    if config.response is not None:
        if not config.has_randomization:
            yield error("response_without_randomization", "response")
        return
    if config.randomization is not None and config.randomization.listens:
        yield error("response_missing", "response", method=config.randomization.method)
    if config.escalation is not None:
        yield error("response_missing_for_cohorts", "response")


def check_escalation(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Doses and controls are arms, each named once; the rule has what it needs."""
    rule = config.escalation
    if rule is None:
        return
    arms = [arm.code for arm in config.arms]
    seen: list[str] = []
    for key, names in (("doses", rule.doses), ("controls", rule.controls)):
        for place, name in enumerate(names):
            if name not in arms:
                yield _unknown_arm(name, arms, "escalation", key, place)
            elif name in seen:
                yield error("twice", "escalation", key, place, value=name)
            seen.append(name)
    if rule.rule == "three_plus_three":
        if rule.target is not None:
            yield error("target_not_used", "escalation", "target")
        if rule.size != COHORT or rule.controls:
            yield error("three_at_a_dose", "escalation", "size")
        return
    if not _is_target(rule.target):
        yield error("target_rate", "escalation", "target")


def check_phases(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Run-ins come first, and every phase says what each earlier arm is given."""
    if config.phases and not config.has_randomization:
        yield error("phases_without_randomization", "phases")
    if len(config.phases) > PHASES_MAX:
        count = len(config.phases)
        yield error("too_many_choices", "phases", limit=PHASES_MAX, count=count)
    begun = False
    for place, phase in enumerate(config.phases):
        path: Path = ("phases", place)
        if phase.kind == RUN_IN:
            if begun:
                yield error("run_in_late", *path, "kind")
            if config.screening is None:
                yield error("run_in_without_screening", *path, "kind")
            if phase.arms or phase.randomization:
                yield error("run_in_has_no_arms", *path)
            continue
        begun = True
        yield from _given(config, phase, path)
        if config.is_blinded and phase.kind == OPEN_LABEL and not tells_treatment(config, phase):
            yield warning("phase_keeps_blind", *path, "arms", phase=phase.code)


def check_phase_visits(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Visits name phases and periods that there are; a run-in gives everybody the same."""
    codes = [phase.code for phase in config.phases]
    for place, visit in enumerate(config.visits):
        if visit.phase is not None and visit.phase not in codes:
            allowed = ", ".join(codes) or "-"
            path = ("visits", place, "phase")
            yield error("unknown_phase", *path, name=visit.phase, allowed=allowed)
        elif visit.phase is not None and config.phase(visit.phase).kind == RUN_IN:
            for arm in visit.kits:
                if arm != EVERY_ARM:
                    yield error("run_in_kits", "visits", place, "kits", arm)
        if visit.period is None:
            continue
        if not config.is_crossover or visit.phase is not None:
            yield error("period_without_crossover", "visits", place, "period")
        elif visit.period > len(config.arms):
            yield error("period_too_late", "visits", place, "period", limit=len(config.arms))


def check_periods(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """In a crossover every visit that gives kits by arm says in which period it lies."""
    if not config.is_crossover:
        return
    latest = 1
    for place, visit in enumerate(config.visits):
        if visit.phase is not None:
            continue
        if visit.period is None:
            if set(visit.kits) - {EVERY_ARM}:
                yield error("period_missing", "visits", place, "period")
            continue
        if visit.period < latest:
            yield error("period_order", "visits", place, "period", limit=latest)
        latest = max(latest, visit.period)


def _given(config: StudyConfig, phase: Phase, path: Path) -> Iterator[Finding]:
    arms = [arm.code for arm in config.arms]
    if phase.arms and phase.randomization:
        yield error("phase_arms_or_draw", *path)
    if phase.ratio and not phase.randomization:
        yield error("phase_ratio_unused", *path, "ratio")
    for before, after in phase.arms.items():
        if before != EVERY_ARM and (before not in arms or config.is_crossover):
            yield _unknown_arm(before, [EVERY_ARM] if config.is_crossover else arms, *path, "arms")
        if after not in arms:
            yield _unknown_arm(after, arms, *path, "arms", before)
    if phase.arms and EVERY_ARM not in phase.arms and not config.is_crossover:
        for arm in arms:
            if arm not in phase.arms:
                yield error("phase_arm_missing", *path, "arms", arm=arm)
    for arm in phase.ratio:
        if arm not in arms:
            yield _unknown_arm(arm, arms, *path, "ratio", arm)
    if phase.randomization is not None:
        yield from _drawn(config, phase, (*path, "randomization"))


def _drawn(config: StudyConfig, phase: Phase, path: Path) -> Iterator[Finding]:
    """A second randomization listens to nobody, and can be built for the study's factors."""
    section = phase.randomization
    if section is None:
        return
    if section.listens or section.method in ("crossover", "list"):
        yield error("phase_method", *path, "method", method=section.method)
        return
    wrong = list(section_parameters(section, path))
    if wrong:
        yield from wrong
        return
    shares = {arm: share for arm, share in phase.ratio.items() if arm in config.ratio}
    scheme = Scheme(section, shares or config.open_ratio, factor_levels(config))
    levels = {
        factor.name: factor.levels[0].value if factor.levels else "-" for factor in config.factors
    }
    try:
        scheme.method(levels, scheme.known({}, levels))
    except (ValueError, TypeError, KeyError) as reason:
        yield error("method_impossible", *path, levels="-", detail=str(reason))


def _is_target(target: Fraction | None) -> bool:
    """Whether BOIN has boundaries for it."""
    if target is None:
        return False
    try:
        boin_boundaries(target)
    except ValueError:
        return False
    return True


def _unknown_arm(name: str, arms: list[str], *path: str | int) -> Finding:
    return error("unknown_arm", *path, name=name, allowed=", ".join(arms))
