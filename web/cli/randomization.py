"""`ixrs randomization …`: what a method does, before, during and after a study."""

from __future__ import annotations

import dataclasses
import sys

import click

from web.cli import designs, reports
from web.cli.base import Failed, json_option, open_core, read_text, result, study_option
from web.cli.lists import list_


@click.group()
def randomization() -> None:
    """Probabilities, characteristics, proof and tests of a randomization."""


for command in (*designs.COMMANDS, list_, reports.report):
    randomization.add_command(command)


@randomization.command()
@study_option
@click.option(
    "--share", "shares", multiple=True, metavar="FILE",
    help="A half of the seed; give both to replay without the sealed seed.",
)  # fmt: skip
@click.option("--head", metavar="STUDY:SEQ:HASH", help="The last entry, as it is known outside.")
@json_option
def replay(study: str, shares: tuple[str, ...], head: str | None, as_json: bool) -> None:
    """Make every draw of a study again; name the first that differs."""
    known = None if head is None else _head(study, head)
    if len(shares) not in (0, 2):
        raise click.UsageError("give both halves of the seed, --share twice, or none")
    from core.ledger.replay import replay as replay_study

    texts = tuple(read_text(path).strip() for path in shares)
    with open_core() as core:
        try:
            report = replay_study(core, study, head=known, shares=texts or None)
        except ValueError as reason:
            raise Failed("shares", f"The halves of the seed cannot be used: {reason}.") from reason
    first = dataclasses.asdict(report.first_wrong) if report.first_wrong else None
    value = {
        "ok": report.ok,
        "draws": report.draws,
        "first_wrong": first,
        "problems": list(report.problems),
        "head": {"sequence": report.head[0], "hash": report.head[1]} if report.head else None,
    }
    fine = f"{report.draws} draws, each the one that seed or list gives."
    result(as_json, value, *(report.problems or [fine]))
    sys.exit(0 if report.ok else 1)


def _head(study: str, text: str) -> tuple[int, str]:
    """The last entry. Raises click.UsageError for other text, or for another study's."""
    parts = text.rsplit(":", 2)
    if len(parts) != 3 or parts[0] != study or not parts[1].isascii() or not parts[1].isdigit():
        raise click.UsageError(f"--head is written {study}:SEQUENCE:HASH")
    return int(parts[1]), parts[2].lower()
