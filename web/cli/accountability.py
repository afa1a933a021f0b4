"""`ixrs supply accountability`: what became of every kit, as a file."""

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
    tell,
    write_file,
)


@click.command()
@study_option
@reader_options
@click.option("--site", metavar="NO", help="Only this site; left out: all that the person sees.")
@click.option(
    "--format", "form", type=click.Choice(("csv", "xlsx", "pdf")), default="csv",
    show_default=True, help="CSV holds one table, the others all.",
)  # fmt: skip
@click.option(
    "--table", type=click.Choice(("sites", "lots", "kits", "subjects")),
    help="Which table a CSV file holds.  [default: kits]",
)  # fmt: skip
@click.option("--out", required=True, metavar="FILE", help='Where to write it; "-": print it.')
@json_option
def accountability(
    study: str,
    user: str,
    secret_stdin: bool,
    site: str | None,
    form: str,
    table: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Write the account of drug: each kit, each balance by site, lot and subject.

    Kit types are in it for unblinded roles only, and such a reading is on record.
    """
    from core.supply.accountability import read_accountability
    from core.transaction import Channel
    from web.accountability.files import file_of

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        found = read_accountability(core, actor, study, site, channel=Channel.COMMAND)
    made = file_of(found, form, tell, table)
    if write_file(out, made.content):
        counts = {"file": out, "sites": len(found.sites), "kits": len(found.kits)}
        value = {**counts, "closes": found.closes, "types": found.types}
        lines = f"{len(found.kits)} kits of {len(found.sites)} sites written to {out}."
        result(as_json, value, lines)
