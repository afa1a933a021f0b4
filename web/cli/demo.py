"""`ixrs demo`: everything on this machine, with a history, until Ctrl-C."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from web.demo.running import Running

POLL_SECONDS: Final = 0.3


@click.command("demo")
@click.option("--port", type=click.IntRange(1, 65535), help="8000, or a free one, unless given.")
@click.option("--check", "checking", is_flag=True, help="Try everything once, say so, and stop.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON when it is ready.")
def demo(port: int | None, checking: bool, as_json: bool) -> None:
    """Serve two training studies on a new database on this machine, until Ctrl-C."""
    # SIGTERM unwinds as Ctrl-C does: server, simulator and their threads end in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(_run(port, checking, as_json))
    except KeyboardInterrupt:
        sys.exit(0)


def _run(port: int | None, checking: bool, as_json: bool) -> int:
    # Loaded here: the other commands of `ixrs` need none of it.
    from web.demo.running import DemoFailed, running
    from web.demo.stage import HistoryWrong

    try:
        with running(port, _Progress()) as started:
            if checking:
                return _check(started, as_json)
            return _serve(started, as_json)
    except (DemoFailed, HistoryWrong) as problem:
        click.echo(str(problem), err=True)
        return 1


class _Progress:
    """A bar on a terminal while the history is made; nothing elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            label = "Playing twenty weeks of history"
            self._bar = click.progressbar(length=total, label=label, file=sys.stderr)
        self._bar.update(done - self._done)
        self._done = done
        if done == total:
            self._bar.render_finish()


def _serve(started: Running, as_json: bool) -> int:
    """Say that it is ready, then show messages as they arrive. Returns if the server ends."""
    from web.demo import announce

    if as_json:
        click.echo(json.dumps(announce.as_json(started)))
    else:
        click.echo(announce.as_text(started, announce.write_environment(started)))
    shown = 0
    while started.server.poll() is None:
        messages = started.provider.messages[shown:]
        shown += len(messages)
        for message in messages if not as_json else ():
            click.echo(f"\nSMS to {message.to}: {message.body}")
        time.sleep(POLL_SECONDS)
    click.echo(f"The server has ended; see {started.folder / 'server.log'}.", err=True)
    return 1


def _check(started: Running, as_json: bool) -> int:
    from web.demo.check import CheckFailed, check

    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        if not as_json:
            click.echo(line)

    failed = ""
    try:
        check(started, say)
    except CheckFailed as problem:
        failed = str(problem)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "problem": failed or None, "told": told}))
    elif failed:
        click.echo(f"FAILED: {failed}. The database and log are in {started.folder}.", err=True)
    else:
        click.echo("Everything works.")
    if not failed:
        # Nobody was told where the database is.
        shutil.rmtree(started.folder, ignore_errors=True)
    return 1 if failed else 0
