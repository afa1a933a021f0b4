"""Background work: what nobody waits for is done all the same."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest
from sqlalchemy import insert

from core.db.models import call
from tests.support.telephone import telephone_settings
from tests.support.world import World
from web import background


def test_calls_that_nobody_ended_are_ended(
    quick_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SWEEP_SECONDS", 0.0)
    core = quick_world.core
    telephone_settings(core, twilio_api_url="http://127.0.0.1:9")
    with core.writing() as db:
        started = core.now() - dt.timedelta(days=1)
        db.execute(insert(call), {"sid": "CA" + "0" * 32, "line": "main", "started_at": started})
    stop = threading.Event()
    worker = threading.Thread(target=background.run, args=(core, stop))
    worker.start()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if quick_world.one("SELECT ended_at FROM call"):
            break
        time.sleep(0.01)
    stop.set()
    worker.join()
    assert quick_world.one("SELECT status FROM call") == "lost"
    assert quick_world.one("SELECT count(*) FROM ledger WHERE body LIKE '%call_ended%'") == 1
