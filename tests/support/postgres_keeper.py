"""Keeps one PostgreSQL server alive for exactly as long as the process that asked for it.

Run as a program by `postgres.py`, standard library only: makes a cluster in a new folder,
starts it, prints one line of JSON ({"folder": …} or {"failed": …}) and waits. When its standard
input closes or its parent is gone, however that died, it stops the server and removes the folder.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SUPERUSER = "ixrs"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
PARENT_CHECK_SECONDS = 1.0
PR_SET_PDEATHSIG = 1
ALWAYS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "unix_socket_permissions": "0700",
}
# Nothing outlives a test run, so tests needn't wait for the disk; benchmarks must.
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class KeeperError(Exception):
    """The server could not be started; the text says why."""


class Keeper:
    """One cluster in one folder."""

    def __init__(self, binaries: Path, fsync: bool) -> None:
        self.settings = ALWAYS if fsync else ALWAYS | FORGETFUL
        # The path of a UNIX socket may have about 100 characters, and TMPDIR may be longer.
        short = "/tmp" if os.access("/tmp", os.W_OK | os.X_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="ixpg-", dir=short))
        self.binaries = binaries
        self.identity: dict[str, Any] = {}
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the cluster, start the server, return once it takes connections."""
        if os.geteuid() == 0:
            self._become_nobody()
        self._run("initdb", *self._initdb_options())
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(
                [self._program("postgres"), *self._server_options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=bare_environment(),
                preexec_fn=die_with_parent(),
                **self.identity,
            )
        self._wait_until_ready(self.server)

    def stop(self) -> None:
        """Stop the server, quickly rather than politely, and remove everything."""
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(timeout=STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.server.send_signal(signal.SIGQUIT)
                self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def _become_nobody(self) -> None:
        """PostgreSQL refuses to run as root. `nobody` may not be able to read a checkout."""
        nobody = pwd.getpwnam("nobody")
        self.identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        try:
            self._run("postgres", "--version")
        except KeeperError:
            self._copy_for(nobody)
            self._run("postgres", "--version")

    def _copy_for(self, owner: pwd.struct_passwd) -> None:
        """Copy the programs to where their user can read them.

        A wheel's programs look for their libraries in ../../../<package>.libs, as auditwheel
        lays them; so the copy keeps these two folders side by side.
        """
        install = self.binaries.parent
        package = install.parent
        copy = self.folder / "programs"
        shutil.copytree(install, copy / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        self.binaries = copy / package.name / install.name / self.binaries.name

    def _program(self, name: str) -> str:
        return str(self.binaries / name)

    def _initdb_options(self) -> Sequence[str]:
        return (
            f"--pgdata={self.data}",
            f"--username={SUPERUSER}",
            "--auth=trust",  # the socket's folder admits nobody else
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        )

    def _server_options(self) -> Sequence[str]:
        settings = self.settings | {"unix_socket_directories": str(self.folder)}
        return ("-D", str(self.data), *(f"--{name}={value}" for name, value in settings.items()))

    def _run(self, name: str, *options: str) -> None:
        try:
            subprocess.run(
                [self._program(name), *options],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=bare_environment(),
                **self.identity,
            )
        except subprocess.CalledProcessError as failure:
            said = failure.stdout.decode(errors="replace")
            raise KeeperError(f"{name} failed: {said}") from failure
        except OSError as failure:
            raise KeeperError(f"{self._program(name)} could not be started: {failure}") from failure

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        """The last line of postmaster.pid says when; pg_ctl reads it too."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if server.poll() is not None:
                said = self.log.read_text(encoding="utf-8", errors="replace")
                raise KeeperError(f"the server ended at once: {said}")
            try:
                status = (self.data / "postmaster.pid").read_text(encoding="ascii").split()
            except OSError:
                status = []
            if status and status[-1] == "ready":
                return
            time.sleep(0.02)
        raise KeeperError(f"the server wasn't ready after {START_SECONDS_MAX} s")


def bare_environment() -> dict[str, str]:
    """PG… variables of the person who runs the tests must not reach the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def die_with_parent() -> Callable[[], None] | None:
    """Have the kernel stop the server should even the keeper be killed (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)

    return ask_kernel


def wait_for_end(parent: int) -> None:
    """Return when standard input closes, or when the parent has gone.

    Both, because a forked child of the parent may hold the other end of the pipe open.
    """
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], PARENT_CHECK_SECONDS)
        if readable and not os.read(0, 1):
            return


def main(binaries: str, fsync: str) -> int:
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.umask(0o022)
    keeper = Keeper(Path(binaries), fsync == "on")
    try:
        keeper.start()
        print(json.dumps({"folder": str(keeper.folder)}), flush=True)
        wait_for_end(parent)
    except KeeperError as failure:
        print(json.dumps({"failed": str(failure)}), flush=True)
        return 1
    finally:
        keeper.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
