"""What an amendment changes of drug supply: days, doses, depots, countries, resupply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.messages import Message
from core.study.changes import changed, changed_map, changed_named, what, written
from core.study.randomization import Section
from core.study.schema import StudyConfig
from core.study.supply import Dosing

Sentences = Iterator[Message]


def supplied(old: StudyConfig, new: StudyConfig) -> Sentences:
    """A sentence for each value that changed, in the order of the file's sections."""
    fields = "dnd_days dnc_days dns_days lead_days review_lag_days stock backfill partial"
    yield from changed_named(fields, old.dispensing, new.dispensing)
    countries = (_texts(each.dispensing.per_country) for each in (old, new))
    yield from changed_map(lambda code: what("country_days", code=code), *countries)
    yield from _doses(old.dosing, new.dosing)
    depots = ({depot.code: depot.name for depot in config.depots} for config in (old, new))
    yield from changed_map(lambda code: what("depot", code=code), *depots)
    terms = ({depot.code: _terms(depot) for depot in config.depots} for config in (old, new))
    yield from changed_map(lambda code: what("depot_terms", code=code), *terms)
    yield from changed_map(
        lambda code: what("country_rules", code=code), _texts(old.countries), _texts(new.countries)
    )
    yield from _resupply(old, new)


def _doses(old: Dosing | None, new: Dosing | None) -> Sentences:
    before, after = (
        {level.code: level.labels for level in each.levels} if each else {} for each in (old, new)
    )
    yield from changed_map(lambda code: what("dose", code=code), before, after)
    made = (
        {level.code: written(level.kits) or level.amount for level in each.levels} if each else {}
        for each in (old, new)
    )
    yield from changed_map(lambda code: what("dose_kits", code=code), *made)
    starts = (each.start if each else None for each in (old, new))
    yield from changed(what("dose_start"), *starts)
    steps = (each.step_max if each else None for each in (old, new))
    yield from changed(what("dose_step_max"), *steps)
    sizes = (written(each.sizes) if each else None for each in (old, new))
    yield from changed(what("dose_sizes"), *sizes)


def _resupply(old: StudyConfig, new: StudyConfig) -> Sentences:
    before, after = old.resupply, new.resupply
    fields = "strategy comparison short_days long_days risk ship enrolment approve at warn_days"
    yield from changed_named(fields, before, after)
    yield from changed(what("minimum"), written(before.minimum), written(after.minimum))
    yield from changed(what("maximum"), written(before.maximum), written(after.maximum))
    yield from changed(what("expected"), written(before.expected), written(after.expected))
    yield from changed(what("local_rules"), written(before.rules), written(after.rules))


def _texts(table: Mapping[str, Section]) -> dict[str, Any]:
    return {code: written(section) for code, section in table.items() if written(section)}


def _terms(depot: Section) -> Any:
    given = depot.model_fields_set - {"code", "name"}
    return written({name: getattr(depot, name) for name in sorted(given)})
