"""`ixrs supply packaging-list` and `ixrs supply trace`: lots, for who may read kit types."""

from __future__ import annotations

from dataclasses import asdict

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


@click.command("packaging-list")
@study_option
@reader_options
@click.option("--lot", "number", metavar="NO", help="Only this lot; left out: all of the study.")
@click.option("--out", default="-", metavar="FILE", help='Where to write it; "-": print it.')
@json_option
def packaging_list(
    study: str, user: str, secret_stdin: bool, number: str | None, out: str, as_json: bool
) -> None:
    """Write the packaging list: what to print on which carton, and what to put into it.

    It tells kit types, so the reading is on record.
    """
    from core.supply.packaging import in_csv, read_packaging_list
    from core.transaction import Channel

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        packed = read_packaging_list(core, actor, study, number, channel=Channel.COMMAND)
    if as_json:
        result(as_json, {"kits": [asdict(one) for one in packed]})
        return
    if write_file(out, in_csv(packed).encode()):
        click.echo(f"{len(packed)} kits written to {out}.")


@click.command()
@click.argument("number")
@study_option
@reader_options
@json_option
def trace(number: str, study: str, user: str, secret_stdin: bool, as_json: bool) -> None:
    """Show what became of a lot: its kits, and the sites, shipments and subjects they came to.

    It tells which subjects are given the same, so the reading is on record.
    """
    from core.supply.trace import read_trace
    from core.transaction import Channel

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        found = read_trace(core, actor, study, number, channel=Channel.COMMAND)
    lines = [
        f"Lot {found.lot}, {found.kit_type}, {found.status}, expires {found.expiry}",
        *(
            "  ".join(
                (
                    *(one.number, one.state, one.site or one.depot or "-"),
                    " ".join(one.shipments) or "-",
                    " ".join(one.subjects) or "-",
                )
            )
            for one in found.kits
        ),
        f"Sites: {' '.join(found.sites) or '-'}",
        f"Shipments: {' '.join(found.shipments) or '-'}",
        f"Subjects: {' '.join(found.subjects) or '-'}",
    ]
    result(as_json, asdict(found), "\n".join(lines))
