"""Statements of the path that every deed takes, compiled once and run on the driver's cursor.

SQLAlchemy writes the SQL, converts values by the columns' types, names the errors, begins and ends
the session, as everywhere else; only its execution layer is left out. That layer takes four times
as long as SQLite takes for a statement, and the deed holds its locks meanwhile (docs/adr/).
Listeners of `before_cursor_execute` hear these statements too.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError

from core.db.types import UTCDateTime

Convert = Callable[[Any], Any]
_instants: dict[str, Convert] = {}


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as one database takes it. The converters are only those that do something."""

    sql: str
    to_driver: tuple[tuple[str, Convert | None], ...]
    positional: bool
    constants: Mapping[str, Any]
    from_driver: tuple[tuple[int, Convert], ...]
    row: Callable[[Any], Any]


class Prepared:
    """A statement whose values are all bound by name; lists of values (IN) are not for this."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, db: Connection, values: Mapping[str, Any]) -> list[Any]:
        """The rows, values by column name. Raises what SQLAlchemy's `execute` raises."""
        compiled, cursor = self._run(db, values)
        rows = cursor.fetchall()
        cursor.close()
        if compiled.from_driver:
            rows = [_converted(row, compiled.from_driver) for row in rows]
        return [compiled.row(row) for row in rows]

    def first(self, db: Connection, values: Mapping[str, Any]) -> Any:
        """The first row, or None."""
        compiled, cursor = self._run(db, values)
        row = cursor.fetchone()
        cursor.close()
        if row is None:
            return None
        if compiled.from_driver:
            row = _converted(row, compiled.from_driver)
        return compiled.row(row)

    def scalar(self, db: Connection, values: Mapping[str, Any]) -> Any:
        """The first value of the first row, or None."""
        row = self.first(db, values)
        return None if row is None else row[0]

    def run(self, db: Connection, values: Mapping[str, Any]) -> None:
        """Execute a statement that returns no rows. Raises KeyError for a value left out."""
        self._run(db, values)[1].close()

    def _run(self, db: Connection, values: Mapping[str, Any]) -> tuple[_Compiled, Any]:
        compiled = self._compiled.get(db.dialect.name)
        if compiled is None:
            compiled = self._compiled[db.dialect.name] = _compile(self._statement, db.dialect)
        if compiled.constants:
            values = {**compiled.constants, **values}
        bound: Any = [
            values[name] if convert is None else convert(values[name])
            for name, convert in compiled.to_driver
        ]
        if not compiled.positional:
            bound = {name: one for (name, _), one in zip(compiled.to_driver, bound, strict=True)}
        if not db.in_transaction():
            db.begin()
        return compiled, _execute(db, compiled.sql, bound)


def _execute(db: Connection, sql: str, bound: Any) -> Any:
    cursor = db.connection.cursor()
    if db.engine._has_events:
        for heard in db.engine.dispatch.before_cursor_execute:
            heard(db, cursor, sql, bound, None, False)
    try:
        cursor.execute(sql, bound)
    except Exception as error:
        raise _named(db, cursor, sql, bound, error) from error
    return cursor


def _compile(statement: Any, dialect: Dialect) -> _Compiled:
    made = statement.compile(dialect=dialect)
    positional = made.positiontup is not None
    bound = made.binds
    columns = list(statement.exported_columns)
    from_driver = [_processor(one.type, "result", dialect) for one in columns]
    kind = collections.namedtuple("Row", [one.key for one in columns])  # type: ignore[misc]
    return _Compiled(
        str(made),
        tuple(
            (name, _processor(bound[name].type, "bind", dialect))
            for name in (made.positiontup if positional else bound)
        ),
        positional,
        {name: one.effective_value for name, one in bound.items() if not one.required},
        tuple((place, convert) for place, convert in enumerate(from_driver) if convert),
        kind._make,
    )


def _processor(kind: Any, way: str, dialect: Dialect) -> Convert | None:
    """What turns a Python value into the driver's (way "bind"), or back; None: nothing to do."""
    known = kind.dialect_impl(dialect)
    found: Convert | None = (
        known.bind_processor(dialect) if way == "bind" else known.result_processor(dialect, None)
    )
    if found is not None and way == "bind" and isinstance(kind, UTCDateTime):
        # A deed has one moment, and writes it many times.
        return _instants.setdefault(dialect.name, lru_cache(maxsize=64)(found))
    return found


def _converted(row: Any, converters: tuple[tuple[int, Convert], ...]) -> list[Any]:
    cells = list(row)
    for place, convert in converters:
        cells[place] = convert(cells[place])
    return cells


def _named(db: Connection, cursor: Any, sql: str, bound: Any, error: Exception) -> BaseException:
    """The error as SQLAlchemy names it; a connection that is gone leaves the pool."""
    base = db.dialect.loaded_dbapi.Error
    gone = isinstance(error, base) and db.dialect.is_disconnect(error, db.connection, cursor)
    if gone:
        db.invalidate(error)
    else:
        cursor.close()
    return DBAPIError.instance(
        sql,
        bound,
        error,
        base,
        hide_parameters=db.engine.hide_parameters,
        connection_invalidated=gone,
        dialect=db.dialect,
    )
