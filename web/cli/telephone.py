"""`ixrs call`, `sms` and `callsheet`: the telephone from the terminal, and what to key there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.cli.base import Failed, json_option, open_core, read_settings, result, study_option

if TYPE_CHECKING:
    from core.settings import Settings
    from ivr.callsheet import Entry

CALLER = "+12025550142"
ANY_LINE = "+12025550100"


@click.command()
@click.option("--line", type=click.Choice(["main", "unblinding"]), default="main", help="Line.")
@click.option("--keys", help='Keys to press, spaces are pauses; "-" reads them from stdin.')
@click.option("--from", "from_", default=CALLER, show_default=True, help="The caller's number.")
@click.option("--to", help="The number dialled; otherwise the first one published.")
@click.option("--url", help="Where the server listens, if not at IXRS_PUBLIC_URL.")
@click.option(
    "--recordings",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    help="Folder that gets what was played, as .wav files: a treatment, perhaps.",
)
@json_option
def call(
    line: str,
    keys: str | None,
    from_: str,
    to: str | None,
    url: str | None,
    recordings: Path | None,
    as_json: bool,
) -> None:
    """Call the running server and hold the call by keyboard, or with --keys."""
    from ivr.simulator.phone import CallFailed, Phone
    from ivr.simulator.terminal import HELP, talk

    settings = read_settings(serving=True)
    read_line = _reader(settings, keys)
    said: list[str] = []
    if keys is None and not as_json:
        click.echo(HELP, err=True)
    with Phone(
        url or settings.public_url,
        settings.twilio_account_sid,
        settings.twilio_auth_token,
        from_,
        to or _number_of(settings, line),
        public_url=settings.public_url,
    ) as phone:
        try:
            talk(phone, line, read_line, said.append if as_json else click.echo)
        except CallFailed as failed:
            raise Failed("call_failed", f"The call failed: {failed}.") from failed
        if recordings is not None:
            _keep(recordings, phone.recordings)
    result(as_json, {"call_sid": phone.call_sid, "said": said})


def _keep(folder: Path, recordings: list[bytes]) -> None:
    """Write what was played where nobody else can read it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place, sound in enumerate(recordings, start=1):
        file = folder / f"recording-{place}.wav"
        file.touch(mode=0o600)
        file.write_bytes(sound)


def _reader(settings: Settings, keys: str | None) -> Callable[[], str | None]:
    if keys is None or keys == "-":
        return _line_of_stdin
    if not settings.is_simulated:
        raise click.UsageError(
            "keys hold a PIN and aren't typed as an argument here: give --keys - and standard input"
        )
    left = [keys]
    return lambda: left.pop() if left else None


def _line_of_stdin() -> str | None:
    if sys.stdin.isatty():
        click.echo("> ", nl=False, err=True)
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def _number_of(settings: Settings, line: str) -> str:
    """The first published number of the line."""
    from sqlalchemy import select

    from core.db.models import telephone
    from core.runtime import Core

    core = Core.from_settings(settings)
    try:
        with core.reading() as db:
            query = select(telephone.c.number).where(telephone.c.line == line)
            return db.scalar(query.order_by(telephone.c.study, telephone.c.number)) or ANY_LINE
    finally:
        core.engine.dispose()


@click.command()
@click.option("--from", "from_", required=True, metavar="NUMBER", help="The sender's number.")
@click.option("--to", help="The number texted; otherwise the first one published.")
@click.option("--url", help="Where the server listens, if not at IXRS_PUBLIC_URL.")
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@json_option
def sms(from_: str, to: str | None, url: str | None, words: tuple[str, ...], as_json: bool) -> None:
    """Text the running server from a mobile, and print what it replies."""
    from ivr.simulator.texting import Text, TextFailed, send
    from ivr.simulator.webhook import Sender

    settings = read_settings(serving=True)
    message = Text(from_, to or _number_of(settings, "main"), " ".join(words))
    sender = Sender(
        url or settings.public_url, settings.twilio_auth_token, public_url=settings.public_url
    )
    try:
        reply = send(sender, settings.twilio_account_sid, message)
    except TextFailed as failed:
        raise Failed("sms_failed", f"The SMS failed: {failed}.") from failed
    finally:
        sender.close()
    told = {"message_sid": message.sid, "reply": reply or None}
    result(as_json, told, reply or "(nothing is replied)")


@click.command()
@click.argument("transaction")
@study_option
@click.option("--user", required=True, metavar="ID", help="User ID of the caller.")
@click.option("--site", metavar="NO", help="Site number; otherwise the caller's first.")
@click.option("--language", metavar="L", help="Language code; otherwise the caller's own.")
@json_option
def callsheet(
    transaction: str, study: str, user: str, site: str | None, language: str | None, as_json: bool
) -> None:
    """Print the caller's worksheet: every entry of the call, with keys that would be accepted."""
    from ivr.callsheet import call_sheet
    from prompts import catalogue

    with open_core() as core:
        entries = call_sheet(
            core,
            catalogue(),
            transaction,
            study=study,
            user_id=user,
            site=site,
            language=language,
        )
    if as_json:
        click.echo(json.dumps([entry.to_json() for entry in entries], ensure_ascii=False))
    else:
        for place, entry in enumerate(entries, start=1):
            click.echo(_row(place, entry))


def _row(place: int, entry: Entry) -> str:
    """One entry for print: what is asked, how to key it, room to write."""
    ends = "" if entry.fixed else " #"
    example = f"for example {entry.example}{ends}" if entry.example is not None else "secret"
    choices = "".join(f"\n      {key}  {label}" for key, _, label in entry.choices)
    return f"{place:2}. {entry.words or entry.ask}{choices}\n      ________{ends}   ({example})"
