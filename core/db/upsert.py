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
    make = sqlite_insert if db.dialect.name == "sqlite" else postgresql_insert
    return db.execute(make(table).on_conflict_do_nothing(), dict(values))


def new_id(made: CursorResult[Any]) -> int:
    """The id of the row just inserted."""
    key = made.inserted_primary_key
    if key is None:
        raise LookupError("nothing was inserted")
    return int(key[0])
