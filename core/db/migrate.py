"""Create or migrate the database, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from core.db.engine import make_engine
from core.ledger import triggers

_FOLDER = Path(__file__).parent / "migrations"


def _config(db: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = db
    return config


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest revision and put the ledger's triggers in place."""
    engine = make_engine(url)
    try:
        upgrade_engine(engine)
    finally:
        engine.dispose()


def upgrade_engine(engine: Engine) -> None:
    """`upgrade` on an engine that is open already."""
    with engine.begin() as db:
        command.upgrade(_config(db), "head")
        triggers.create(db)


def is_current(db: Connection) -> bool:
    """Whether the database is at the newest revision of this program."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(db).get_current_revision() == head
