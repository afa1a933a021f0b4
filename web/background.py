"""Background work: send what waits in the outbox, remind depots of their orders, end the calls that
nobody ended, forget old sessions, seal what was looked at in them, and do the nights that are due.

All may run in any number of workers: rows are claimed, a night has a lease, and ending a call twice
ends it once.
"""

from __future__ import annotations

import threading
import time
from typing import Final

import structlog

from core import calls
from core.access import sessions, views
from core.errors import Unavailable
from core.records import reviews
from core.runtime import Core
from core.supply import night, reminders
from core.unblinding import callers
from ivr import emergency
from ivr.sms_out import IDLE_SECONDS, Courier
from web import anchoring
from web.mail_out import MailCourier

SWEEP_SECONDS: Final = 60.0
MAIL_SECONDS: Final = 5.0
ANCHOR_SECONDS: Final = 60.0
END_SECONDS: Final = 10.0
_log = structlog.get_logger("web.background")


def run(core: Core, stop: threading.Event) -> None:
    """Work until told to stop. A database that can't be reached is waited for."""
    beside = [
        threading.Thread(target=work, args=(core, stop), name=work.__name__, daemon=True)
        for work in (_nights, _mails, _anchors)
    ]
    for each in beside:
        each.start()
    _deliver(core, stop)
    for each in beside:
        each.join(END_SECONDS)  # a night ends between two sites; what does not end loses nothing


def _nights(core: Core, stop: threading.Event) -> None:
    """Apart from the messages: a night of many sites must not keep a code waiting."""
    while not stop.is_set():
        try:
            reviews.remind_due(core)
            night.run_due(core, lambda: not stop.is_set())
        except Unavailable:
            _log.warning("background_database_unavailable")
        except Exception:
            # The worker must outlive it: the lease lapses and the night is tried again.
            _log.exception("night_failed")
        stop.wait(SWEEP_SECONDS)


def _mails(core: Core, stop: threading.Event) -> None:
    """Apart too: a mail server that doesn't answer keeps only mails waiting."""
    courier = MailCourier(core)
    while not stop.is_set():
        try:
            reminders.remind_due(core)
            if courier.deliver_due():
                continue
        except Unavailable:
            _log.warning("background_database_unavailable")
        except Exception:
            _log.exception("mails_failed")
        stop.wait(MAIL_SECONDS)


def _anchors(core: Core, stop: threading.Event) -> None:
    """Apart once more: what is noted outside must not wait for a study whose night fails."""
    while not stop.is_set():
        try:
            anchoring.run_due(core)
        except Unavailable:
            _log.warning("background_database_unavailable")
        except Exception:
            _log.exception("anchoring_failed")
        stop.wait(ANCHOR_SECONDS)


def _deliver(core: Core, stop: threading.Event) -> None:
    courier = Courier(core)
    swept = time.monotonic()
    while not stop.is_set():
        try:
            if time.monotonic() - swept >= SWEEP_SECONDS:
                swept = time.monotonic()
                calls.sweep(core, lambda db, sid: emergency.record_lost(db, core, sid))
                sessions.sweep(core)
                views.sweep(core)
                callers.sweep(core)
            if courier.deliver_due():
                continue
        except Unavailable:
            _log.warning("background_database_unavailable")
        except Exception:
            # The worker must outlive whatever one row does to it; the lease gives it back.
            _log.exception("background_work_failed")
        stop.wait(IDLE_SECONDS)
