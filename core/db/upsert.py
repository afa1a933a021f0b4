"""Insert unless it is there, in one statement on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Connection, CursorResult, Table, bindparam
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.db.prepared import Prepared

_INSERTS: Final[Mapping[str, Any]] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}
_COUNTED: Final = {"preserve_rowcount": True}


def insert_missing(db: Connection, table: Table, values: Mapping[str, Any]) -> CursorResult[Any]:
    """Insert a row; where a unique key has it already, do nothing.

    On PostgreSQL it waits for another session that is inserting the same key just now.
    """
    # SQLAlchemy keeps the row count of an INSERT only if it is asked to.
    statement = _missing(db.dialect.name, table)
    return db.execute(statement, dict(values), execution_options=_COUNTED)


class InsertMissing:
    """`insert_missing` for the path that every deed takes, into these columns of one table.

    It returns the id of the new row. Asked for by RETURNING: the row count is not known on
    PostgreSQL where a key is generated.
    """

    def __init__(self, *columns: Column[Any]) -> None:
        table = columns[0].table
        values: dict[Any, Any] = {one: bindparam(one.name) for one in columns}
        self._by_dialect = {
            name: Prepared(
                make(table).values(values).on_conflict_do_nothing().returning(table.c.id)
            )
            for name, make in _INSERTS.items()
        }

    def __call__(self, db: Connection, values: Mapping[str, Any]) -> int | None:
        """The new row's id, or None if it was there."""
        made: int | None = self._by_dialect[db.dialect.name].scalar(db, values)
        return made


@cache
def _missing(dialect: str, table: Table) -> Any:
    return _INSERTS[dialect](table).on_conflict_do_nothing()


def new_id(made: CursorResult[Any]) -> int:
    """The id of the row just inserted."""
    key = made.inserted_primary_key
    if key is None:
        raise LookupError("nothing was inserted")
    return int(key[0])
