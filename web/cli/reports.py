"""`ixrs randomization report`: the statistician's report on a design or on a published study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from web.cli.base import json_option, open_core, read_secret, result, secret_option, sign_in
from web.cli.designs import checked_target, found_of, simulation_options, studied, written

if TYPE_CHECKING:
    from core.randomization.report.model import Report


@click.command()
@click.argument("file", metavar="[FILE.json]", required=False)
@click.option("--study", metavar="CODE", help="A published study in place of a file.")
@click.option("--as", "user", metavar="USER", help="With --study: user ID of who looks.")
@secret_option
@simulation_options
@click.option("--out", required=True, metavar="PATH", help="PATH.html or PATH.pdf.")
@json_option
def report(
    file: str | None,
    study: str | None,
    user: str | None,
    secret_stdin: bool,
    n: int | None,
    exact: bool,
    trials: int,
    seed: int,
    out: str,
    as_json: bool,
) -> None:
    """Write what is randomized and how, how it behaves, and how to check it, for any reader."""
    if (file is None) == (study is None) or (study is None) != (user is None):
        raise click.UsageError("give a FILE.json, or --study CODE and --as USER")
    target = checked_target(out)
    if study is not None and user is not None:
        secret = read_secret(secret_stdin)
        made = _of_study(study, user, secret, n, exact, trials, seed)
    elif file is not None:
        made = studied(file, n, exact, trials, seed)[1]()
    digest = written(target, made)
    value = {"report": target, "title": made.title, "sha256": digest}
    result(as_json, value, f"{made.title}: written to {target}.", f"SHA-256 {digest}")


def _of_study(
    code: str, user: str, secret: str, n: int | None, exact: bool, trials: int, seed: int
) -> Report:
    from core.randomization.report.published import of_study, read

    with open_core() as core:
        actor = sign_in(core, user, secret)
        with core.reading() as db:
            published = read(core, db, actor, code)
    trial = published.trial()
    behaves = None
    if trial is not None:
        behaves = found_of(trial, n or published.subjects, exact, trials, seed)
    return of_study(published, behaves)
