"""What the provider reports of a message: any order ends in the same state."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import threading
from collections import deque
from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.serving import make_server

from core import outbox
from core.context import SetClock
from core.db.faces import sms_event
from core.db.models import outbox as table
from core.outbox import Status
from core.runtime import Core
from ivr import sms_status
from ivr.simulator.rest import Provider, Result
from ivr.simulator.webhook import Sender, Webhook
from ivr.sms_out import Provider as Client
from ivr.sms_out import Text
from tests.ivr.outbox_fixtures import (
    ADA,
    LINE,
    NOON,
    NUMBERS,
    TOKEN,
    core,
    courier_of,
    later,
    only_row,
    provider,
    queue_code,
)

__all__ = ["core", "provider"]


@pytest.mark.parametrize(
    "order", list(itertools.permutations(("sent", "delivered", "undelivered")))
)
def test_callbacks_in_any_order_end_in_the_same_rank(order: tuple[str, ...]) -> None:
    rank = 0
    for status in (*order, order[0], "accepted", "something_new"):
        rank = outbox.raised(rank, status)
    assert rank == outbox.RANKS["delivered"]


def _state(core: Core) -> tuple[object, ...]:
    row = only_row(core)
    return row["status"], row["rank"], row["provider_sid"], row["secret"], row["error"]


_REPORTS = st.lists(st.sampled_from(sorted(outbox.RANKS)), min_size=1, max_size=6)
_SID = "SM" + "1" * 32


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data(), _REPORTS, st.sampled_from(["taken", "lost", "killed"]))
def test_any_order_of_reports_and_of_our_own_work_ends_in_the_same_state(
    core: Core, data: st.DataObject, reports: list[str], own: str
) -> None:
    """The answer of the provider, or its loss, comes before, among or after its reports."""
    twice = data.draw(st.lists(st.sampled_from(reports), max_size=3))
    order = data.draw(st.permutations([*reports, *twice, own]))
    ends = [_played(core, sequence) for sequence in ([own, *reports], order)]
    assert ends[0] == ends[1]
    rank = max(outbox.RANKS[report] for report in reports)
    assert ends[0] == (Status.SENT, rank, _SID, None, None)


def _played(core: Core, sequence: list[str]) -> tuple[object, ...]:
    """A message being sent, then these events; its state in the end."""
    assert isinstance(core.clock, SetClock)
    core.clock.at = NOON
    with core.writing() as db:
        db.execute(sms_event.delete())
        db.execute(table.delete())
    queue_code(core)
    with core.writing() as db:
        (row,) = outbox.claim(db, core.now(), dt.timedelta(minutes=5))
        assert outbox.begin_sending(db, row)
    for event in sequence:
        with core.writing() as db:
            if event == "taken":
                outbox.mark_sent(db, row, _SID)
            elif event == "lost":
                outbox.mark_unknown(db, row, "ReadTimeout")
            elif event == "killed":
                later(core, minutes=6)
                outbox.claim(db, core.now(), dt.timedelta(minutes=5))
            else:
                assert outbox.reported(db, row.id, _SID, event, core.now(), None)
    with core.reading() as db:
        kept = list(db.scalars(select(sms_event.c.status).order_by(sms_event.c.id)))
    assert kept == [event for event in sequence if event in outbox.RANKS]
    return _state(core)


def test_a_message_that_was_never_sent_takes_no_report(core: Core) -> None:
    queue_code(core)
    with core.writing() as db:
        assert not outbox.reported(db, 1, _SID, "delivered", core.now(), None)
    assert only_row(core)["status"] == Status.QUEUED


@pytest.fixture
def server(core: Core) -> Iterator[str]:
    """The status endpoint on a real server, which the core takes for its public URL."""
    app = Flask(__name__)
    app.register_blueprint(sms_status.blueprint(core))
    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{running.server_port}"
    core.settings = dataclasses.replace(core.settings, public_url=url)
    yield url
    running.shutdown()
    thread.join()
    running.server_close()


def test_the_providers_callbacks_raise_the_rank(
    core: Core, provider: Provider, server: str
) -> None:
    queue_code(core)
    courier_of(core).deliver_due()
    (message,) = provider.messages
    for status in ("delivered", "sent", "queued", "delivered"):
        assert provider.report(message, status) == 204
        assert only_row(core)["rank"] == outbox.RANKS["delivered"]


def test_a_callback_tells_the_fate_of_a_lost_answer(
    core: Core, provider: Provider, server: str
) -> None:
    provider.results = deque([Result.ANSWER_LOST])
    queue_code(core)
    courier_of(core).deliver_due()
    assert only_row(core)["status"] == Status.UNKNOWN
    (message,) = provider.messages
    provider.report(message, "delivered")
    assert only_row(core)["status"] == Status.SENT
    assert only_row(core)["provider_sid"] == message.sid


def test_an_unsigned_callback_changes_nothing(core: Core, provider: Provider, server: str) -> None:
    queue_code(core)
    courier_of(core).deliver_due()
    sender = Sender(server, TOKEN)
    pairs = (("MessageSid", provider.messages[0].sid), ("MessageStatus", "delivered"))
    for signature in ("", "forged"):
        webhook = Webhook("/ivr/sms/status/1", pairs)
        assert sender.post(webhook, signature=signature).status == 403
    sender.close()
    assert only_row(core)["rank"] == 0


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        (("MessageSid", "SM1"), ("MessageStatus", "delivered")),
        (("MessageSid", "SM" + "b" * 32), ("MessageStatus", "delivered")),
        (("MessageSid", "SM" + "b" * 32), ("MessageStatus", "'; drop")),
    ],
)
def test_a_callback_that_does_not_fit_changes_nothing(
    core: Core, provider: Provider, server: str, pairs: tuple[tuple[str, str], ...]
) -> None:
    queue_code(core)
    courier_of(core).deliver_due()
    sender = Sender(server, TOKEN)
    for path in ("/ivr/sms/status/1", "/ivr/sms/status/77", f"/ivr/sms/status/{2**70}"):
        assert sender.post(Webhook(path, pairs)).status == 204
    sender.close()
    assert only_row(core)["rank"] == 0
    assert only_row(core)["provider_sid"] == provider.messages[0].sid


def test_a_text_is_sent_once_even_while_the_provider_reports_at_once(
    core: Core, provider: Provider, server: str
) -> None:
    provider.statuses = ("queued", "sent", "delivered")
    sent = Client(core).send(Text(1, NUMBERS[ADA], LINE, "Hello"))
    assert provider.wait_for(NUMBERS[ADA])[0].body == "Hello"
    assert getattr(sent, "sid", None) == provider.messages[0].sid
