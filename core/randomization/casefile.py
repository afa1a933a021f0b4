"""A design with the subjects so far, as one JSON object, for those who explain or study a draw.

    {"randomization": {the study file's section}, "arms": {"A": 1, …},
     "factors": {"sex": ["F", "M"]},
     "history": [{"levels": {"sex": "F"}, "arm": "A"}, …], "next": {"levels": {"sex": "M"}}}

An entry of the history may also hold `response` (true or false) and `outcome` (a number). Numbers
are read exactly. Nothing here needs settings or a database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from core.errors import InvalidInput
from core.messages import Message, Param
from core.randomization.exact import exact
from core.randomization.scheme import FactorLevels, Scheme
from core.study.check_method import DESIGN_CHECKS
from core.study.known import Known
from core.study.problems import Finding, Path, Problem, Severity, error
from core.study.read import read_section
from core.study.schema import Arm, Factor, Level, StudyConfig

_KEYS: Final = frozenset({"randomization", "arms", "factors", "history", "next"})
_ENTRY: Final = frozenset({"levels", "arm", "response", "outcome"})


class CaseFileRefused(InvalidInput):
    """Everything that is wrong with the file, in `problems`; the message tells each."""

    code = "case_file_refused"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        params: dict[str, Param] = {
            "count": len(problems),
            "problems": tuple(each.told for each in problems),
        }
        super().__init__("file", Message("error.case_file_refused", params))


@dataclass(frozen=True, slots=True)
class Seen:
    """A subject so far: levels, arm and, where the file tells them, response and outcome."""

    levels: Mapping[str, str]
    arm: str
    response: bool | None = None
    outcome: Fraction | None = None


@dataclass(frozen=True)
class CaseFile:
    """A design and what happened under it; `more` are the file's further keys."""

    scheme: Scheme
    history: tuple[Seen, ...] = ()
    next_levels: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


def load(text: str, *, more: frozenset[str] = frozenset()) -> CaseFile:
    """Read the object; `more` are keys that it may have besides.

    Raises CaseFileRefused with everything that is wrong, each at its key.
    """
    data, findings = _parsed(text)
    findings += [error("unknown_key", key, allowed=", ".join(sorted(_KEYS | more)))
                 for key in data if key not in _KEYS | more]  # fmt: skip
    findings += [error("missing", key) for key in ("randomization", "arms") if key not in data]
    _stop(findings)
    config, findings = _config(data)
    _stop(findings)
    findings = [
        finding
        for check in DESIGN_CHECKS
        for finding in check(config, Known())
        if finding.severity is Severity.ERROR
    ]
    _stop(findings)
    names = {factor.name: tuple(one.value for one in factor.levels) for factor in config.factors}
    findings = [*_wrong_history(data.get("history", []), names, config)]
    following = data.get("next", {})
    levels = following.get("levels", {}) if isinstance(following, dict) else None
    findings += _wrong_levels(("next", "levels"), levels, names, "next" in data)
    _stop(findings)
    history = tuple(_seen(one) for one in data.get("history", []))
    factors = [FactorLevels(name, levels) for name, levels in names.items()]
    assert config.randomization is not None  # noqa: S101 - read above
    scheme = Scheme(config.randomization, config.open_ratio, factors)
    return CaseFile(scheme, history, levels or {}, {k: v for k, v in data.items() if k in more})


def _stop(findings: list[Finding]) -> None:
    if findings:
        raise CaseFileRefused(tuple(finding.at(None) for finding in findings))


def _parsed(text: str) -> tuple[dict[str, Any], list[Finding]]:
    try:
        data = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError) as reason:
        return {}, [error("json_syntax", "file", detail=str(reason))]
    if not isinstance(data, dict):
        return {}, [error("must_be_table", "file")]
    return data, []


def _config(data: Mapping[str, Any]) -> tuple[StudyConfig, list[Finding]]:
    """The design as a study file would hold it; names may be any text."""
    section, findings = read_section("randomization", data["randomization"])
    arms, factors = data["arms"], data.get("factors", {})
    findings += [] if _is_ratio(arms) else [error("case_arms", "arms")]
    findings += [] if _is_factors(factors) else [error("case_factors", "factors")]
    if findings:
        return StudyConfig.model_construct(), findings
    return StudyConfig.model_construct(
        randomization=section,
        arms=tuple(
            Arm.model_construct(code=code, name={"en": code}, ratio=share)
            for code, share in arms.items()
        ),
        factors=tuple(
            Factor.model_construct(
                name=name,
                label={"en": name},
                levels=tuple(Level.model_construct(value=v, label={"en": v}) for v in values),
            )
            for name, values in factors.items()
        ),
    ), []


def _is_ratio(arms: Any) -> bool:
    return isinstance(arms, dict) and bool(arms) and all(
        type(share) is int and 1 <= share <= 1000 for share in arms.values()
    )  # fmt: skip


def _is_factors(factors: Any) -> bool:
    return isinstance(factors, dict) and all(
        isinstance(values, list)
        and values
        and all(isinstance(value, str) for value in values)
        and len(set(values)) == len(values)
        for values in factors.values()
    )


def _wrong_history(
    history: Any, names: Mapping[str, tuple[str, ...]], config: StudyConfig
) -> Iterator[Finding]:
    if not isinstance(history, list):
        yield error("must_be_list", "history")
        return
    for place, one in enumerate(history):
        path: Path = ("history", place)
        if not isinstance(one, dict):
            yield error("must_be_table", *path)
            continue
        for key in sorted(one.keys() - _ENTRY):
            yield error("unknown_key", *path, key, allowed=", ".join(sorted(_ENTRY)))
        yield from _wrong_levels((*path, "levels"), one.get("levels", {}), names, True)
        if not isinstance(one.get("arm"), str):
            yield error("must_be_text", *path, "arm")
        if not isinstance(one.get("response", False), bool):
            yield error("must_be_true_or_false", *path, "response")
        try:
            exact(one.get("outcome", 0))
        except (TypeError, ValueError):
            yield error("not_exact", *path, "outcome")


def _wrong_levels(
    path: Path, levels: Any, names: Mapping[str, tuple[str, ...]], needed: bool
) -> Iterator[Finding]:
    if not isinstance(levels, dict):
        yield error("must_be_table", *path)
        return
    for name in levels:
        if name not in names:
            yield error("unknown_factor", *path, name, name=name, allowed=", ".join(names))
    for name, values in names.items() if needed else ():
        value = levels.get(name)
        if value is None:
            yield error("missing", *path, name)
        elif value not in values:
            allowed = ", ".join(values)
            yield error("unknown_level", *path, name, name=name, value=str(value), allowed=allowed)


def _seen(one: Mapping[str, Any]) -> Seen:
    outcome = exact(one["outcome"]) if "outcome" in one else None
    return Seen(one.get("levels", {}), one["arm"], one.get("response"), outcome)
