"""The checks that look at several values of a study file at once.

Each check names the sections that it reads and is left out when one of them could not be read:
its findings would only repeat that. All checks run, none raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from core.study.check_design import (
    check_arms,
    check_caps,
    check_factors,
)
from core.study.check_doses import check_dose_sizes, check_doses, check_unblinding_doses
from core.study.check_method import (
    check_balance,
    check_built,
    check_method_arms,
    check_named,
    check_numbers,
    check_parameters,
    check_predictable,
)
from core.study.check_phases import (
    check_escalation,
    check_periods,
    check_phase_visits,
    check_phases,
    check_response,
)
from core.study.check_stock import check_depots, check_partial, check_resupply
from core.study.check_supply import (
    check_dispensing,
    check_kit_arms,
    check_kit_types,
    check_kits_given,
    check_pack_sizes,
    check_unblinding_kits,
    check_visits,
)
from core.study.known import CODE_BREAK, Known
from core.study.problems import Finding, Path, blocks_publishing, error, warning
from core.study.schema import StudyConfig

__all__ = ["Known", "check"]

CHOICES_MAX = 9
"""One key each on the phone."""


def check(
    config: StudyConfig, known: Known, broken: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """Everything that is wrong or remarkable. `broken` are sections that could not be read and
    hold their defaults in `config`."""
    return tuple(
        finding for each in CHECKS if not broken & each.needs for finding in each.run(config, known)
    )


@dataclass(frozen=True, slots=True)
class Check:
    """A check and the sections without which it would make no sense."""

    run: Callable[[StudyConfig, Known], Iterable[Finding]]
    needs: frozenset[str]


def check_twice(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Codes, names, numbers and values are given once."""
    lists: list[tuple[Path, str, list[str]]] = [
        (("arms",), "code", [arm.code for arm in config.arms]),
        (("factors",), "name", [factor.name for factor in config.factors]),
        (("kit_types",), "code", [kit_type.code for kit_type in config.kit_types]),
        (("visits",), "code", [visit.code for visit in config.visits]),
        (("phases",), "code", [phase.code for phase in config.phases]),
        (("depots",), "code", [depot.code for depot in config.depots]),
        (("operators",), "telephone", [each.telephone for each in config.operators]),
        (("discontinuation_reasons",), "value", [r.value for r in config.discontinuation_reasons]),
    ]
    if config.dosing:
        lists.append((("dosing", "levels"), "code", [one.code for one in config.dosing.levels]))
    for place, factor in enumerate(config.factors):
        levels = [level.value for level in factor.levels]
        lists.append((("factors", place, "levels"), "value", levels))
    if config.screening:
        reasons = [reason.value for reason in config.screening.failure_reasons]
        lists.append((("screening", "failure_reasons"), "value", reasons))
    for path, key, values in lists:
        for place, value in _repeated(values):
            yield error("twice", *path, place, key, value=value)


def check_telephones(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """A number leads to one line only, and an operator's to none of ours."""
    main, emergency = config.study.telephones, config.study.emergency_telephones
    paths: list[Path] = [("study", "telephones", place) for place in range(len(main))]
    paths += [("study", "emergency_telephones", place) for place in range(len(emergency))]
    for place, telephone in _repeated([*main, *emergency]):
        yield error("telephone_twice", *paths[place], telephone=telephone)
    for place, operator in enumerate(config.operators):
        if operator.telephone in (*main, *emergency):
            path: Path = ("operators", place, "telephone")
            yield error("operator_is_line", *path, telephone=operator.telephone)


def check_languages(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """The languages are ones that the system speaks."""
    for place, language in enumerate(config.languages):
        if language not in known.languages:
            allowed = ", ".join(known.languages)
            yield error("bad_language_here", "study", "languages", place, allowed=allowed)
    for place, language in _repeated(config.languages):
        yield error("twice", "study", "languages", place, value=language)


def check_translations(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Whatever is said to people is given in every language of the study."""
    for path, words in _words(config):
        for language in config.languages:
            if language not in words:
                yield error("translation_missing", *path, language=language)


def check_choices(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Reasons fit on the keypad."""
    screening = config.screening.failure_reasons if config.screening else ()
    reasons: list[tuple[Path, int]] = [(("screening", "failure_reasons"), len(screening))]
    reasons.append((("discontinuation_reasons",), len(config.discontinuation_reasons)))
    for path, count in reasons:
        if count > CHOICES_MAX:
            yield error("too_many_choices", *path, limit=CHOICES_MAX, count=count)


def check_emergency(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """In a blinded study someone can always be reached who knows how to break the code."""
    if config.study.blinding == "open":
        return
    if not config.operators:
        yield blocks_publishing("operators_missing", "operators")
    if not config.study.emergency_telephones:
        yield warning("emergency_line_missing", "study", "emergency_telephones")
    if not config.sealed_cards:
        yield warning("sealed_cards_missing", "sealed_cards")


def check_spoken_treatment(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """A treatment said by the telephone provider's voice is seen by the provider."""
    if config.study.say_treatment:
        yield warning("treatment_spoken", "study", "say_treatment")


def check_purpose(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """The study randomizes or dispenses, or both."""
    if not config.has_randomization and not config.dispenses:
        yield error("does_nothing", "randomization")


def check_signatures(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Signed transactions exist; a code break waits for no further step."""
    for name in sorted(config.signatures):
        if name in (CODE_BREAK, "break_code"):
            yield error("code_break_approval", "signatures")
        elif name not in known.transactions:
            allowed = ", ".join(known.transactions)
            yield error("unknown_transaction", "signatures", name=name, allowed=allowed)


def check_notices(config: StudyConfig, known: Known) -> Iterator[Finding]:
    """Notices follow known transactions and go to known roles."""
    for place, rule in enumerate(config.notices):
        if rule.on not in (*known.transactions, CODE_BREAK):
            allowed = ", ".join((*known.transactions, CODE_BREAK))
            yield error(
                "unknown_transaction", "notices", place, "on", name=rule.on, allowed=allowed
            )
        for role in rule.roles:
            if role not in known.roles:
                path: Path = ("notices", place, "roles")
                yield error("unknown_role", *path, name=role, allowed=", ".join(known.roles))


def _words(config: StudyConfig) -> Iterator[tuple[Path, Mapping[str, str]]]:
    yield ("study", "title"), config.study.title
    for place, arm in enumerate(config.arms):
        yield ("arms", place, "name"), arm.name
    for place, visit in enumerate(config.visits):
        yield ("visits", place, "name"), visit.name
    for place, factor in enumerate(config.factors):
        yield ("factors", place, "label"), factor.label
        for inner, level in enumerate(factor.levels):
            yield ("factors", place, "levels", inner, "label"), level.label
    for place, reason in enumerate(config.screening.failure_reasons if config.screening else ()):
        yield ("screening", "failure_reasons", place, "label"), reason.label
    for place, reason in enumerate(config.discontinuation_reasons):
        yield ("discontinuation_reasons", place, "label"), reason.label
    for place, phase in enumerate(config.phases):
        yield ("phases", place, "name"), phase.name
    for place, dose in enumerate(config.dosing.levels if config.dosing else ()):
        yield ("dosing", "levels", place, "label"), dose.label
    if config.response:
        yield ("response", "question"), config.response.question
    if config.sealed_cards:
        yield ("sealed_cards",), config.sealed_cards


def _repeated(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for place, value in enumerate(values):
        if value in seen:
            yield place, value
        seen.add(value)


def _check(run: Callable[[StudyConfig, Known], Iterable[Finding]], needs: str) -> Check:
    return Check(run, frozenset(needs.split()))


CHECKS = (
    _check(check_twice, ""),
    _check(check_telephones, "study"),
    _check(check_languages, "study"),
    _check(check_translations, "study"),
    _check(check_choices, ""),
    _check(check_emergency, "study operators sealed_cards"),
    _check(check_spoken_treatment, "study"),
    _check(check_purpose, "randomization visits unscheduled"),
    _check(check_signatures, ""),
    _check(check_notices, ""),
    _check(check_arms, "arms randomization factors"),
    _check(check_parameters, "randomization"),
    _check(check_numbers, "randomization"),
    _check(check_method_arms, "randomization arms"),
    _check(check_named, "randomization factors arms"),
    _check(check_balance, "randomization factors"),
    _check(check_built, "randomization factors arms"),
    _check(check_predictable, "randomization"),
    _check(check_factors, ""),
    _check(check_caps, "factors"),
    _check(check_response, "randomization response escalation"),
    _check(check_escalation, "arms escalation"),
    _check(check_phases, "randomization arms factors screening phases"),
    _check(check_phase_visits, "randomization arms phases"),
    _check(check_periods, "randomization"),
    _check(check_visits, ""),
    _check(check_kit_types, "kit_types"),
    _check(check_kit_arms, "arms"),
    _check(check_kits_given, "visits unscheduled"),
    _check(check_unblinding_kits, "study arms kit_types"),
    _check(check_pack_sizes, "study kit_types"),
    _check(check_dispensing, ""),
    _check(check_doses, "dosing"),
    _check(check_dose_sizes, "dosing arms kit_types"),
    _check(check_unblinding_doses, "study dosing arms kit_types"),
    _check(check_depots, "depots"),
    _check(check_partial, "study dispensing"),
    _check(check_resupply, "study kit_types depots dispensing resupply"),
)
