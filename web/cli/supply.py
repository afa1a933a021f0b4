"""`ixrs supply …`: drug supply, for who works at a terminal."""

from __future__ import annotations

import click

from web.cli.accountability import accountability


@click.group()
def supply() -> None:
    """Accountability of drug, and what keeps sites in stock."""


for command in (accountability,):
    supply.add_command(command)
