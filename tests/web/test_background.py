"""Background work: what nobody waits for is done all the same."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest
from sqlalchemy import insert

from core.db.models import call
from tests.support.resupply import MIN_MAX, publish
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
    _work_until(quick_world, "SELECT count(*) FROM call WHERE ended_at IS NOT NULL")
    assert quick_world.one("SELECT status FROM call") == "lost"
    assert quick_world.one("SELECT count(*) FROM ledger WHERE body LIKE '%call_ended%'") == 1


def test_nights_that_are_due_are_done(quick_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "SWEEP_SECONDS", 0.05)
    telephone_settings(quick_world.core, twilio_api_url="http://127.0.0.1:9")
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10))
    _work_until(quick_world, "SELECT count(*) FROM job WHERE study = 'combi'")
    orders = "SELECT count(*) FROM shipment WHERE study = 'combi' AND kind = 'resupply'"
    assert quick_world.one(orders) == 0  # a new study waits for its next night
    quick_world.days_later(1)
    _work_until(
        quick_world,
        "SELECT count(*) FROM ledger WHERE study = 'combi' AND body LIKE '%night_done%'",
    )
    assert quick_world.one(orders) == 2


def _work_until(world: World, found: str) -> None:
    """Let a worker work until this query counts something."""
    stop = threading.Event()
    worker = threading.Thread(target=background.run, args=(world.core, stop))
    worker.start()
    until = time.monotonic() + 20
    while time.monotonic() < until and not world.one(found):
        time.sleep(0.01)
    stop.set()
    worker.join()
