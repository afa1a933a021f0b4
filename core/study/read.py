"""From the text of a study file to a `StudyConfig`, or to everything that is wrong with it.

Each section is read for itself, so that a mistake in one doesn't hide the mistakes of the others.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from core.messages import Param
from core.study.check import Known, check
from core.study.fields import PATTERNS
from core.study.lines import find_lines, line_of
from core.study.problems import Finding, Path, Problem, Severity, StudyFileErrors, error
from core.study.randomization import Section
from core.study.schema import StudyConfig


@dataclass(frozen=True, slots=True)
class Review:
    """What reading gave: the study, unless a problem is an error; all problems in file order."""

    config: StudyConfig | None
    problems: tuple[Problem, ...]

    def of(self, *severities: Severity) -> tuple[Problem, ...]:
        """The problems of these severities."""
        return tuple(problem for problem in self.problems if problem.severity in severities)


def load(text: str, known: Known | None = None) -> StudyConfig:
    """The study that the file describes; raises StudyFileErrors with all its errors."""
    return _passed(review(text, known), Severity.ERROR)


def load_for_publishing(text: str, known: Known | None = None) -> StudyConfig:
    """As `load`, and raises for what may be read but not published as well."""
    return _passed(review(text, known), Severity.ERROR, Severity.PUBLISH)


def read_published(text: str) -> StudyConfig:
    """A version that was published: its checks were passed under the rules of that day, so only
    its structure is read. Raises StudyFileErrors if even that fails."""
    data, problems = _parse(text)
    config, findings = _read_sections(data)
    lines = find_lines(text) if findings else {}
    problems += tuple(finding.at(line_of(lines, finding.path)) for finding in findings)
    if problems:
        raise StudyFileErrors(problems)
    return config


def review(text: str, known: Known | None = None) -> Review:
    """Everything there is to say about the file, warnings too; never raises."""
    data, problems = _parse(text)
    if problems:
        return Review(None, problems)
    config, findings = _read_sections(data)
    broken = frozenset(str(finding.path[0]) for finding in findings)
    found = [*findings, *check(config, known or Known(), broken)]
    lines = find_lines(text) if found else {}
    listed = [finding.at(line_of(lines, finding.path)) for finding in found]
    listed.sort(key=lambda problem: problem.line or 0)
    failed = any(problem.severity is Severity.ERROR for problem in listed)
    return Review(None if failed else config, tuple(listed))


def digest(text: str) -> str:
    """SHA-256 of the file's text in UTF-8, as 64 hexadecimal digits: the version's hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def _passed(reviewed: Review, *severities: Severity) -> StudyConfig:
    problems = reviewed.of(*severities)
    if problems or reviewed.config is None:
        raise StudyFileErrors(problems)
    return reviewed.config


def _parse(text: str) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    try:
        return tomllib.loads(text, parse_float=Decimal), ()
    except RecursionError:
        found = error("toml_syntax", detail="nested too deeply")
    except (ValueError, ArithmeticError) as reason:
        found = error("toml_syntax", detail=str(reason) or "a number is too large")
    place = re.search(r"at line ([0-9]+)", str(found.message.params["detail"]))
    return {}, (found.at(int(place[1]) if place else None),)


def read_section(
    name: str, value: Any, of: type[Section] = StudyConfig
) -> tuple[Any, list[Finding]]:
    """One section of a study file, or of another one, by itself, from parsed values (lists for
    lists, Decimal for decimals): the section, or None and what is wrong with it."""
    try:
        return _reader(of, name).validate_python(_frozen(value), strict=True), []
    except ValidationError as failed:
        return None, [_finding(of, name, detail) for detail in failed.errors()]


def _read_sections(data: Mapping[str, Any]) -> tuple[StudyConfig, list[Finding]]:
    """The sections that could be read, defaults for the others, and what was wrong with those."""
    sections: dict[str, Any] = {}
    findings = [_unknown((name,)) for name in data if name not in StudyConfig.model_fields]
    for name, field in StudyConfig.model_fields.items():
        if name not in data:
            if field.is_required():
                findings.append(error("missing", name))
            continue
        section, wrong = read_section(name, data[name])
        findings += wrong
        if not wrong:
            sections[name] = section
    return StudyConfig.model_construct(**sections), findings


@cache
def _reader(of: type[Section], name: str) -> TypeAdapter[Any]:
    field = of.model_fields[name]
    annotation: Any = field.annotation
    for item in field.metadata:
        annotation = Annotated[annotation, item]
    return TypeAdapter(annotation)


def _frozen(value: Any) -> Any:
    """Lists as tuples: the models are strict, and TOML has no tuples."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


_MESSAGES = {
    "missing": "missing",
    "string_type": "must_be_text",
    "int_type": "must_be_whole",
    "int_from_float": "must_be_whole",
    "bool_type": "must_be_true_or_false",
    "tuple_type": "must_be_list",
    "frozen_set_type": "must_be_list",
    "mapping_type": "must_be_table",
    "dict_type": "must_be_table",
    "model_type": "must_be_table",
    "model_attributes_type": "must_be_table",
    "string_too_short": "empty",
    "too_short": "empty",
    "no_words": "no_words",
    "not_exact": "not_exact",
    "not_a_telephone": "not_a_telephone",
    "not_a_zone": "not_a_zone",
    "code_break_approval": "code_break_approval",
    "above_zero": "above_zero",
    "share_range": "share_range",
    "case_probability": "case_probability",
    "risk_range": "risk_range",
}
_WITH_LIMIT = {
    "greater_than_equal": ("at_least", "ge"),
    "less_than_equal": ("at_most", "le"),
    "string_too_long": ("too_long", "max_length"),
}


def _finding(of: type[Section], section: str, detail: ErrorDetails) -> Finding:
    path: Path = (section, *(part for part in detail["loc"] if part != "[key]"))
    kind, context = detail["type"], detail.get("ctx", {})
    params: dict[str, Param] = {}
    if kind == "extra_forbidden":
        return _unknown(path, of)
    if kind in _WITH_LIMIT:
        id_, limit = _WITH_LIMIT[kind]
        params["limit"] = int(context[limit])
    elif kind == "string_pattern_mismatch":
        id_ = PATTERNS[context["pattern"]].removeprefix("study.")
    elif kind == "literal_error":
        id_, params["allowed"] = "must_be_one_of", str(context["expected"]).replace("'", '"')
    elif kind in _MESSAGES:
        id_ = _MESSAGES[kind]
    else:
        id_, params["detail"] = "not_understood", detail["msg"]
    return error(id_, *path, **params)


def _unknown(path: Path, of: type[Section] = StudyConfig) -> Finding:
    return error("unknown_key", *path, allowed=", ".join(_keys_beside(path, of)))


def _keys_beside(path: Path, section: type[Section]) -> Iterator[str]:
    """The keys that may stand where the last one of the path does."""
    for part in path[:-1]:
        if isinstance(part, str):
            section = _section_in(section.model_fields[part].annotation) or section
    yield from (field.alias or name for name, field in section.model_fields.items())


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _section_in(argument):
            return found
    return None
