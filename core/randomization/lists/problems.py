"""What is wrong with a list: each thing with its line, or, for a blinded reader, only how often."""

from __future__ import annotations

from collections import Counter
from typing import Final

from core.errors import ListRefused
from core.messages import Message, Param

PROBLEMS_TOLD_MAX: Final = 200


class ListProblems:
    """Problems as they are found, over all the lines of a file."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str, str]] = []

    def add(self, line: int, column: str, kind: str) -> None:
        """Note one. `kind` is the id of a text that names no value of the file."""
        self._found.append((line, column, kind))

    def check(self, *, blinded: bool) -> None:
        """Raise ListRefused if there are any.

        The record keeps how many of each kind there are: no line, stratum or arm. The person who
        imports is told the lines, unless blinded.
        """
        if not self._found:
            return
        counted = self._by_kind()
        raise ListRefused(counted if blinded else self._by_line(), on_record=counted)

    def _by_line(self) -> Message:
        told = tuple(
            Message(
                "error.import_line" if column else "error.import_row",
                {"line": line, "column": column, "problem": Message(kind)},
            )
            for line, column, kind in sorted(self._found)[:PROBLEMS_TOLD_MAX]
        )
        params: dict[str, Param] = {"count": len(self._found), "problems": told}
        return Message("error.import_problems", params)

    def _by_kind(self) -> Message:
        kinds = Counter(kind for _, _, kind in self._found)
        told = tuple(
            Message("error.import_kind", {"count": count, "problem": Message(kind)})
            for kind, count in sorted(kinds.items())
        )
        return Message("error.list_refused", {"count": len(self._found), "problems": told})
