"""`ixrs randomization …`: what a method does, before, during and after a study."""

from __future__ import annotations

import click

from web.cli import designs


@click.group()
def randomization() -> None:
    """Probabilities, characteristics, proof and tests of a randomization."""


for command in designs.COMMANDS:
    randomization.add_command(command)
