"""What an amendment may not change: whatever the records of subjects already rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.study.problems import Finding, Problem, error
from core.study.schema import StudyConfig


def check_amendment(
    old: StudyConfig, new: StudyConfig, *, enrolled: bool = True
) -> tuple[Problem, ...]:
    """Everything that keeps `new` from following `old`, at the keys of the new file.

    `enrolled` is false as long as the study has no subject: then only its identity is fixed.
    """
    found = [*_identity(old, new)]
    if enrolled:
        found += [*_design(old, new), *_factors(old, new), *_removed(old, new)]
    return tuple(finding.at(None) for finding in found)


def _identity(old: StudyConfig, new: StudyConfig) -> Iterator[Finding]:
    for key in ("code", "number", "training"):
        before, after = getattr(old.study, key), getattr(new.study, key)
        if before != after:
            yield error("fixed", "study", key, old=str(before).lower())


def _design(old: StudyConfig, new: StudyConfig) -> Iterator[Finding]:
    if old.study.blinding != new.study.blinding:
        yield error("fixed", "study", "blinding", old=old.study.blinding)
    if (old.screening is None) != (new.screening is None):
        yield error("fixed_screening", "screening")
    if old.has_randomization != new.has_randomization:
        yield error("fixed_randomization", "randomization")
        return
    before, after = old.randomization, new.randomization
    if before and after:
        if before.method != after.method:
            yield error("fixed", "randomization", "method", old=before.method)
        if before.block_sizes != after.block_sizes:
            sizes = ", ".join(map(str, before.block_sizes))
            yield error("fixed", "randomization", "block_sizes", old=sizes)
    kept = {code: new.ratio.get(code) for code in old.ratio}
    if kept != old.ratio:
        # An arm is closed, never removed: its subjects stay on it.
        ratio = ", ".join(f"{code} {share}" for code, share in old.ratio.items())
        yield error("fixed_arms", "arms", old=ratio)
    elif tuple(old.ratio) != tuple(new.ratio)[: len(old.ratio)]:
        # The order of the arms is part of the list format: another order is another list.
        yield error("fixed_arm_order", "arms", old=", ".join(old.ratio))


def _factors(old: StudyConfig, new: StudyConfig) -> Iterator[Finding]:
    if [(each.name, each.source) for each in old.factors] != [
        (each.name, each.source) for each in new.factors
    ]:
        names = ", ".join(f"{each.name} ({each.source})" for each in old.factors) or "-"
        yield error("fixed_factors", "factors", old=names)
        return
    for place, (before, after) in enumerate(zip(old.factors, new.factors, strict=True)):
        for level in before.levels:
            if after.levels and after.find_level(level.value) is None:
                path = ("factors", place, "levels")
                yield error("level_removed", *path, value=level.value)


def _removed(old: StudyConfig, new: StudyConfig) -> Iterator[Finding]:
    types = {kit_type.code: (place, kit_type) for place, kit_type in enumerate(new.kit_types)}
    for kit_type in old.kit_types:
        place, after = types.get(kit_type.code, (0, None))
        if after is None:
            yield error("kit_type_removed", "kit_types", code=kit_type.code)
        elif after.group != kit_type.group:
            yield error("fixed", "kit_types", place, "group", old=kit_type.group)
        elif after.unblinded != kit_type.unblinded:
            old_value = str(kit_type.unblinded).lower()
            yield error("fixed", "kit_types", place, "unblinded", old=old_value)
    yield from _course(old, new)
    yield from _doses(old, new)
    depots = {depot.code for depot in new.depots}
    for depot in old.depots:
        if depot.code not in depots:
            yield error("depot_removed", "depots", code=depot.code)


def _course(old: StudyConfig, new: StudyConfig) -> Iterator[Finding]:
    """Phases that subjects are in, doses of cohorts, and the response that is on record."""
    phases = {phase.code: (place, phase) for place, phase in enumerate(new.phases)}
    for phase in old.phases:
        place, after = phases.get(phase.code, (0, None))
        if after is None:
            yield error("phase_removed", "phases", code=phase.code)
        elif after.kind != phase.kind:
            yield error("fixed", "phases", place, "kind", old=phase.kind)
    if _is_reordered([each.code for each in old.phases], list(phases)):
        yield error("fixed_order", "phases", old=", ".join(each.code for each in old.phases))
    if old.response is not None and new.response is None:
        yield error("response_removed", "response")
    before = old.escalation.doses if old.escalation else ()
    after_doses = new.escalation.doses if new.escalation else ()
    if set(before) - set(after_doses) or _is_reordered(before, after_doses):
        yield error("fixed_doses", "escalation", "doses", old=", ".join(before))


def _doses(old: StudyConfig, new: StudyConfig) -> Iterator[Finding]:
    """Dose levels that subjects may be on: they stay, in their order, for titration goes by it."""
    before = [level.code for level in old.dosing.levels] if old.dosing else []
    after = [level.code for level in new.dosing.levels] if new.dosing else []
    for code in before:
        if code not in after:
            yield error("dose_removed", "dosing", "levels", code=code)
    if _is_reordered(before, after):
        yield error("fixed_levels", "dosing", "levels", old=", ".join(before))


def _is_reordered(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether what both have comes in another order."""
    kept = [code for code in before if code in after]
    return kept != [code for code in after if code in before]
