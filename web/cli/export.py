"""`ixrs export`: a copy of a study's record, audit included, as a person may see it."""

from __future__ import annotations

import hashlib

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

_FORMS = ("csv", "json", "odm", "pdf")


@click.command()
@study_option
@reader_options
@click.option(
    "--format", "form", type=click.Choice(_FORMS), help="[default: csv, with --json: json]"
)
@click.option("--table", metavar="NAME", help="With csv: only this table.")
@click.option(
    "--out", default="-", metavar="PATH",
    help="Where to write it; CSV without --table becomes a ZIP archive of all tables.  "
    "[default: print it]",
)  # fmt: skip
@json_option
def export(
    study: str,
    user: str,
    secret_stdin: bool,
    form: str | None,
    table: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Copy what a person may see of a study: subjects, visits, kits, shipments, the ledger.

    The reading is put on record. Printed as CSV, the tables stand one after the other, each under
    a line with its name.
    """
    from core.export.copy import read_copy
    from core.transaction import Channel
    from web.export import files

    form = form or ("json" if as_json and out == "-" else "csv")
    if table is not None and form != "csv":
        raise click.UsageError("--table goes with --format csv")
    if as_json and out == "-" and form == "pdf":
        raise click.UsageError("a PDF doesn't go into JSON; give --out")
    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        copy = read_copy(core, actor, study, form=form, channel=Channel.COMMAND)
    if table is not None:
        content = files.one_table(copy, table, tell)
    elif form == "csv" and out == "-":
        content = files.as_csv(copy, tell)
    else:
        content = files.file_of(copy, form, tell).content
    digest = hashlib.sha256(content).hexdigest()
    if as_json and out == "-" and form != "json":
        told = {"format": form, "sha256": digest, "upto": copy.upto, "content": content.decode()}
        result(True, told)
    elif write_file(out, content):
        rows = {one.name: len(one.rows) for one in files.tables_of(copy)}
        value = {"file": out, "format": form, "sha256": digest, "upto": copy.upto, "rows": rows}
        words = f"{sum(rows.values())} rows in {len(rows)} tables written to {out}."
        result(as_json, value, words, f"SHA-256 {digest}")
