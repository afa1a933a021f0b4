"""Gunicorn, run from inside: no command line, no configuration file, our own logs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]


class Server(BaseApplication):  # type: ignore[misc]
    """Runs the application that `make` gives, made anew in each worker process."""

    def __init__(self, make: Callable[[], Flask], options: Mapping[str, Any]) -> None:
        self._make = make
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Take over the options; those that this gunicorn doesn't know are left out."""
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            self.cfg.set("child_exit", _forget_worker)

    def load(self) -> Flask:
        """The application."""
        return self._make()


class Log(Logger):  # type: ignore[misc]
    """Leaves handlers and format to our own logs."""

    def setup(self, cfg: Any) -> None:
        """Only the level: a start is worth a line, a worker's every step isn't."""
        self.error_log.setLevel(logging.INFO)


def _forget_worker(server: object, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
