"""`ixrs serve` and `ixrs worker`."""

from __future__ import annotations

import signal
import threading

import click

from web.cli.base import Failed, read_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", type=click.IntRange(1), help="Processes; with SQLite only one.")
def serve(host: str, port: int, workers: int | None) -> None:
    """Serve web pages and telephone, and send what waits to be sent."""
    settings = read_settings(serving=True)
    from web import logs, serving

    logs.configure()
    try:
        serving.serve(settings, host=host, port=port, workers=workers)
    except serving.CannotServe as why:
        raise Failed("cannot_serve", str(why)) from why


@click.command()
def worker() -> None:
    """Do background work in a process of its own: send what waits, do the nights that are due."""
    settings = read_settings(serving=True)
    from core.runtime import Core
    from web import logs, serving
    from web.background import run

    logs.configure()
    try:
        serving.check(settings)
    except serving.CannotServe as why:
        raise Failed("cannot_serve", str(why)) from why
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    core = Core.from_settings(settings)
    try:
        run(core, stop)
    finally:
        core.engine.dispose()
