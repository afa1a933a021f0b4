"""A real browser for tests and benchmarks: Debian's Chromium, driven by Playwright.

Looked for in IXRS_CHROMIUM and on the PATH. Where there is none (or not the library that
Playwright's driver needs), root with apt-get gets both installed; anyone else goes without.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright

PACKAGES = ("chromium", "libatomic1")
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
LIBRARY = "libatomic.so.1"
ARGUMENTS = (
    "--no-sandbox",  # Chromium refuses to start one as root, as in every container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
INSTALL_SECONDS_MAX = 600
LOCK_SECONDS = 120
LINES_SHOWN = 5

Tell = Callable[[str], None]


class BrowserUnavailable(Exception):
    """There is no browser; the text says why and what to do."""


@contextmanager
def running_browser(tell: Tell | None = None) -> Iterator[Browser]:
    """Start Chromium without a window; install it first if need be, telling so.

    Raises BrowserUnavailable.
    """
    program = find_browser() or install_browser(tell or say)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        except Error as failure:
            raise BrowserUnavailable(f"{program} does not start: {failure.message}") from failure
        try:
            yield browser
        finally:
            browser.close()


def find_browser() -> Path | None:
    """The program, if everything that it takes to drive it is here."""
    if not _has_library():
        return None
    told = os.environ.get("IXRS_CHROMIUM")
    if told:
        return Path(told) if os.access(told, os.X_OK) else None
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


def install_browser(tell: Tell) -> Path:
    """Install Chromium with apt-get, and return the program. Raises BrowserUnavailable."""
    told = os.environ.get("IXRS_CHROMIUM")
    if told and not os.access(told, os.X_OK):
        raise BrowserUnavailable(f"IXRS_CHROMIUM says {told}, which is no program.")
    apt = shutil.which("apt-get")
    if apt is None or sys.platform == "win32" or os.geteuid() != 0:
        raise BrowserUnavailable(
            "Chromium was not found: install it (on Debian, as root: apt-get install "
            f"{' '.join(PACKAGES)}), or set IXRS_CHROMIUM to its program."
        )
    tell(f"Installing {' and '.join(PACKAGES)} for the browser tests, once (a minute or two) …")
    started = time.monotonic()
    install = (apt, "install", "--yes", "--no-install-recommends", *PACKAGES)
    said = _run(install)
    if find_browser() is None:
        _run((apt, "update"))  # the lists are missing or too old
        said = _run(install)
    program = find_browser()
    if program is None:
        raise BrowserUnavailable(f"{' '.join(install)} did not bring Chromium:\n{said}")
    tell(f"The browser is there after {time.monotonic() - started:.0f} s.")
    return program


def is_required() -> bool:
    """Whether tests without a browser have to fail instead of being skipped."""
    return os.environ.get("IXRS_REQUIRE_BROWSER", "") not in ("", "0")


def say(sentence: str) -> None:
    """Tell it on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def _has_library() -> bool:
    if sys.platform != "linux":
        return True
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def _run(command: tuple[str, ...]) -> str:
    """Run a command of apt-get's to its end; the last lines of what it said."""
    program, *rest = command
    done = subprocess.run(
        [program, "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}", *rest],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=INSTALL_SECONDS_MAX,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        check=False,
    )
    return "\n".join(done.stdout.splitlines()[-LINES_SHOWN:])
