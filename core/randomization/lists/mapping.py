"""How a file made elsewhere names its columns and codes its values: `ours=theirs`, said outright.

Nothing is guessed: an arm taken for another is the one mistake that no later check would find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from core.errors import InvalidInput
from core.messages import Message

BETWEEN: Final = ";"
COLUMNS: Final = ("stratum", "sequence", "randomization_number", "arm", "block")
IN_ORDER: Final = "sequence"
"""The one column that may be mapped to nothing: rows are then taken in the order of the file."""


@dataclass(frozen=True, slots=True)
class ListMapping:
    """`columns`: ours to theirs. `values`: (our column, their code) to our code."""

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def ours(self, column: str, theirs: str) -> str:
        """What a value of the file is called here."""
        return self.values.get((column, theirs), theirs)


def read_mapping(columns: str, values: str, factors: tuple[str, ...]) -> ListMapping:
    """The mapping in "ours=theirs; …" and "column:ours=theirs; …".

    Raises InvalidInput, which names the first part that is none.
    """
    named: dict[str, str] = {}
    for part in _parts(columns):
        ours, separator, theirs = (one.strip() for one in part.partition("="))
        known = ours in (*COLUMNS, *factors) and (theirs or ours == IN_ORDER)
        if not separator or not known or ours in named:
            raise _wrong("columns", part)
        named[ours] = theirs
    coded: dict[tuple[str, str], str] = {}
    for part in _parts(values):
        column, separator, pair = (one.strip() for one in part.partition(":"))
        ours, equals, theirs = (one.strip() for one in pair.rpartition("="))
        known = column in ("stratum", "arm", *factors)
        if not (separator and equals and ours and theirs and known) or (column, theirs) in coded:
            raise _wrong("values", part)
        coded[column, theirs] = ours
    return ListMapping(named, coded)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(BETWEEN) if part.strip()]


def _wrong(name: str, part: str) -> InvalidInput:
    return InvalidInput(name, Message("error.import_mapping", {"value": part[:80]}))
