"""`ixrs show` and `ixrs verify`: the record, as a person may see it, and the proof of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import sys
from typing import Any

import click

from web.cli.base import (
    json_option,
    open_core,
    read_secret,
    reader_options,
    result,
    sign_in,
    study_option,
)

SHOWN = ("subject", "kit", "shipment", "site", "study")


@click.command()
@click.argument("what", type=click.Choice(SHOWN))
@click.argument("number")
@study_option
@reader_options
@json_option
def show(what: str, number: str, study: str, user: str, secret_stdin: bool, as_json: bool) -> None:
    """Show what a person may see of a subject, kit, shipment, site, or study (by its code)."""
    from core.reading import Reader

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        with core.reading() as db:
            shown = Reader(core, db, actor, study).show(what, number)
    value = json.loads(json.dumps(shown, default=_plain))
    result(as_json, value, *_lines(value))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _lines(value: Any, indent: str = "") -> list[str]:
    """The value for people: a name and what it is on each line, lists and parts indented."""
    lines: list[str] = []
    for name, item in value.items():
        if isinstance(item, dict):
            lines += [f"{indent}{name}:", *_lines(item, f"{indent}  ")]
        elif isinstance(item, list):
            lines.append(f"{indent}{name}: {'' if item else '-'}".rstrip())
            for part in item:
                inner = _lines(part, "") if isinstance(part, dict) else [str(part)]
                lines.append(f"{indent}  - {', '.join(inner)}")
        else:
            lines.append(f"{indent}{name}: {'-' if item is None else item}")
    return lines


Noted = tuple[str, tuple[int, str]]


class _Head(click.ParamType[Noted]):
    """STUDY:SEQUENCE:HASH, as `ixrs verify --json` prints it."""

    name = "head"

    def convert(self, value: Any, param: Any, ctx: Any) -> Noted:
        code, _, rest = str(value).partition(":")
        sequence, _, mark = rest.partition(":")
        is_number = sequence.isascii() and sequence.isdigit() and len(sequence) < 10
        if not code or not is_number or not re.fullmatch("[0-9a-f]{64}", mark):
            self.fail(f"{value!r} is not STUDY:SEQUENCE:HASH", param, ctx)
        return code, (int(sequence), mark)


head_option = click.option(
    "--head",
    type=_Head(),
    multiple=True,
    metavar="STUDY:SEQUENCE:HASH",
    help="An entry noted outside, which the chain must still contain; several are allowed.",
)


@click.command()
@click.option("--study", metavar="CODE", help="Only this study.")
@head_option
@json_option
def verify(study: str | None, head: tuple[Noted, ...], as_json: bool) -> None:
    """Recompute chains, signatures and randomization; works on damaged databases too."""
    from core.ledger.verify import verify as verify_ledger

    with open_core() as core:
        report = verify_ledger(core, study, dict(head))
    first = dataclasses.asdict(report.first_wrong) if report.first_wrong else None
    value = {
        "ok": report.ok,
        "first_wrong": first,
        "problems": report.problems,
        "entries": report.entries,
        "heads": [f"{code}:{last}:{mark}" for code, (last, mark) in report.heads.items()],
    }
    fine = f"{report.entries} entries, each as it was written."
    result(as_json, value, *(report.problems or [fine]))
    sys.exit(0 if report.ok else 1)
