"""Lists on the command line: made from a study file, and imported with their own column names."""

from __future__ import annotations

from typing import Final

import click

from web.cli.base import (
    Failed,
    failure_of,
    json_option,
    open_core,
    person_options,
    progress,
    read_line,
    read_secret,
    read_text,
    result,
    sign_in,
    study_option,
    write_file,
)

_ROWS_MAX: Final = 1_000_000
_SEED_HEX: Final = 64


@click.command("list")
@click.argument("file", metavar="FILE.toml")
@click.option(
    "--strata", multiple=True, metavar="STRATUM",
    help='As "sex=F|site=101"; repeat it. Left out: all that the file lists.',
)  # fmt: skip
@click.option(
    "--rows", type=click.IntRange(1, _ROWS_MAX), required=True,
    help="Rows of each stratum, made up to whole blocks.",
)  # fmt: skip
@click.option(
    "--block-size", "block_sizes", multiple=True, type=click.IntRange(1),
    help="Where the file gives none (method list); repeat it.",
)  # fmt: skip
@click.option("--seed-hex", metavar="HEX", help="The seed: 64 hexadecimal digits.")
@click.option("--seed-stdin", is_flag=True, help="Read the seed from standard input.")
@click.option("--dummy", is_flag=True, help="A list for tests: marked, and of other streams.")
@click.option("--out", required=True, metavar="FILE.csv", help='Where to write it; "-": print it.')
@json_option
def list_(
    file: str,
    strata: tuple[str, ...],
    rows: int,
    block_sizes: tuple[int, ...],
    seed_hex: str | None,
    seed_stdin: bool,
    dummy: bool,
    out: str,
    as_json: bool,
) -> None:
    """Write the list `pbr-v1` of a study file and a seed, in the columns of `import list`."""
    from core.errors import IxrsError
    from core.randomization.lists.generate import generate_list
    from core.study.read import load

    seed = _seed(seed_hex, seed_stdin)
    try:
        config = load(read_text(file))
        text = generate_list(config, strata, rows, seed, block_sizes=block_sizes, dummy=dummy)
    except IxrsError as error:
        raise failure_of(error) or error from error
    except ValueError as error:
        told = str(error)
        raise Failed("invalid_input", f"{told[:1].upper()}{told[1:]}.") from error
    write_file(out, text.encode())
    made = text.count("\n") - 1 - dummy
    if out != "-":
        value = {"file": out, "rows": made, "dummy": dummy}
        result(as_json, value, f"{made} rows written to {out}.")


def _seed(text: str | None, from_stdin: bool) -> bytes:
    if (text is None) != from_stdin:
        raise click.UsageError("give the seed by --seed-hex or by --seed-stdin")
    given = read_line("seed").strip() if text is None else text.strip()
    try:
        seed = bytes.fromhex(given)
    except ValueError:
        seed = b""
    if len(given) != _SEED_HEX or len(seed) * 2 != _SEED_HEX:
        raise click.UsageError("a seed is 64 hexadecimal digits")
    return seed


@click.command("list")
@click.argument("file")
@click.option(
    "--column", "columns", multiple=True, metavar="OURS=THEIRS",
    help='What the file calls a column: "sequence=SEQ", "sex=SEX". Repeat it.',
)  # fmt: skip
@click.option(
    "--value", "values", multiple=True, metavar="COLUMN:OURS=THEIRS",
    help='How the file codes a value: "arm:active=A", "sex:F=1". Repeat it.',
)  # fmt: skip
@person_options
@study_option
@json_option
def import_list(
    file: str,
    columns: tuple[str, ...],
    values: tuple[str, ...],
    user: str,
    secret_stdin: bool,
    study: str,
    as_json: bool,
) -> None:
    """Import a randomization list from a CSV file."""
    from web.cli.deeds import act, print_receipt

    name = "import_list"
    given = {"file": file, "columns": "; ".join(columns), "values": "; ".join(values)}
    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        kept = {key: value for key, value in given.items() if value}
        with progress(name, as_json):
            receipt = act(core, actor, secret, name, study, None, kept, None)
    print_receipt(receipt, as_json)
