"""The text of a case file: JSON read exactly, and the refusal that tells all that is wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from core.errors import InvalidInput
from core.messages import Message, Param
from core.study.problems import Finding, Problem, error


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


def stop(findings: Sequence[Finding]) -> None:
    """Raise CaseFileRefused if there are any."""
    if findings:
        raise refused(*findings)


def refused(*findings: Finding) -> CaseFileRefused:
    """The refusal of a file for these findings."""
    return CaseFileRefused(tuple(finding.at(None) for finding in findings))


def read_object(text: str) -> dict[str, Any]:
    """The JSON object, decimals as Decimal. Raises CaseFileRefused for any other text."""
    try:
        # Some editors begin every file with a byte order mark.
        plain = text.removeprefix("\ufeff")
        data = json.loads(plain, parse_float=Decimal, object_pairs_hook=_once)
    except (ValueError, RecursionError, ArithmeticError) as reason:
        raise refused(error("json_syntax", "file", detail=str(reason))) from None
    if not isinstance(data, dict):
        raise refused(error("must_be_table", "file"))
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets the last of two equal keys win, silently: an arm given twice would change share."""
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, count in times.items() if count > 1)
        raise ValueError(f'"{twice}" is given twice')
    return found
