"""Insert unless it is there, in one statement on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert


def insert_missing(db: Connection, table: Table, values: Mapping[str, Any]) -> CursorResult[Any]:
    """Insert a row; where a unique key has it already, do nothing.

    On PostgreSQL it waits for another session that is inserting the same key just now.
    """
    # SQLAlchemy keeps the row count of an INSERT only if it is asked to.
    return db.execute(
        _missing(db, table), dict(values), execution_options={"preserve_rowcount": True}
    )


def insert_missing_id(db: Connection, table: Table, values: Mapping[str, Any]) -> int | None:
    """`insert_missing`, and the id of the new row; None if it was there.

    Asked for by RETURNING: the row count is not known on PostgreSQL where a key is generated.
    """
    made = db.scalar(_missing(db, table).returning(table.c.id), dict(values))
    return None if made is None else int(made)


def _missing(db: Connection, table: Table) -> Any:
    make = sqlite_insert if db.dialect.name == "sqlite" else postgresql_insert
    return make(table).on_conflict_do_nothing()


def new_id(made: CursorResult[Any]) -> int:
    """The id of the row just inserted."""
    key = made.inserted_primary_key
    if key is None:
        raise LookupError("nothing was inserted")
    return int(key[0])
