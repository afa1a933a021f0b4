"""The demo's server process: `python -m web.demo.server`.

It loads while the history is made, reads one line of JSON from standard input (`environment`,
`port` and the `directory` of the browser telephone), serves on this machine only, says "ready", and
stops when standard input closes: a demo that was killed leaves no server behind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from functools import partial
from typing import Final

from flask import Flask

from core.runtime import Core
from core.settings import Settings
from web import (
    app,  # noqa: F401 - loaded now, while the history is still being made
    logs,
)
from web.serving import CannotServe, serve
from web.simulator.directory import Directory
from web.simulator.mount import mount, start_sweeping

HOST: Final = "127.0.0.1"
READY: Final = "ready"


def main() -> int:
    """Serve until standard input closes. Returns the exit code."""
    line = sys.stdin.readline()
    if not line:
        return 0
    told = json.loads(line)
    logs.configure()
    settings = Settings.from_environment(told["environment"], serving=True)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    extend = partial(_add_telephone, Directory.from_json(told["directory"]))
    try:
        serve(settings, host=HOST, port=int(told["port"]), on_ready=_ready, extend=extend)
    except CannotServe as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _add_telephone(directory: Directory, pages: Flask, core: Core) -> None:
    start_sweeping(mount(pages, core, directory))


def _ready() -> None:
    print(READY, flush=True)


def _stop_with_parent() -> None:
    # Read past Python's buffers: their locks would be held where the server forks its worker.
    while os.read(sys.stdin.fileno(), 1):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
