"""Checks of depots and of resupply."""

from __future__ import annotations

from collections.abc import Iterator

from core.study.known import Known
from core.study.problems import Finding, Path, error, warning
from core.study.schema import StudyConfig
from core.study.supply import EVERYWHERE, Expected, ResupplyRule

APART_LEAST = 2
"""Trigger and target nearer than this make shipments of a single kit, which tell the last arm."""


def check_depots(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """A depot is supplied by another one, never by itself in a circle."""
    above = {depot.code: depot.supplied_by for depot in config.depots}
    for place, depot in enumerate(config.depots):
        if depot.supplied_by is not None and depot.supplied_by not in above:
            path: Path = ("depots", place, "supplied_by")
            yield error("unknown_depot", *path, name=depot.supplied_by, allowed=", ".join(above))
        seen, code = {depot.code}, depot.supplied_by
        while code is not None and code in above and code not in seen:
            seen.add(code)
            code = above[code]
        if code == depot.code:
            yield error("depot_circle", "depots", place, "supplied_by")


def check_partial(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Part of what is due would tell a blinded site which kits are short."""
    if config.dispensing.partial and config.study.blinding != "open":
        yield error("partial_unblinds", "dispensing", "partial")


def check_resupply(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Each rule can be reckoned with, and none tells a blinded site what was given."""
    rules: list[tuple[Path, ResupplyRule]] = [(("resupply",), config.resupply)]
    for place, local in enumerate(config.resupply.rules):
        rules.append((("resupply", "rules", place), local))
        depots = [depot.code for depot in config.depots]
        for inner, code in enumerate(local.depots):
            if code not in depots:
                path: Path = ("resupply", "rules", place, "depots", inner)
                yield error("unknown_depot", *path, name=code, allowed=", ".join(depots))
    for path, rule in rules:
        if rule.strategy != "off":
            yield from _limits(config, path, rule)
            yield from _windows(config, path, rule)
        if rule.ship == "needed" and config.study.blinding != "open":
            yield error("needed_unblinds", *path, "ship")
    if config.resupply.expected is not None:
        yield from _expected(config.resupply.expected)
    if any(rule.strategy != "off" for _, rule in rules):
        yield from _lasting(config)


def _limits(config: StudyConfig, path: Path, rule: ResupplyRule) -> Iterator[Finding]:
    types = [each.code for each in config.kit_types]
    for name in ("minimum", "maximum"):
        for code in getattr(rule, name):
            if code not in (*types, EVERYWHERE):
                allowed = ", ".join((*types, EVERYWHERE))
                yield error("unknown_kit_type", *path, name, code, name=code, allowed=allowed)
    if rule.risk is not None:
        yield from _risk(config, path, rule)
        return
    for code in types:
        low, high = (
            amounts.get(code, amounts.get(EVERYWHERE)) for amounts in (rule.minimum, rule.maximum)
        )
        if low is None or high is None:
            missing = "minimum" if low is None else "maximum"
            yield error("amount_missing", *path, missing, code=code)
        elif high < (least := low + (rule.strategy == "min_max")):
            yield error("maximum_too_small", *path, "maximum", code=code, least=least)
        elif high - low < APART_LEAST and config.is_blinded:
            yield warning("too_close", *path, "maximum", code=code, least=low + APART_LEAST)


def _risk(config: StudyConfig, path: Path, rule: ResupplyRule) -> Iterator[Finding]:
    if rule.strategy != "predictive":
        yield error("risk_predictive", *path, "risk")
    if rule.minimum or rule.maximum:
        yield error("risk_or_amounts", *path, "risk")
    if rule.risk is not None and not 0 < rule.risk < 1:
        yield error("risk_range", *path, "risk")
    if config.resupply.expected is None:
        yield error("expected_missing", "resupply", "expected")


def _windows(config: StudyConfig, path: Path, rule: ResupplyRule) -> Iterator[Finding]:
    if not config.depots:
        yield error("resupply_without_depot", *path, "strategy")
    if rule.strategy != "predictive":
        return
    if rule.long_days < rule.short_days:
        yield error("long_too_short", *path, "long_days", least=rule.short_days)
    under_way = config.dispensing.lead_days + config.dispensing.review_lag_days
    if rule.short_days < under_way:
        yield warning("short_too_short", *path, "short_days", least=under_way)


def _lasting(config: StudyConfig) -> Iterator[Finding]:
    """What is counted can be given: it lasts as long as kits of the longest interval have to."""
    arms: list[str | None] = [arm.code for arm in config.arms]
    gaps = [
        config.days_to_next(visit.code, arm)
        for visit in config.visits
        for arm in arms or [None]
        if visit.kits or visit.dose
    ]
    longest, days = max(gaps, default=0), config.dispensing.dnd_days
    if longest > days:
        yield warning("dnd_below_gap", "dispensing", "dnd_days", least=longest, days=days)


def _expected(expected: Expected) -> Iterator[Finding]:
    for name in ("shape", "rate_days"):
        if getattr(expected, name) <= 0:
            yield error("above_zero", "resupply", "expected", name)
    if not 0 < expected.pass_rate <= 1:
        yield error("share_range", "resupply", "expected", "pass_rate")
