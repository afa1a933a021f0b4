"""`ixrs supply order`: an order to a depot, as a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from web.cli.base import (
    Failed,
    json_option,
    open_core,
    read_secret,
    result,
    secret_option,
    sign_in,
    study_option,
)


@click.command()
@click.argument("number")
@study_option
@click.option("--as", "user", required=True, metavar="USER", help="User ID of who reads.")
@secret_option
@click.option("--format", "form", type=click.Choice(("csv", "json")), default="csv",
              show_default=True)  # fmt: skip
@click.option("--out", default="-", metavar="FILE", help='Where to write it; "-": print it.')
@json_option
def order(
    number: str, study: str, user: str, secret_stdin: bool, form: str, out: str, as_json: bool
) -> None:
    """Write the order of a shipment: where it goes, when, and which cartons."""
    from core.supply.orders import file_of, read_order

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        with core.reading() as db:
            found = read_order(core, db, actor, study, number)
    if as_json:
        result(as_json, found.values())
        return
    content = file_of(found, form)
    if out == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        Path(out).write_bytes(content)
    except OSError as error:
        raise Failed("file", f"{out} cannot be written: {error.strerror}.") from error
    click.echo(f"Order {found.order}: {len(found.kits)} kits, written to {out}.")
