"""Bulk set-up from CSV: every problem told with its line, then all of it or nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Table, insert

from core.errors import InvalidInput
from core.messages import Message, Param
from core.study.schema import StudyConfig
from core.transaction import Kind, Question

Row = Mapping[str, str]
Complain = Callable[[str, Message], None]
Watch = Callable[[int, int], None]
"""Told how far an import is: so many steps done, of so many. It begins anew where a deed does."""
PROBLEMS_TOLD_MAX = 200
CHARACTERS_MAX = 200
LONG_CHARACTERS_MAX = 4000
_CHUNK: Final = 5000
_TELL_EVERY: Final = 1000
_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell `watch` how far the imports are that are done within."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def tell_read(line: int, lines: int) -> None:
    """A line of the file was read: the first half of an import."""
    if line % _TELL_EVERY == 0:
        _tell(min(line, lines), 2 * lines)


def store(
    db: Connection,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    count: int,
    before: int = 0,
) -> None:
    """Insert rows, some thousands at a time: the second half of an import, which writes `count`
    rows in all, `before` of them into other tables already."""
    waiting, done = iter(rows), before
    while chunk := list(islice(waiting, _CHUNK)):
        db.execute(insert(table), chunk)
        done += len(chunk)
        _tell(count + done, 2 * count)


def _tell(done: int, of: int) -> None:
    watch = _watch.get()
    if watch is not None:
        watch(done, of)


def file_question(config: StudyConfig) -> tuple[Question, ...]:
    """The text of the file."""
    return (Question("file", Kind.FILE),)


class Sheet:
    """A CSV file read row by row, and the problems found in it."""

    def __init__(
        self,
        text: str,
        columns: Sequence[str],
        optional: Sequence[str] = (),
        long: Sequence[str] = (),
    ) -> None:
        """`long` are columns that hold lists of things, and go into no column of the database."""
        self._long = frozenset(long)
        self._problems: list[Message] = []
        self._lines = text.count("\n")
        reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), strict=True)
        header = [name.strip() for name in reader.fieldnames or ()]
        missing = [name for name in columns if name not in header]
        unknown = [name for name in header if name not in (*columns, *optional)]
        if missing or unknown or len(set(header)) < len(header):
            params: dict[str, Param] = {"columns": ", ".join((*columns, *optional))}
            self.complain(1, "", Message("error.import_columns", params))
            self.check()
        reader.fieldnames = header
        self._reader = reader

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Line number in the file and values by column, without surrounding spaces. Raises
        InvalidInput for a file that has none."""
        line = 0
        try:
            for raw in self._reader:
                line = self._reader.line_num
                tell_read(line, self._lines)
                if None in raw or None in raw.values():
                    self.complain(line, "", Message("error.import_width"))
                    continue
                row = {name: value.strip() for name, value in raw.items()}
                self._check_texts(line, row)
                yield line, row
        except csv.Error:
            line = self._reader.line_num
            self.complain(line, "", Message("error.import_csv"))
        if not line:
            raise InvalidInput("file", Message("error.file_empty"))

    def _check_texts(self, line: int, row: Row) -> None:
        """No database column takes what is longer, and PostgreSQL no NUL."""
        for name, value in row.items():
            most = LONG_CHARACTERS_MAX if name in self._long else CHARACTERS_MAX
            if len(value) > most or not value.isprintable():
                self.complain(line, name, Message("error.text", {"most": most}))

    def complain(self, line: int, column: str, problem: Message) -> None:
        """Note what is wrong in a line, and what would be right."""
        params: dict[str, Param] = {"line": line, "column": column, "problem": problem}
        self._problems.append(
            Message("error.import_line" if column else "error.import_row", params)
        )

    def check(self) -> None:
        """Raise InvalidInput with all the problems there are."""
        if self._problems:
            told = tuple(self._problems[:PROBLEMS_TOLD_MAX])
            params: dict[str, Param] = {"count": len(self._problems), "problems": told}
            raise InvalidInput("file", Message("error.import_problems", params))


def is_number(text: str, most: int) -> bool:
    """Digits only, at least one and at most `most`."""
    return text.isascii() and text.isdigit() and len(text) <= most
