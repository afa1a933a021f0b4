"""`ixrs supply order`: an order to a depot, as a file."""

from __future__ import annotations

import click

from web.cli.base import (
    json_option,
    open_core,
    read_secret,
    reader_options,
    result,
    sign_in,
    study_option,
    write_file,
)


@click.command()
@click.argument("number")
@study_option
@reader_options
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
    if write_file(out, file_of(found, form)):
        click.echo(f"Order {found.order}: {len(found.kits)} kits, written to {out}.")
