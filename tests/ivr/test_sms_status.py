"""What the provider reports of a message: any order ends in the same state."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections import deque
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from core import outbox
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
    NUMBERS,
    TOKEN,
    core,
    courier_of,
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
