"""The ledger is written once: the database itself refuses to change or remove an entry."""

from __future__ import annotations

from sqlalchemy import Connection, text

NAMES = ("ledger_no_update", "ledger_no_delete")

_SQLITE = tuple(
    f"CREATE TRIGGER {name} BEFORE {verb} ON ledger "
    f"BEGIN SELECT RAISE(ABORT, 'the ledger is written once'); END"
    for name, verb in zip(NAMES, ("UPDATE", "DELETE"), strict=True)
)
_BODY = " BEGIN RAISE EXCEPTION 'the ledger is written once'; END "
_KINDS = (1 + 2 + 16, 2 + 8 + 32)  # each row, before, update; before, delete, truncate
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION ledger_written_once() RETURNS trigger LANGUAGE plpgsql AS "
    f"$${_BODY}$$",
    "CREATE OR REPLACE TRIGGER ledger_no_update BEFORE UPDATE ON ledger "
    "FOR EACH ROW EXECUTE FUNCTION ledger_written_once()",
    "CREATE OR REPLACE TRIGGER ledger_no_delete BEFORE DELETE OR TRUNCATE ON ledger "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_written_once()",
    "ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_no_update",
    "ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_no_delete",
)


def create(db: Connection) -> None:
    """Put the triggers in place; done after each migration, since batch mode drops them."""
    drop(db)
    for statement in _SQLITE if db.dialect.name == "sqlite" else _POSTGRESQL:
        db.exec_driver_sql(statement)


def drop(db: Connection) -> None:
    """Take the triggers away: for a moment, within one database transaction."""
    on_table = "" if db.dialect.name == "sqlite" else " ON ledger"
    for name in NAMES:
        db.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def missing(db: Connection) -> tuple[str, ...]:
    """The names of the triggers that are not there, not enabled, or do something else."""
    if db.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"
        found = {row.name: row.sql for row in db.execute(text(query))}
        wanted = dict(zip(NAMES, _SQLITE, strict=True))
        return tuple(name for name in NAMES if found.get(name) != wanted[name])
    query = (
        "SELECT t.tgname AS name, t.tgtype AS kind, p.prosrc AS does FROM pg_trigger t "
        "JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = to_regclass('ledger') "
        "AND t.tgenabled = 'A' AND t.tgqual IS NULL"
    )
    present = {row.name: (row.kind, row.does) for row in db.execute(text(query))}
    return tuple(
        name for name, kind in zip(NAMES, _KINDS, strict=True) if present.get(name) != (kind, _BODY)
    )
