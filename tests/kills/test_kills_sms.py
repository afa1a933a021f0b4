"""A worker killed with signal 9 while it sends: no message is doubled, and none is lost unseen.

The provider can't be asked whether it has a message, so one that may have reached it is never
sent again: it is put down as of unknown fate, which a report of the provider settles.
"""

from __future__ import annotations

import dataclasses
import signal
from functools import partial
from pathlib import Path

import pytest

from core import outbox
from core.context import SetClock
from core.outbox import Status
from core.runtime import Core
from ivr.simulator.rest import Provider
from tests.ivr.outbox_fixtures import (
    ADA,
    NOON,
    NUMBERS,
    SETTINGS,
    courier_of,
    later,
    only_row,
    people,
    provider,
    queue_code,
)
from tests.kills.killer import Killer, in_a_child
from tests.support.world_fixtures import copy_sqlite

__all__ = ["provider"]


class Bench:
    """One message that waits, and a worker on it that is killed at a point of its talk with the
    database."""

    def __init__(self, template: Path, folder: Path, provider: Provider) -> None:
        self._template, self._folder, self._provider = template, folder, provider
        self._copies = 0

    def database(self) -> str:
        self._copies += 1
        file = self._folder / f"outbox_{self._copies}.db"
        copy_sqlite(self._template, file)
        url = f"sqlite:///{file}"
        core = self.core(url)
        people(core)
        queue_code(core)
        core.engine.dispose()
        return url

    def core(self, url: str) -> Core:
        core = Core.from_settings(
            dataclasses.replace(
                SETTINGS,
                database_url=url,
                twilio_api_url=self._provider.url,
                public_url=self._provider.url,
            )
        )
        core.clock = SetClock(NOON)
        return core

    def work(self, url: str, at: int | None) -> int:
        """What the child does: the number of points passed."""
        core = self.core(url)
        killer = Killer(core.engine, at)
        courier_of(core).deliver_due()
        return killer.passed


@pytest.fixture
def bench(sqlite_template: Path, tmp_path: Path, provider: Provider) -> Bench:
    return Bench(sqlite_template, tmp_path, provider)


def test_killed_anywhere_a_message_goes_out_once_or_is_known_to_be_uncertain(
    bench: Bench, provider: Provider
) -> None:
    url = bench.database()
    points, died = in_a_child(lambda: bench.work(url, None))
    assert died == 0
    assert len(provider.messages) == 1
    seen = set()
    for point in range(points):
        provider.messages.clear()
        url = bench.database()
        assert in_a_child(partial(bench.work, url, point)) == (
            -1,
            signal.SIGKILL,
        )
        had = len(provider.messages)
        core = bench.core(url)
        later(core, minutes=6)
        while courier_of(core).deliver_due():
            pass
        row, messages = only_row(core), provider.inbox(NUMBERS[ADA])
        core.engine.dispose()
        seen.add((had, len(messages), row["status"]))
        assert len(messages) <= 1, f"doubled after point {point}"
        if not messages:
            assert (row["status"], row["error"]) == (Status.UNKNOWN, "worker_lost"), point
    assert (0, 1, Status.SENT) in seen  # before it was sent: another worker does
    assert (1, 1, Status.UNKNOWN) in seen  # after it was sent, before that was noted
    assert (1, 1, Status.SENT) in seen  # after it was noted


def test_a_report_settles_what_a_killed_worker_left_open(bench: Bench, provider: Provider) -> None:
    url = bench.database()
    points, _ = in_a_child(lambda: bench.work(url, None))
    sent_at = _first_point_after_sending(bench, provider, points)
    provider.messages.clear()
    url = bench.database()
    in_a_child(lambda: bench.work(url, sent_at))
    (message,) = provider.messages
    core = bench.core(url)
    with core.writing() as db:
        assert outbox.reported(db, 1, message.sid, "delivered", core.now(), None)
    later(core, minutes=6)
    assert courier_of(core).deliver_due() == 0
    row = only_row(core)
    core.engine.dispose()
    assert (row["status"], row["provider_sid"]) == (Status.SENT, message.sid)


def _first_point_after_sending(bench: Bench, provider: Provider, points: int) -> int:
    for point in range(points):
        provider.messages.clear()
        url = bench.database()
        in_a_child(partial(bench.work, url, point))
        if provider.messages:
            return point
    raise AssertionError("nothing was sent")
