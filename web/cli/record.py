"""`ixrs verify`: the proof that the record is what was written."""

from __future__ import annotations

import dataclasses
import sys

import click

from web.cli.base import json_option, open_core, result


@click.command()
@click.option("--study", metavar="CODE", help="Only this study.")
@json_option
def verify(study: str | None, as_json: bool) -> None:
    """Recompute chains, signatures and randomization; works on damaged databases too."""
    from core.ledger.verify import verify as verify_ledger

    with open_core() as core:
        report = verify_ledger(core, study)
    first = dataclasses.asdict(report.first_wrong) if report.first_wrong else None
    value = {
        "ok": report.ok,
        "first_wrong": first,
        "problems": report.problems,
        "entries": report.entries,
    }
    fine = f"{report.entries} entries, each as it was written."
    result(as_json, value, *(report.problems or [fine]))
    sys.exit(0 if report.ok else 1)
