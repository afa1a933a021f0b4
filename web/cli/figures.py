"""`ixrs supply figures`: demand, stock and the resupply rule in numbers, of a file alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from web.cli.base import json_option, read_text, tell

if TYPE_CHECKING:
    from core.supply.resupply.rule import Decision


@click.command()
@click.argument("file", metavar="FILE.json")
@json_option
def figures(file: str, as_json: bool) -> None:
    """Print how many subjects and kits to expect, and what a resupply rule would send."""
    from core.supply.demand.casefile import load
    from core.supply.demand.figures import answers, decision_of

    asked = load(read_text(file))
    found = answers(asked)
    if asked.resupply is not None:
        found["resupply"] |= _explained(decision_of(asked.resupply))
    # JSON in either case: on one line for programs, indented for people.
    click.echo(json.dumps(found, ensure_ascii=False, indent=None if as_json else 2))


def _explained(decision: Decision) -> dict[str, Any]:
    """Why, for the supply manager by type and for the site."""
    from core.supply.resupply.why import for_site, for_supply

    lines = {code: tell(message) for code, message in for_supply(decision)}
    return {"why": lines, "why_at_site": tell(for_site(decision))}
