"""`ixrs supply …`: drug supply, for who works at a terminal."""

from __future__ import annotations

import click

from web.cli.accountability import accountability
from web.cli.figures import figures
from web.cli.lots import packaging_list, trace
from web.cli.orders import order
from web.cli.resupply import run, warnings, why


@click.group()
def supply() -> None:
    """Figures of demand, accountability of drug, and what keeps sites in stock."""


for command in (accountability, figures, order, packaging_list, run, trace, warnings, why):
    supply.add_command(command)
