"""Puts the browser telephone on the application of a demo."""

from __future__ import annotations

import threading
from functools import partial
from typing import Final

from flask import Flask

from core.runtime import Core
from web.simulator.directory import Directory
from web.simulator.handset import Handsets
from web.simulator.pages import blueprint, count_records

SWEEP_SECONDS: Final = 15.0
MOUNTED: Final = "SIMULATOR"
"""The setting of the application that tells its pages that there is a telephone to link to."""


def mount(app: Flask, core: Core, directory: Directory) -> Handsets:
    """Serve /simulator, to this machine only. Raises ValueError unless all is simulated."""
    if not core.settings.is_simulated:
        raise ValueError("the browser telephone is for a simulated provider only")
    handsets = Handsets(core.settings, partial(count_records, core))
    app.register_blueprint(blueprint(core, directory, handsets))
    app.config[MOUNTED] = True
    return handsets


def start_sweeping(handsets: Handsets) -> threading.Event:
    """Hang up forgotten calls from now on; set the event to end it."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(SWEEP_SECONDS):
            handsets.sweep()

    threading.Thread(target=run, name="simulator", daemon=True).start()
    return stop
