"""Checks of visits, kits and dispensing."""

from __future__ import annotations

from collections.abc import Iterator

from core.study.doses import of_arm
from core.study.known import Known
from core.study.phases import arms_in, tells_treatment
from core.study.problems import Finding, Path, error, warning
from core.study.schema import StudyConfig, Visit
from core.study.supply import EVERY_ARM, EVERYWHERE, KitsByArm
from core.supply.days import limits


def check_visits(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Visits of a phase follow one another, from day 0 on, and their windows can be told apart."""
    last: dict[str | None, Visit] = {}
    for place, visit in enumerate(config.visits):
        if visit.before > visit.day:
            yield error("before_day_zero", "visits", place, "before", limit=visit.day)
        previous = last.get(visit.phase)
        last[visit.phase] = visit
        if previous is None:
            if visit.anchor == "previous":
                yield error("no_previous_visit", "visits", place, "anchor")
            continue
        if visit.day <= previous.day:
            yield error(
                "visit_order", "visits", place, "day", previous=previous.code, day=previous.day
            )
        last_day = previous.day + (previous.after if visit.anchor == "randomization" else 0)
        if previous.day < visit.day and visit.day - visit.before <= last_day:
            yield warning(
                "windows_overlap", "visits", place, visit=visit.code, previous=previous.code
            )


def check_kit_types(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Kits given are of known types."""
    types = [kit_type.code for kit_type in config.kit_types]
    for path, table in _tables(config):
        for arm, codes in table.items():
            for code in codes:
                if code not in types:
                    allowed = ", ".join(types)
                    yield error("unknown_kit_type", *path, arm, name=code, allowed=allowed)


def check_kit_arms(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Kits are given in known arms, and no arm is forgotten."""
    for path, table, phase in _phased_tables(config):
        yield from unknown_arms(config, path, table)
        if EVERY_ARM not in table and any(table.values()):
            for arm in arms_in(config, phase):
                if arm not in table:
                    yield error("kits_missing_for_arm", *path, arm=arm)


def unknown_arms(config: StudyConfig, path: Path, table: KitsByArm) -> Iterator[Finding]:
    """The lines of a table that are of no arm of the study."""
    arms = [arm.code for arm in config.arms]
    for arm in table:
        if arm != EVERY_ARM and arm not in arms:
            allowed = ", ".join((*arms, EVERY_ARM))
            yield error("unknown_arm", *path, arm, name=arm, allowed=allowed)


def check_kits_given(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """A kit type that nobody is given is probably a mistake."""
    given = {code for _, table in _tables(config) for codes in table.values() for code in codes}
    sizes = config.dosing.sizes if config.dosing else {}
    given |= {code for codes in sizes.values() for code in codes}
    for place, kit_type in enumerate(config.kit_types):
        if kit_type.code not in given:
            yield warning("kit_type_unused", "kit_types", place, code=kit_type.code)


def check_unblinding_kits(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Under double blind every arm is given what looks the same: as many of each group. Where a
    phase is open-label and its arms are drawn anew, what they are given tells of that draw only."""
    if not config.is_blinded or len(config.arms) < 2:
        return
    looks = {each.code: (each.group, each.unblinded) for each in config.kit_types}
    told = {phase.code for phase in config.phases if tells_treatment(config, phase)}
    for path, table, phase in _phased_tables(config):
        if phase in told:
            continue
        given = {
            tuple(sorted(looks.get(code, (code, False)) for code in codes))
            for codes in (of_arm(table, arm) for arm in arms_in(config, phase))
        }
        if len(given) > 1:
            yield error("kits_unblind", *path)


def check_pack_sizes(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Under double blind, kits that look alike hold as many units: returns are counted by people
    who must not learn which is which."""
    first: dict[str, int | None] = {}
    for place, each in enumerate(config.kit_types):
        if config.is_blinded and first.setdefault(each.group, each.pack_size) != each.pack_size:
            yield error("pack_size_unblinds", "kit_types", place, "pack_size", group=each.group)


def check_dispensing(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """What is counted can still be dispensed, what is shipped can still be counted on arrival: in
    each country, from each depot and at each visit. The longest of the ways is told."""
    longest: dict[Path, tuple[int, Finding]] = {}
    for country, depot in _ways(config):
        for least, finding in _days_of_way(config, country, depot):
            if least > longest.get(finding.path, (0, finding))[0]:
                longest[finding.path] = least, finding
    yield from (finding for _, finding in longest.values())


def _ways(config: StudyConfig) -> Iterator[tuple[str | None, str | None]]:
    countries = {*config.dispensing.per_country, *config.countries}
    countries |= {country for depot in config.depots for country in depot.lead_days} - {EVERYWHERE}
    depots: list[str | None] = [depot.code for depot in config.depots]
    for country in (None, *sorted(countries)):
        for depot in depots or [None]:
            yield country, depot


def _days_of_way(
    config: StudyConfig, country: str | None, depot: str | None
) -> Iterator[tuple[int, Finding]]:
    way = limits(config, country, depot)
    longest = max((way.dnd, *(visit.dnd_days or 0 for visit in config.visits)))
    least = longest + way.lead + config.dispensing.review_lag_days
    path = _given_at(config, country, "dnc_days")
    if path and way.dnc < least:
        yield least, error("dnc_too_short", *path, least=least)
    least, path = way.dnc + way.lead, _given_at(config, country, "dns_days")
    if path and way.dns < least:
        yield least, error("dns_too_short", *path, least=least)


def _given_at(config: StudyConfig, country: str | None, name: str) -> Path:
    """Where the days that hold in a country are written; nowhere, if they follow from others."""
    local = config.dispensing.per_country.get(country) if country else None
    if local is not None and getattr(local, name) is not None:
        return ("dispensing", "per_country", str(country), name)
    return ("dispensing", name) if getattr(config.dispensing, name) is not None else ()


def _tables(config: StudyConfig) -> Iterator[tuple[Path, KitsByArm]]:
    yield from ((path, table) for path, table, _ in _phased_tables(config))


def _phased_tables(config: StudyConfig) -> Iterator[tuple[Path, KitsByArm, str | None]]:
    for place, visit in enumerate(config.visits):
        yield ("visits", place, "kits"), visit.kits, visit.phase
    if config.unscheduled:
        yield ("unscheduled", "kits"), config.unscheduled.kits, None
    for place, level in enumerate(config.dosing.levels if config.dosing else ()):
        yield ("dosing", "levels", place, "kits"), level.kits, None
