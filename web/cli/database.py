"""`ixrs db` and `ixrs setup`: from nothing to a database with one administrator."""

from __future__ import annotations

import click

from web.cli.base import Failed, json_option, open_core, read_settings, result


@click.group()
def db() -> None:
    """The database."""


@db.command()
@json_option
def upgrade(as_json: bool) -> None:
    """Create the database, or bring it to this program's version."""
    from sqlalchemy.exc import SQLAlchemyError

    from core.db import migrate

    settings = read_settings()
    try:
        migrate.upgrade(settings.database_url)
    except (SQLAlchemyError, OSError) as error:
        why = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise Failed("database", f"The database could not be upgraded: {why[0]}") from error
    result(as_json, {"upgraded": True}, "The database is up to date.")


@db.command()
@click.argument("role")
@click.option("--apply", "applies", is_flag=True, help="Do it, as the owner of the tables.")
@json_option
def grants(role: str, applies: bool, as_json: bool) -> None:
    """Print what gives the PostgreSQL role of the application its rights, and no others."""
    from sqlalchemy.exc import SQLAlchemyError

    from core.db import grants as rights

    try:
        made = rights.statements(role)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    if applies:
        if read_settings().is_sqlite:
            raise Failed("database", "SQLite has no roles: whoever may write the file may all.")
        try:
            with open_core() as core, core.engine.begin() as connection:
                rights.apply(connection, role)
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", None) or error).strip().splitlines()
            raise Failed("database", f"The rights could not be given: {why[0]}") from error
    lines = [f"{one};" for one in made]
    result(as_json, {"applied": applies, "statements": lines}, *([] if applies else lines))


@click.command()
@json_option
def setup(as_json: bool) -> None:
    """Make the first administrator and print the activation code, once."""
    from core.access.activation import CODE_HOURS
    from core.access.administer import set_up

    with open_core() as core:
        user_id, code = set_up(core)
    result(
        as_json,
        {"user_id": user_id, "code": code, "hours": CODE_HOURS},
        f"User ID: {user_id}",
        f"Activation code: {code}",
        f"It is shown only now and can be used for {CODE_HOURS} hours:",
        "ixrs user activate --code - --secret-stdin",
    )
