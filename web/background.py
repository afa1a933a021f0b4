"""Background work: send what waits in the outbox, end the calls that nobody ended, forget old
sessions.

All may run in any number of workers: rows are claimed, and ending a call twice ends it once.
"""

from __future__ import annotations

import threading
import time
from typing import Final

import structlog

from core import calls
from core.access import sessions
from core.errors import Unavailable
from core.runtime import Core
from ivr.sms_out import IDLE_SECONDS, Courier

SWEEP_SECONDS: Final = 60.0
_log = structlog.get_logger("web.background")


def run(core: Core, stop: threading.Event) -> None:
    """Work until told to stop. A database that can't be reached is waited for."""
    courier = Courier(core)
    swept = time.monotonic()
    while not stop.is_set():
        try:
            if time.monotonic() - swept >= SWEEP_SECONDS:
                swept = time.monotonic()
                calls.sweep(core)
                sessions.sweep(core)
            if courier.deliver_due():
                continue
        except Unavailable:
            _log.warning("background_database_unavailable")
        except Exception:
            # The worker must outlive whatever one row does to it; the lease gives it back.
            _log.exception("background_work_failed")
        stop.wait(IDLE_SECONDS)
