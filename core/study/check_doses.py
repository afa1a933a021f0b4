"""Checks of doses: what they are made up of, and that no dose tells one arm from another."""

from __future__ import annotations

from collections.abc import Iterator

from core.study.check_supply import unknown_arms
from core.study.doses import of_arm
from core.study.known import Known
from core.study.phases import arms_in
from core.study.problems import Finding, Path, error, warning
from core.study.schema import StudyConfig
from core.study.supply import EVERY_ARM, Dosing, KitsByArm


def check_doses(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Levels have kits or an amount, the first is one of them, and some visit gives them."""
    for place, visit in enumerate(config.visits):
        if visit.dose and config.dosing is None:
            yield error("dosing_missing", "visits", place, "dose")
        if visit.titration and not visit.dose:
            yield error("titration_without_dose", "visits", place, "titration")
    dosing, unscheduled = config.dosing, config.unscheduled
    if dosing is None:
        if unscheduled is not None and unscheduled.dose:
            yield error("dosing_missing", "unscheduled", "dose")
        return
    if all(level.code != dosing.start for level in dosing.levels):
        allowed = ", ".join(level.code for level in dosing.levels)
        yield error("unknown_dose", "dosing", "start", name=dosing.start, allowed=allowed)
    for place, level in enumerate(dosing.levels):
        if bool(level.kits) == (level.amount is not None):
            yield error("kits_or_amount", "dosing", "levels", place)
    if not any(visit.dose for visit in config.visits):
        yield warning("dosing_unused", "dosing")


def check_dose_sizes(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """An amount is made up of known kit types with a size, in each arm that is given it."""
    dosing = config.dosing
    if dosing is None:
        return
    types = {each.code: each for each in config.kit_types}
    for arm, codes in dosing.sizes.items():
        path: Path = ("dosing", "sizes", arm)
        for code in codes:
            if code not in types:
                yield error("unknown_kit_type", *path, name=code, allowed=", ".join(types))
            elif types[code].size is None:
                yield error("size_missing", *path, code=code)
    if any(level.amount is not None for level in dosing.levels):
        yield from _arms_with_sizes(config, dosing.sizes)


def _arms_with_sizes(config: StudyConfig, sizes: KitsByArm) -> Iterator[Finding]:
    yield from unknown_arms(config, ("dosing", "sizes"), sizes)
    for arm in arms_in(config, None) or (EVERY_ARM,):
        if not of_arm(sizes, arm):
            yield error("sizes_missing_for_arm", "dosing", "sizes", arm=arm)


def check_unblinding_doses(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Under double blind an amount comes to the same kits, as they look, in every arm."""
    dosing = config.dosing
    if dosing is None or not config.is_blinded or len(config.arms) < 2:
        return
    if len({_looks(config, dosing, arm) for arm in arms_in(config, None)}) > 1:
        yield error("sizes_unblind", "dosing", "sizes")


def _looks(config: StudyConfig, dosing: Dosing, arm: str) -> tuple[tuple[str, bool, int], ...]:
    types = {each.code: each for each in config.kit_types}
    found = (types.get(code) for code in of_arm(dosing.sizes, arm))
    return tuple(sorted((each.group, each.unblinded, each.size or 0) for each in found if each))
