"""`ixrs show`, `ixrs verify`, `ixrs anchor`: the record, as a person may see it, and its proof."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from core.ledger.anchors import Noted

SHOWN = ("subject", "kit", "shipment", "site", "study")


@click.command()
@click.argument("what", type=click.Choice(SHOWN))
@click.argument("number")
@study_option
@reader_options
@json_option
def show(what: str, number: str, study: str, user: str, secret_stdin: bool, as_json: bool) -> None:
    """Show what a person may see of a subject, kit, shipment, site, or study (by its code)."""
    from core.access.views import OF_CHARACTERS_MAX, Seen, note
    from core.reading import Reader
    from core.transaction import Channel

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        with core.reading() as db:
            shown = Reader(core, db, actor, study).show(what, number)
        subject = number if what == "subject" else shown.get("subject")
        seen = Seen(what, number[:OF_CHARACTERS_MAX], subject)
        note(core, f"command {actor.user_id}", actor.user_id, Channel.COMMAND.value, study, seen)
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


class Head(click.ParamType[Any]):
    """STUDY:SEQUENCE:HASH, as `ixrs verify --json` and `ixrs anchor` print it."""

    name = "head"

    def convert(self, value: Any, param: Any, ctx: Any) -> Noted:
        """The head that is meant."""
        from core.ledger.anchors import parse_head

        try:
            return parse_head(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


head_option = click.option(
    "--head",
    type=Head(),
    multiple=True,
    metavar="STUDY:SEQUENCE:HASH",
    help="An entry noted outside, which the chain must still contain; several are allowed.",
)
anchors_option = click.option(
    "--anchors",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="A file of such heads, in place of that of IXRS_ANCHOR_FILE.",
)


@click.command()
@click.option("--study", metavar="CODE", help="Only this study.")
@head_option
@anchors_option
@json_option
def verify(
    study: str | None, head: tuple[Noted, ...], anchors: tuple[str, ...], as_json: bool
) -> None:
    """Recompute chains, signatures and randomization; works on damaged databases too."""
    from core.ledger.anchors import configured_file, read_file
    from core.ledger.verify import verify as verify_ledger

    with open_core() as core:
        places = anchors or configured_file(core)
        report = verify_ledger(core, study, head, [read_file(place) for place in places])
    first = dataclasses.asdict(report.first_wrong) if report.first_wrong else None
    value = {
        "ok": report.ok,
        "first_wrong": first,
        "problems": report.problems,
        "entries": report.entries,
        "noted": report.noted,
        "heads": [f"{code}:{last}:{mark}" for code, (last, mark) in report.heads.items()],
    }
    fine = f"{report.entries} entries, each as it was written; {report.noted} heads noted outside."
    result(as_json, value, *(report.problems or [fine]))
    sys.exit(0 if report.ok else 1)


@click.command()
@json_option
def anchor(as_json: bool) -> None:
    """Note the heads of all chains outside, now: as every night, wherever the settings say."""
    from web.anchoring import note_now

    with open_core() as core:
        done = note_now(core)
        settings = core.settings
    heads = [line for line in done.anchor.text.splitlines() if not line.startswith("#")]
    value = {
        "at": done.anchor.at.isoformat(),
        "heads": heads,
        "file": settings.anchor_file if done.filed else None,
        "mail": settings.anchor_mail if done.mailed else None,
        "stamped": done.stamped,
        "problems": done.problems,
    }
    places = [f"Written to {settings.anchor_file}."] if done.filed else []
    places += [f"Sent to {settings.anchor_mail}."] if done.mailed else []
    places += ["Stamped with the time."] if done.stamped else []
    nowhere = "Keep these lines outside: the settings name no place for them."
    result(as_json, value, *heads, *(places or [nowhere]), *done.problems)
    sys.exit(1 if done.problems else 0)
