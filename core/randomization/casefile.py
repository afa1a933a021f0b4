"""A design with the subjects so far, as one JSON object, for those who explain or study a draw.

    {"randomization": {the study file's section}, "arms": {"A": 1, …},
     "factors": {"sex": ["F", "M"]},
     "history": [{"levels": {"sex": "F"}, "arm": "A"}, …], "next": {"levels": {"sex": "M"}}}

An entry of the history may also hold `response` (true or false) and `outcome` (a number). Numbers
are read exactly; a level or an arm that is written as a number or as true is the same as that text.
`factors`, `history` and `next` may be missing or null. Minimisation with no factor to balance
balances the numbers of the arms themselves. Nothing here needs settings or a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from core.randomization.exact import exact
from core.randomization.scheme import FactorLevels, Scheme
from core.study.case_text import CaseFileRefused as CaseFileRefused
from core.study.case_text import read_object, refused, stop
from core.study.check_method import DESIGN_CHECKS
from core.study.known import Known
from core.study.problems import Finding, Path, Severity, error
from core.study.read import read_section
from core.study.schema import Arm, Factor, Level, StudyConfig

_KEYS: Final = frozenset({"randomization", "arms", "factors", "history", "next"})
_OPTIONAL: Final = ("factors", "history", "next")
_ENTRY: Final = frozenset({"levels", "arm", "response", "outcome"})
_SHARE_MAX: Final = 1000
_WHOLE_STUDY: Final = Fraction(1)


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
    data = read_object(text)
    data = {key: value for key, value in data.items() if value is not None or key not in _OPTIONAL}
    findings = [error("unknown_key", key, allowed=", ".join(sorted(_KEYS | more)))
                 for key in data if key not in _KEYS | more]  # fmt: skip
    findings += [error("missing", key) for key in ("randomization", "arms") if key not in data]
    stop(findings)
    config, findings = _config(data)
    stop(findings)
    findings = [
        finding
        for check in DESIGN_CHECKS
        for finding in check(config, Known())
        if finding.severity is Severity.ERROR
    ]
    stop(findings)
    names = {factor.name: tuple(one.value for one in factor.levels) for factor in config.factors}
    history = _named(data.get("history", []))
    findings = [*_wrong_history(history, names)]
    following = data.get("next", {})
    levels = _levels(following)
    if isinstance(following, dict):
        findings += [error("unknown_key", "next", key, allowed="levels")
                     for key in following if key != "levels"]  # fmt: skip
    findings += _wrong_levels(("next", "levels"), levels, names, "next" in data)
    stop(findings)
    factors = [FactorLevels(name, levels) for name, levels in names.items()]
    assert config.randomization is not None  # noqa: S101 - read above
    scheme = Scheme(config.randomization, config.open_ratio, factors)
    seen = tuple(_seen(one) for one in history)
    return CaseFile(scheme, seen, levels, {k: v for k, v in data.items() if k in more})


def _config(data: Mapping[str, Any]) -> tuple[StudyConfig, list[Finding]]:
    """The design as a study file would hold it; names may be any text."""
    try:
        section, findings = read_section("randomization", _with_sets(data["randomization"]))
    except RecursionError:
        deep = error("json_syntax", "randomization", detail="nested too deeply")
        raise refused(deep) from None
    arms, factors = _ratio(data["arms"]), _factors(data.get("factors", {}))
    findings += [] if arms else [error("case_arms", "arms")]
    findings += [] if factors is not None else [error("case_factors", "factors")]
    if findings or arms is None or factors is None:
        return StudyConfig.model_construct(), findings
    if section.method == "minimisation" and not factors.keys() - {*section.strata}:
        whole = {"overall_weight": section.overall_weight or _WHOLE_STUDY}
        section = section.model_copy(update=whole)
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


def _with_sets(section: Any) -> Any:
    """The section with the levels of its sets of arms as text; what has none as it stands."""
    sets = section.get("sets") if isinstance(section, dict) else None
    if not isinstance(sets, list):
        return section
    named = [
        {**one, "levels": _levels(one)} if isinstance(one, dict) and "levels" in one else one
        for one in sets
    ]
    return {**section, "sets": named}


def _ratio(arms: Any) -> dict[str, int] | None:
    """Arm to whole share; None for anything else."""
    try:
        shares = {name: exact(share) for name, share in arms.items()}
    except (AttributeError, TypeError, ValueError):
        return None
    if any(each.denominator > 1 or not 1 <= each <= _SHARE_MAX for each in shares.values()):
        return None
    return {name: int(share) for name, share in shares.items()}


def _factors(factors: Any) -> dict[str, list[str]] | None:
    """Factor to its levels, one or more and none twice; None for anything else."""
    if not isinstance(factors, dict):
        return None
    found = {}
    for name, values in factors.items():
        named = [_text(value) for value in values] if isinstance(values, list) else []
        if not named or len({*map(str, named)}) < len(named) or not all(
            isinstance(value, str) for value in named
        ):  # fmt: skip
            return None
        found[name] = named
    return found


def _text(value: Any) -> Any:
    """A name that is written as a number or as true or false, as text; the rest as it stands."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | Decimal) else value


def _levels(entry: Any) -> Any:
    """The levels of an entry, as text; what is no table of them as it stands."""
    found = entry.get("levels") if isinstance(entry, dict) else entry
    if isinstance(found, dict):
        return {name: _text(value) for name, value in found.items()}
    return {} if found is None else found


def _named(history: Any) -> Any:
    """The entries with their names as text; what is none as it stands."""
    if not isinstance(history, list):
        return history
    return [
        {
            **{key: value for key, value in one.items() if value is not None},
            "levels": _levels(one),
            **({"arm": _text(one["arm"])} if "arm" in one else {}),
        }
        if isinstance(one, dict)
        else one
        for one in history
    ]


def _wrong_history(history: Any, names: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
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
        yield from _wrong_levels((*path, "levels"), one["levels"], names, True)
        if not isinstance(one.get("arm"), str):
            yield error("must_be_text", *path, "arm")
        if one.get("response", False) not in (True, False):
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
    response = bool(one["response"]) if "response" in one else None
    return Seen(one["levels"], one["arm"], response, outcome)
