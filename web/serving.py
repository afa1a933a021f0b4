"""Runs the application: gunicorn, or waitress where there is no fork, and the outbox beside it."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from core.runtime import Core
from core.settings import Settings
from web import health

if TYPE_CHECKING:
    from flask import Flask

THREADS: Final = 8
WORKERS_POSTGRESQL: Final = 2
GRACE_SECONDS: Final = 10
TIMEOUT_SECONDS: Final = 30
Load = Callable[[], "Flask"]
Extend = Callable[["Flask", Core], None]
"""Adds to an application before it serves."""


class CannotServe(Exception):
    """Why the server doesn't start, in sentences."""


def serve(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int | None = None,
    on_ready: Callable[[], None] | None = None,
    extend: Extend | None = None,
) -> None:
    """Serve until told to stop (SIGTERM, Ctrl-C). `on_ready` is called once it listens; `extend`
    may add to the application in each worker process.

    SQLite has one writer, so there it is one process with threads. Raises CannotServe.
    """
    if settings.is_sqlite and workers not in (None, 1):
        raise CannotServe("SQLite is served by one process: leave out --workers, or use PostgreSQL")
    check(settings)
    _check_free(host, port)
    load = partial(_load, settings, extend)
    count = workers or (1 if settings.is_sqlite else WORKERS_POSTGRESQL)
    if sys.platform == "win32":
        _serve_with_waitress(load, host, port, on_ready)
    else:
        with _shared_metrics(count):
            _serve_with_gunicorn(load, host, port, count, on_ready)


def check(settings: Settings) -> None:
    """Refuse to start on a database that isn't ready. Raises CannotServe."""
    core = Core.from_settings(settings)
    try:
        found = health.problems(core)
    finally:
        core.engine.dispose()
    if found:
        raise CannotServe("\n".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in found))


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotServe(
                f"Cannot listen on {host} port {port} ({error.strerror}): choose another --port."
            ) from None


@contextlib.contextmanager
def _shared_metrics(workers: int) -> Any:
    """Where several processes count their metrics together; read when their library is imported."""
    if workers == 1:
        yield
        return
    folder = tempfile.mkdtemp(prefix="ixrs-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve_with_gunicorn(
    load: Load, host: str, port: int, workers: int, on_ready: Callable[[], None] | None
) -> None:
    from web.gunicorn_server import Server

    options = gunicorn_options(host, port, workers)
    if on_ready is not None:
        options["when_ready"] = lambda arbiter: on_ready()
    Server(load, options).run()


def gunicorn_options(host: str, port: int, workers: int) -> dict[str, Any]:
    """How gunicorn runs here: so many processes, each with `THREADS` threads."""
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options: dict[str, Any] = {
        "bind": bind,
        "workers": workers,
        "worker_class": "gthread",
        "threads": THREADS,
        "graceful_timeout": GRACE_SECONDS,
        "timeout": TIMEOUT_SECONDS,
        "keepalive": 75,
        "control_socket_disable": True,
        "logger_class": "web.gunicorn_server.Log",
    }
    if os.access("/dev/shm", os.W_OK):  # noqa: S108 - the heartbeat shouldn't wait for a disk
        options["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
    return options


def _load(settings: Settings, extend: Extend | None) -> Flask:
    """Made in each worker process, after the fork: connections and threads don't survive one."""
    from web.app import create_app, start_background

    gc.freeze()  # what was imported stays: the collector needn't look through it again and again
    core = Core.from_settings(settings, threads=THREADS)
    start_background(core)
    app = create_app(core)
    if extend is not None:
        extend(app, core)
    return app


def _serve_with_waitress(
    load: Load, host: str, port: int, on_ready: Callable[[], None] | None
) -> None:
    import waitress  # type: ignore[import-untyped]

    server = waitress.create_server(load(), host=host, port=port, threads=THREADS)
    if on_ready is not None:
        on_ready()
    server.run()
