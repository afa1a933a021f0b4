"""A list's CSV file: commas, semicolons or tabs, quoted or not, with a BOM or CRLF, mapped."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from core.bulk import CHARACTERS_MAX, tell_read
from core.errors import InvalidInput
from core.messages import Message
from core.randomization.lists.mapping import COLUMNS, IN_ORDER, ListMapping
from core.randomization.lists.problems import ListProblems

WATERMARK: Final = "# ixrs dummy list: for tests and training only"
"""The first line of every dummy list."""
_REQUIRED: Final = ("sequence", "randomization_number", "arm")
_DELIMITERS: Final = (",", ";", "\t")


class ReadRow(NamedTuple):
    """A row as the file has it, mapped to our columns; `levels` by factor, or `stratum` whole."""

    line: int
    stratum: str
    levels: tuple[tuple[str, str], ...]
    sequence: str | None  # none: in the order of the file
    number: str
    arm: str
    block: str | None  # none: the file has no such column


class ListFile:
    """The text of a file, its header matched with our columns.

    Raises InvalidInput for one that is no such table: columns missing, twice or unknown, no rows.
    """

    def __init__(
        self, text: str, mapping: ListMapping, factors: Sequence[str], problems: ListProblems
    ) -> None:
        text = text.lstrip("\ufeff")
        first, _, rest = text.partition("\n")
        self.is_dummy = first.strip().strip('"') == WATERMARK
        self._skipped = 1 if self.is_dummy else 0
        body = rest if self.is_dummy else text
        head = body.partition("\n")[0]
        self._lines = text.count("\n")
        delimiter = max(_DELIMITERS, key=head.count)
        self._reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
        self._mapping, self._problems = mapping, problems
        self._width = 0
        self._places = self._match(tuple(factors))
        self._factors = tuple(one for one in factors if one in self._places)

    def _match(self, factors: tuple[str, ...]) -> Mapping[str, int]:
        """Where each of our columns is. Columns left over are passed over once some are mapped."""
        try:
            header = [name.strip() for name in next(self._reader, [])]
        except csv.Error:
            header = []
        self._width = len(header)
        named = self._mapping.columns
        wanted = [*COLUMNS, *factors]
        theirs = {ours: named.get(ours, ours) for ours in wanted if named.get(ours) != ""}
        places = {ours: header.index(name) for ours, name in theirs.items() if name in header}
        lacking = [one for one in _REQUIRED if one not in places and named.get(one) != ""]
        lacking += [one for one in named if named[one] and one not in places]
        if "stratum" not in places:
            lacking += [one for one in factors if one not in places and one not in lacking]
        both = "stratum" in places and any(one in places for one in factors)
        strange = [] if named else [one for one in header if one not in places]
        if lacking or both or strange or len(set(header)) < len(header):
            columns = ", ".join((*COLUMNS[:4], "block", *factors))
            raise InvalidInput("file", Message("error.import_columns", {"columns": columns}))
        return places

    def rows(self) -> Iterator[ReadRow]:
        """The rows, with their lines in the file. What is no row is noted as a problem."""
        some, blank = False, 0
        try:
            for raw in self._reader:
                line = self._reader.line_num + self._skipped
                tell_read(line, self._lines)
                if not raw:
                    blank = line  # at the end of a file it is nothing
                    continue
                if blank:
                    self._problems.add(blank, "", "error.import_empty_row")
                    blank = 0
                some = True
                cells = [cell.strip() for cell in raw]
                if not any(cells):
                    self._problems.add(line, "", "error.import_empty_row")
                elif len(cells) != self._width:
                    self._problems.add(line, "", "error.import_width")
                elif self._is_text(line, cells):
                    yield self._row(line, cells)
        except csv.Error:
            some = True
            self._problems.add(self._reader.line_num + self._skipped, "", "error.import_csv")
        if not some:
            raise InvalidInput("file", Message("error.file_empty"))

    def _is_text(self, line: int, cells: list[str]) -> bool:
        if all(len(one) <= CHARACTERS_MAX and one.isprintable() for one in cells):
            return True
        self._problems.add(line, "", "error.import_unprintable")
        return False

    def _row(self, line: int, cells: list[str]) -> ReadRow:
        def cell(column: str) -> str | None:
            place = self._places.get(column)
            return None if place is None else cells[place]

        ours = self._mapping.ours
        return ReadRow(
            line,
            ours("stratum", cell("stratum") or ""),
            tuple((one, ours(one, cell(one) or "")) for one in self._factors),
            cell(IN_ORDER),
            cell("randomization_number") or "",
            ours("arm", cell("arm") or ""),
            cell("block"),
        )
