"""An amendment in plain words, and what an amendment may not change.

The sentences come in the order of the file's sections: study, screening, arms, randomization,
factors, kit types, visits, caps, responses, cohorts and phases, people, then the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from core.messages import Labels, Message
from core.study.amendment import check_amendment
from core.study.changes import (
    changed,
    changed_fields,
    changed_map,
    changed_named,
    keyed,
    shown,
    stratum,
    what,
    word,
    written,
)
from core.study.conduct import CapSet, Phase, Reason
from core.study.diff_supply import supplied
from core.study.randomization import Randomization
from core.study.schema import (
    Arm,
    Factor,
    KitType,
    Level,
    Screening,
    StudyConfig,
    Visit,
)
from core.study.supply import KitsByArm

__all__ = ["check_amendment", "diff"]

Sentences = Iterator[Message]
T = TypeVar("T")


def diff(old: StudyConfig, new: StudyConfig) -> tuple[Message, ...]:
    """What changes from one version to the next, a sentence each; empty if nothing does."""
    return tuple(sentence for section in _SECTIONS for sentence in section(old, new))


def _study(old: StudyConfig, new: StudyConfig) -> Sentences:
    fields = (
        "code number title sponsor blinding training languages telephones emergency_telephones "
        "say_treatment"
    )
    yield from changed_named(fields, old.study, new.study)


def _screening(old: StudyConfig, new: StudyConfig) -> Sentences:
    if old.screening is None and new.screening is not None:
        yield Message("study.diff.appears", {"what": what("screening")})
    if old.screening is not None and new.screening is None:
        yield Message("study.diff.disappears", {"what": what("screening")})
        return
    before, after = old.screening or Screening(), new.screening or Screening()
    yield from changed_named("year_of_birth rescreens_max", before, after)
    yield from _reasons("failure_reason", before.failure_reasons, after.failure_reasons)


def _arms(old: StudyConfig, new: StudyConfig) -> Sentences:
    def same(code: str, before: Arm, after: Arm) -> Sentences:
        yield from changed(what("arm_ratio", arm=code), before.ratio, after.ratio)
        yield from changed(what("arm_name", arm=code), before.labels, after.labels)
        yield from changed(what("arm_closed", arm=code), before.closed, after.closed)

    def words(arm: Arm) -> Message:
        return word("arm", name=arm.labels, ratio=arm.ratio)

    yield from _items("arm", _code, words, same, old.arms, new.arms)


def _randomization(old: StudyConfig, new: StudyConfig) -> Sentences:
    before, after = old.randomization, new.randomization
    if before is None or after is None:
        if before is not after:
            id_ = "study.diff.disappears" if after is None else "study.diff.appears"
            yield Message(id_, {"what": what("randomization")})
        return
    fields = (
        "method block_sizes bind length p mti balls alpha beta measure overall_weight ties rule "
        "ratio_preserving random_first strata cluster gamma target power burn_in activation reason"
    )
    yield from changed_named(fields, before, after)
    yield from changed(what("lambda"), before.lambda_, after.lambda_)
    yield from changed(what("tolerances"), written(before.tolerances), written(after.tolerances))
    yield from changed(what("parts"), written(before.parts), written(after.parts))
    yield from changed(what("by"), written(before.by), written(after.by))
    yield from changed(what("sets"), written(before.sets), written(after.sets))
    names = dict.fromkeys(factor.name for factor in (*old.factors, *new.factors))
    for name in names:
        weights = (_weight(old, before, name), _weight(new, after, name))
        if None not in weights:
            yield from changed(what("weight", factor=name), *weights)


def _factors(old: StudyConfig, new: StudyConfig) -> Sentences:
    def same(name: str, before: Factor, after: Factor) -> Sentences:
        yield from changed(what("factor_label", name=name), before.labels, after.labels)
        yield from changed(what("factor_source", name=name), before.source, after.source)
        levels = (keyed(before.levels, _value), keyed(after.levels, _value))
        labels = ({value: level.labels for value, level in each.items()} for each in levels)
        yield from changed_map(lambda value: what("level", name=name, value=value), *labels)

    def words(factor: Factor) -> Message | Labels:
        values = ", ".join(level.value for level in factor.levels)
        return word("factor", label=factor.labels, levels=values) if values else factor.labels

    yield from _items("factor", lambda each: each.name, words, same, old.factors, new.factors)


def _kit_types(old: StudyConfig, new: StudyConfig) -> Sentences:
    def same(code: str, before: KitType, after: KitType) -> Sentences:
        fields = ("description", "group", "unblinded", "pack_size", "size")
        subjects = {field: what(f"kit_{field}", code=code) for field in fields}
        yield from changed_fields(subjects, before, after)

    def words(kit_type: KitType) -> str:
        return kit_type.description

    yield from _items("kit_type", _code, words, same, old.kit_types, new.kit_types)


def _visits(old: StudyConfig, new: StudyConfig) -> Sentences:
    def same(code: str, before: Visit, after: Visit) -> Sentences:
        yield from changed(what("visit_name", code=code), before.labels, after.labels)
        if shown(before) != shown(after):
            yield from changed(what("visit", code=code), shown(before), shown(after))
        yield from changed(what("visit_anchor", code=code), before.anchor, after.anchor)
        yield from changed(what("visit_phase", code=code), before.phase, after.phase)
        yield from changed(what("visit_period", code=code), before.period, after.period)
        yield from changed(what("visit_dose", code=code), before.dose, after.dose)
        yield from changed(what("visit_titration", code=code), before.titration, after.titration)
        yield from changed(what("visit_dnd_days", code=code), before.dnd_days, after.dnd_days)

    yield from _items("visit", _code, shown, same, old.visits, new.visits)
    kits = {visit.code: visit.kits for visit in old.visits}
    for visit in new.visits:
        yield from _kits("visit_kits", visit.code, kits.get(visit.code, {}), visit.kits)
    if (old.unscheduled is None) != (new.unscheduled is None):
        id_ = "study.diff.disappears" if new.unscheduled is None else "study.diff.appears"
        yield Message(id_, {"what": what("unscheduled")})
    before = old.unscheduled.kits if old.unscheduled else {}
    after = new.unscheduled.kits if new.unscheduled else {}
    if new.unscheduled:
        yield from _kits("unscheduled_kits", "", before, after)
        dose = old.unscheduled is not None and old.unscheduled.dose
        yield from changed(what("unscheduled_dose"), dose, new.unscheduled.dose)


def _caps(old: StudyConfig, new: StudyConfig) -> Sentences:
    yield from _caps_in(old.caps, new.caps, lambda cap: cap)
    yield from _caps_in(old.caps.soft, new.caps.soft, lambda cap: what("soft", cap=cap))


def _caps_in(before: CapSet, after: CapSet, about: Callable[[Message], Message]) -> Sentences:
    yield from changed(about(what("cap_study")), before.study, after.study)
    yield from changed(about(what("cap_each_site")), before.site, after.site)
    for site in dict.fromkeys((*before.per_site, *after.per_site)):
        # Leaving or entering the list of named sites is a change from or to the general cap.
        caps = before.of_site(site), after.of_site(site)
        yield from changed(about(what("cap_site", site=site)), *caps)
    yield from changed_map(
        lambda country: about(what("cap_country", country=country)),
        before.per_country,
        after.per_country,
    )
    strata = ({stratum(cap): cap.randomized for cap in caps.strata} for caps in (before, after))
    yield from changed_map(lambda levels: about(what("cap_stratum", stratum=levels)), *strata)


def _conduct(old: StudyConfig, new: StudyConfig) -> Sentences:
    """Responses, cohorts and phases."""
    questions = [each.response.labels if each.response else None for each in (old, new)]
    yield from changed(what("response"), *questions)
    yield from changed(what("escalation"), written(old.escalation), written(new.escalation))

    def words(phase: Phase) -> Labels:
        return phase.labels

    def same(code: str, before: Phase, after: Phase) -> Sentences:
        yield from changed(what("phase_name", code=code), before.labels, after.labels)
        yield from changed(what("phase_kind", code=code), before.kind, after.kind)
        yield from changed(what("phase_arms", code=code), written(before.arms), written(after.arms))
        drawn = written(before.randomization), written(after.randomization)
        yield from changed(what("phase_randomization", code=code), *drawn)
        ratios = written(before.ratio), written(after.ratio)
        yield from changed(what("phase_ratio", code=code), *ratios)

    yield from _items("phase", lambda each: each.code, words, same, old.phases, new.phases)


def _people(old: StudyConfig, new: StudyConfig) -> Sentences:
    operators = [
        tuple(f"{each.name} ({each.telephone})" for each in config.operators)
        for config in (old, new)
    ]
    yield from changed(what("operators"), operators[0] or None, operators[1] or None)
    notices = ({name: _roles(config, name) for name in _told(config)} for config in (old, new))
    yield from changed_map(lambda name: what("notice", transaction=name), *notices)
    yield from changed_named("signatures sealed_cards", old, new)


def _rest(old: StudyConfig, new: StudyConfig) -> Sentences:
    yield from changed_named("code_break", old, new)
    yield from changed(what("audit_review"), written(old.audit_review), written(new.audit_review))
    access = (written(old.access_review), written(new.access_review))
    yield from changed(what("access_review"), *access)
    yield from supplied(old, new)
    reasons = (old.discontinuation_reasons, new.discontinuation_reasons)
    yield from _reasons("discontinuation_reason", *reasons)


_SECTIONS: tuple[Callable[[StudyConfig, StudyConfig], Sentences], ...] = (
    _study,
    _screening,
    _arms,
    _randomization,
    _factors,
    _kit_types,
    _visits,
    _caps,
    _conduct,
    _people,
    _rest,
)


def _items(
    kind: str,
    key: Callable[[T], str],
    words: Callable[[T], object],
    same: Callable[[str, T, T], Sentences],
    old: Sequence[T],
    new: Sequence[T],
) -> Sentences:
    """New and removed items by key, and `same` for those that both versions have."""
    before, after = keyed(old, key), keyed(new, key)
    for code in dict.fromkeys((*before, *after)):
        if code in before and code in after:
            yield from same(code, before[code], after[code])
            continue
        gone = words(before[code]) if code in before else None
        come = words(after[code]) if code in after else None
        yield from changed(what(kind, code=code), gone, come)


def _reasons(kind: str, old: tuple[Reason, ...], new: tuple[Reason, ...]) -> Sentences:
    before, after = ({reason.value: reason.labels for reason in each} for each in (old, new))
    yield from changed_map(lambda value: what(kind, value=value), before, after)


def _kits(kind: str, visit: str, old: KitsByArm, new: KitsByArm) -> Sentences:
    for arm in dict.fromkeys((*old, *new)):
        subject = what(kind, visit=visit, arm=word("every_arm") if arm == "*" else arm)
        yield from changed(subject, old.get(arm) or None, new.get(arm) or None)


def _weight(config: StudyConfig, plan: Randomization, factor: str) -> object:
    if plan.method != "minimisation" or all(each.name != factor for each in config.factors):
        return None
    return plan.weight(factor)


def _told(config: StudyConfig) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.on for rule in config.notices))


def _roles(config: StudyConfig, name: str) -> frozenset[str]:
    return frozenset(role for rule in config.notices if rule.on == name for role in rule.roles)


def _code(item: Arm | KitType | Visit) -> str:
    return item.code


def _value(item: Level) -> str:
    return item.value
