"""What a correction changes, column by column, before anything is written.

The same list is shown before a correction is proposed and before it is signed, written when it is
approved, and kept in the entry: whoever folds the ledger gets the record from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from core.facts import Facts
from core.messages import Message, Param
from core.study.schema import StudyConfig
from core.subjects.corrections import CORRECTION_REASONS
from core.subjects.status import REASON_CHARACTERS_MAX
from core.transaction import Answers, Choice, Kind, Question

_DASH: Final = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """One column of one row: `record` is subject, visit, shipment or kit, `of` its number (of a
    visit the code). `after` None in the status of a visit: the row is gone."""

    record: str
    of: str
    field: str
    before: Any
    after: Any


def on_record(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """The changes as an entry keeps them."""
    return [
        {
            "record": one.record,
            "of": one.of,
            "field": one.field,
            "before": _plain(one.before),
            "after": _plain(one.after),
        }
        for one in changes
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def preview(entry: str, before: Param | None, after: Param | None) -> Message:
    """The sentence that shows a value as it is and as it will be; nothing is shown as a dash."""
    params: dict[str, Param] = {
        "what": Message(f"choice.entry_{entry}"),
        "before": _DASH if before is None else before,
        "after": _DASH if after is None else after,
    }
    return Message("warn.correction_change", params)


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), reason, Message(f"choice.correction_{reason}"))
        for place, reason in enumerate(CORRECTION_REASONS, start=1)
    )


def entries_among(entries: Iterable[str], wanted: Iterable[str]) -> tuple[Choice, ...]:
    """Those of the entries that may be corrected now, each under a key that never shifts."""
    those = frozenset(wanted)
    return tuple(
        Choice(str(place), entry, Message(f"choice.entry_{entry}"))
        for place, entry in enumerate(entries, start=1)
        if entry in those
    )


WHY: Final = (
    Question("reason", Kind.CHOICE, choices=_reasons),
    Question("source_document", Kind.TEXT, high=REASON_CHARACTERS_MAX),
    Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
)
"""Why it was wrong, and the document that says what is right (ICH E6(R3) 4.2.4)."""


def why(answers: Answers) -> dict[str, object]:
    """The answers to `WHY`, as an entry keeps them."""
    return {question.name: answers.get(question.name) for question in WHY}
