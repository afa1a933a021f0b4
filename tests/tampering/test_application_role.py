"""On PostgreSQL the server runs as a role of its own, which can add to the ledger and no more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from core.db import grants
from core.db.base import Base
from core.db.migrate import upgrade
from core.ledger import triggers
from core.ledger.verify import verify
from tests.support.postgres import PostgresServer
from tests.support.world import World, build
from tests.tampering.story import tell
from tests.web.test_cli import Shell
from web.health import problems

ROLE = "ixrs_app_test"
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def owned(postgres_world: str, postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a world in which the role has its rights, for the owner of the tables."""
    name = "ixrs_role_test"
    url = postgres_server.create_database(name, template=postgres_world)
    owner = World.at(url)
    with owner.core.engine.begin() as db:
        db.exec_driver_sql(f"DROP ROLE IF EXISTS {ROLE}")
        db.exec_driver_sql(f"CREATE ROLE {ROLE} LOGIN")
    owner.close()
    done = Shell(url).json("db", "grants", ROLE, "--apply")
    assert done["applied"]
    yield url
    owner = World.at(url)
    with owner.core.engine.begin() as db:
        db.exec_driver_sql(f"DROP OWNED BY {ROLE}")
        db.exec_driver_sql(f"DROP ROLE {ROLE}")
    owner.close()
    postgres_server.drop_database(name)


def of_the_role(url: str) -> str:
    return make_url(url).set(username=ROLE).render_as_string(hide_password=False)


@pytest.mark.req("R8")
def test_it_does_everything_but_cannot_change_what_was_written(owned: str, tmp_path: Path) -> None:
    tell(World.at(of_the_role(owned)), tmp_path / "heads")
    owner = World.at(owned)
    assert verify(owner.core).problems == []
    with owner.core.engine.begin() as db:
        triggers.drop(db)  # so that it is the rights that refuse
    owner.close()
    app = World.at(of_the_role(owned))
    for statement in (
        "UPDATE ledger SET actor = '17'",
        "UPDATE ledger SET secret = NULL WHERE sequence = 1",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
        "ALTER TABLE ledger DISABLE TRIGGER ALL",
        "DROP TABLE ledger",
        "UPDATE study_version SET source = ''",
        "UPDATE draw SET number = 1",
        "UPDATE list_row SET block = 1",
        "UPDATE opening SET user_id = '14'",
        "DELETE FROM opening",
        "UPDATE page_view SET user_id = '14'",
        "DELETE FROM page_view",
        "DELETE FROM receipt",
        "DELETE FROM subject",
        "UPDATE review SET done_on = '2020-01-01'",
        "UPDATE alembic_version SET version_num = '0'",
    ):
        refused = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
        with refused, app.core.engine.begin() as db:
            db.execute(text(statement))
    app.close()


def test_every_row_that_the_program_removes_may_be_removed() -> None:
    named = {one.name for one in grants.REMOVED} | {"table"}
    assert set(_called("delete")) - named == set()


def test_every_row_that_the_program_changes_may_be_changed() -> None:
    once = {one.name for one in grants.WRITTEN_ONCE}
    assert set(_called("update")) & once == set()
    assert set(grants.CHANGED) & grants.WRITTEN_ONCE == set()


def _called(verb: str) -> Iterator[str]:
    """The names in `update(name)` or `delete(name)` in the program."""
    tables = set(Base.metadata.tables) | {"grant", "table"}
    for folder in ("core", "ivr", "web"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == verb
                    and node.args
                    and isinstance(node.args[0], ast.Name)
                    and node.args[0].id in tables
                ):
                    yield node.args[0].id


def test_the_statements_are_printed_for_whoever_would_rather_read_them(
    tmp_path: Path,
) -> None:
    shell = Shell(f"sqlite:///{tmp_path / 'none.db'}")
    lines = shell("db", "grants", "ixrs_app").output.splitlines()
    assert "GRANT SELECT, INSERT ON ledger TO ixrs_app;" in lines
    assert not any("TRUNCATE" in line for line in lines)
    assert shell("db", "grants", "app; DROP TABLE ledger").exit_code == 2
    assert "SQLite" in shell("db", "grants", "ixrs_app", "--apply").output


def test_grants_of_the_page_let_the_application_work_and_no_more(
    postgres_server: PostgresServer,
) -> None:
    """The SQL is run as the page says; the world is then made by the application."""
    made, *_ = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/OPERATIONS.md").read_text(), re.S)
    _run_sql(postgres_server, "postgres", None, made)
    address = postgres_server.url("ixrs")
    try:
        upgrade(address.replace("//ixrs@", "//ixrs_owner@"))
        _run_sql(postgres_server, "ixrs", "ixrs_owner", ";".join(grants.statements("ixrs_app")))
        address = address.replace("//ixrs@", "//ixrs_app@")
        build(address)
        world = World.at(address)
        world.dispense(world.randomized())
        assert problems(world.core) == ()
        world.close()
        for denied in ("UPDATE ledger SET body = ''", "DELETE FROM ledger", "TRUNCATE ledger"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                _run_sql(postgres_server, "ixrs", "ixrs_app", denied)
    finally:
        postgres_server.drop_database("ixrs")
        _run_sql(postgres_server, "postgres", None, "DROP ROLE ixrs_app; DROP ROLE ixrs_owner")


def _run_sql(server: PostgresServer, database: str, user: str | None, text: str) -> None:
    address = server.url(database).replace("+psycopg", "")
    if user is not None:
        address = address.replace("//ixrs@", f"//{user}@")
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in filter(str.strip, text.split(";")):
            connection.execute(statement.encode())
