"""The ledger is written once: the database itself refuses to change or remove an entry."""

from __future__ import annotations

from sqlalchemy import Connection, text

NAMES = ("ledger_no_update", "ledger_no_delete")

_SQLITE = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {verb} ON ledger "
    f"BEGIN SELECT RAISE(ABORT, 'the ledger is written once'); END"
    for name, verb in zip(NAMES, ("UPDATE", "DELETE"), strict=True)
)
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION ledger_written_once() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the ledger is written once'; END $$",
    "CREATE OR REPLACE TRIGGER ledger_no_update BEFORE UPDATE ON ledger "
    "FOR EACH ROW EXECUTE FUNCTION ledger_written_once()",
    "CREATE OR REPLACE TRIGGER ledger_no_delete BEFORE DELETE OR TRUNCATE ON ledger "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_written_once()",
    "ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_no_update",
    "ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_no_delete",
)


def create(db: Connection) -> None:
    """Put the triggers in place; done after each migration, since batch mode drops them."""
    for statement in _SQLITE if db.dialect.name == "sqlite" else _POSTGRESQL:
        db.exec_driver_sql(statement)


def missing(db: Connection) -> tuple[str, ...]:
    """The names of the triggers that are not there, or not enabled."""
    if db.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"
    else:
        query = (
            "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass('ledger') "
            "AND tgenabled = 'A'"
        )
    present = set(db.scalars(text(query)))
    return tuple(name for name in NAMES if name not in present)
