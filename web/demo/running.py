"""A demo that runs: a new database with its history, the provider simulator, the server."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ivr.simulator.phone import Phone
from ivr.simulator.rest import Provider
from web.demo.directory import directory_of
from web.demo.history import Demo, Tell, build, environment, new_settings
from web.demo.server import HOST, READY

if sys.platform != "win32":
    import fcntl

PORT: Final = 8000
READY_SECONDS_MAX: Final = 30
STOP_SECONDS_MAX: Final = 15
LOG_LINES_SHOWN: Final = 10
LOG: Final = "server.log"


class DemoFailed(Exception):
    """Why the demo doesn't start, in sentences."""


@dataclass(frozen=True)
class Running:
    """A served demo. `demo.settings` are complete; `folder` holds the database and the log."""

    demo: Demo
    folder: Path
    provider: Provider
    server: subprocess.Popen[str]

    @property
    def url(self) -> str:
        """Where the server answers."""
        return self.demo.settings.public_url

    def phone(self, study: str, from_: str, *, line: str = "main") -> Phone:
        """A telephone at `from_` (E.164), about to dial a line of the study."""
        found = self.demo.study(study)
        to = found.telephone if line == "main" else found.emergency_telephone
        settings = self.demo.settings
        return Phone(self.url, settings.twilio_account_sid, settings.twilio_auth_token, from_, to)


@contextlib.contextmanager
def running(
    port: int | None = None, tell: Tell | None = None, demo: Demo | None = None
) -> Iterator[Running]:
    """Set up a demo (or serve this one, built before) on this machine only; stop it in the end.

    `port` None: 8000, or a free one if that is taken. The database stays. Raises DemoFailed.
    """
    if port is not None and not is_free(port):
        raise DemoFailed(f"Port {port} is taken: choose another --port, or leave it out.")
    folder = Path(tempfile.mkdtemp(prefix="ixrs-demo-"))
    with _server(folder / LOG) as server:
        demo = demo or build(new_settings(f"sqlite:///{folder / 'demo.db'}"), tell=tell)
        settings = demo.settings
        with Provider(settings.twilio_account_sid, settings.twilio_auth_token) as provider:
            with _one_at_a_time():
                url = f"http://{HOST}:{port or choose_port()}"
                settings = replace(settings, public_url=url, twilio_api_url=provider.url)
                started = Running(replace(demo, settings=settings), folder, provider, server)
                _start(started)
            yield started
            _stop(server)  # before the provider, so that what is being sent arrives


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose_port() -> int:
    """8000, or one that is free."""
    if is_free(PORT):
        return PORT
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """From the choice of a port until it is taken, other demos of this user wait."""
    if sys.platform == "win32":
        yield
        return
    with (Path(tempfile.gettempdir()) / f"ixrs-demo-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _server(log: Path) -> Iterator[subprocess.Popen[str]]:
    """The server's process, which loads already; it is told what to serve by `_start`."""
    with log.open("w", encoding="utf-8") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "web.demo.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # Ctrl-C at the terminal is the demo's to deal with
        )
    try:
        yield server
    finally:
        _stop(server)


def _start(started: Running) -> None:
    server, settings = started.server, started.demo.settings
    told = {
        "environment": environment(settings),
        "port": urlsplit(started.url).port,
        "directory": directory_of(started.demo).to_json(),
    }
    if server.stdin is None or server.stdout is None:
        raise DemoFailed("The server has no way to be told what to serve.")
    with contextlib.suppress(OSError):  # it died: its log says why
        server.stdin.write(json.dumps(told) + "\n")
        server.stdin.flush()
    if server.stdout.readline().strip() != READY:
        raise DemoFailed(f"The server did not start:\n{_tail(started.folder / LOG)}")
    deadline = time.monotonic() + READY_SECONDS_MAX
    while get(started.url, "/readyz")[0] != 200:
        if time.monotonic() > deadline or server.poll() is not None:
            raise DemoFailed(f"The server does not answer:\n{_tail(started.folder / LOG)}")
        time.sleep(0.02)


def get(url: str, path: str) -> tuple[int, str]:
    """GET a page of the demo: status and text; status 0 if nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def _stop(server: subprocess.Popen[str]) -> None:
    """Closing its standard input ends it; one that hangs is killed."""
    if server.stdin is not None:
        with contextlib.suppress(OSError):
            server.stdin.close()
    try:
        server.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stdout is not None:
        server.stdout.close()


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES_SHOWN:])
