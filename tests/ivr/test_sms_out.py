"""Sending SMS: for every answer of the provider, at most one message goes out, none is lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select
from werkzeug.serving import make_server

from core import outbox
from core.access.contacts import mobile_token, seal_mobile
from core.context import SetClock
from core.db.models import grant, person, telephone
from core.db.models import outbox as table
from core.db.models import study as study_table
from core.messages import Message
from core.outbox import Status, enqueue
from core.runtime import Core
from core.settings import Settings
from core.text import Catalogue
from core.transaction import Notice
from ivr import sms_status
from ivr.simulator.rest import Provider, Result
from ivr.simulator.webhook import Sender, Webhook
from ivr.sms_out import AGE_MAX, Courier, Text, wait_before
from ivr.sms_out import Provider as Client

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token-of-the-line"
NOON = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
ADA, BO = "10012", "10023"
NUMBERS = {ADA: "+12025550142", BO: "+34600000001"}
LINE = "+12025550100"
ORDERS = list(itertools.permutations(("sent", "delivered", "undelivered")))
SETTINGS = Settings(
    database_url="",
    secret_key="s" * 32,
    encryption_keys=(b"k" * 32,),
    twilio_account_sid=ACCOUNT,
    twilio_auth_token=TOKEN,
)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(ACCOUNT, TOKEN, statuses=()) as running:
        yield running


@pytest.fixture
def core(sqlite_url: str, provider: Provider) -> Iterator[Core]:
    settings = dataclasses.replace(
        SETTINGS, database_url=sqlite_url, twilio_api_url=provider.url, public_url=provider.url
    )
    made = Core.from_settings(settings)
    made.clock = SetClock(NOON)
    people(made)
    yield made
    made.engine.dispose()


@functools.cache
def texts() -> Catalogue:
    """Words of our own, so that the wording of the real ones is free."""
    with tempfile.TemporaryDirectory() as folder:
        for language, words in (("en", "Code {code}"), ("es", "Código {code}")):
            head = f'msgid ""\nmsgstr "Language: {language}\\n"\n\n'
            text = f'msgid "sms.code"\nmsgstr "{words}"\n'
            (Path(folder) / f"{language}.po").write_text(head + text)
        return Catalogue(Path(folder))


def courier_of(core: Core) -> Courier:
    return Courier(core, texts())


def people(core: Core) -> None:
    with core.writing() as db:
        db.execute(
            insert(study_table).values(code="HT", number="1", training=True, published_at=NOON)
        )
        db.execute(insert(telephone).values(number=LINE, study="HT", line="main"))
        for user_id, language in ((ADA, "en"), (BO, "es")):
            number = NUMBERS[user_id]
            db.execute(
                insert(person).values(
                    user_id=user_id, name=user_id, language=language, status="active",
                    mobile=seal_mobile(core.keys, user_id, number),
                    mobile_token=mobile_token(core.keys, number), created_at=NOON,
                )
            )  # fmt: skip
            db.execute(
                insert(grant).values(
                    user_id=user_id, role="pharmacist", study="HT",
                    site="101" if user_id == BO else "102", starts_at=NOON,
                )
            )  # fmt: skip


def queue_code(core: Core, user_id: str = ADA, code: str = "123456789012") -> None:
    notice = Notice(Message("sms.code", {"hours": 72}), people=(user_id,))
    with core.writing() as db:
        sealed = core.keys.seal(f"outbox|{user_id}", code)
        enqueue(db, core, notice, None, None, sealed)


def rows(core: Core) -> list[dict[str, object]]:
    with core.reading() as db:
        return [dict(row._mapping) for row in db.execute(select(table).order_by(table.c.id))]


def only_row(core: Core) -> dict[str, object]:
    (row,) = rows(core)
    return row


def later(core: Core, **by: float) -> None:
    assert isinstance(core.clock, SetClock)
    core.clock.at += dt.timedelta(**by)


def test_a_message_goes_to_the_mobile_in_the_readers_language(
    core: Core, provider: Provider
) -> None:
    queue_code(core, ADA)
    queue_code(core, BO)
    assert courier_of(core).deliver_due() == 2
    (to_ada,) = provider.inbox(NUMBERS[ADA])
    (to_bo,) = provider.inbox(NUMBERS[BO])
    assert "123456789012" in to_ada.body
    assert "123456789012" in to_bo.body
    assert to_ada.body != to_bo.body
    assert to_ada.from_ == LINE
    assert to_ada.status_callback == f"{core.settings.public_url}/ivr/sms/status/1"
    assert 600 <= int(provider.attempts[0]["ValidityPeriod"]) <= 3600


def test_a_message_taken_keeps_the_providers_number_and_drops_the_code(
    core: Core, provider: Provider
) -> None:
    queue_code(core)
    assert only_row(core)["secret"] is not None
    courier_of(core).deliver_due()
    row = only_row(core)
    assert row["status"] == Status.SENT
    assert row["provider_sid"] == provider.messages[0].sid
    assert row["secret"] is None
    assert courier_of(core).deliver_due() == 0


def test_too_many_requests_backs_off_and_tries_again(core: Core, provider: Provider) -> None:
    provider.results = deque([Result.TOO_MANY])
    queue_code(core)
    courier = courier_of(core)
    courier.deliver_due()
    assert only_row(core)["status"] == Status.QUEUED
    assert courier.deliver_due() == 0
    later(core, seconds=wait_before(1).total_seconds())
    assert courier.deliver_due() == 1
    assert only_row(core)["status"] == Status.SENT
    assert len(provider.messages) == 1


def test_a_refused_connection_backs_off_and_gives_up_in_the_end(
    core: Core, provider: Provider
) -> None:
    core.settings = dataclasses.replace(core.settings, twilio_api_url="http://127.0.0.1:1")
    queue_code(core)
    courier = courier_of(core)
    for _ in range(3):
        assert courier.deliver_due() == 1
        assert only_row(core)["status"] == Status.QUEUED
        later(core, minutes=16)
    later(core, seconds=AGE_MAX.total_seconds())
    assert courier.deliver_due() == 1
    assert only_row(core)["status"] == Status.FAILED
    assert only_row(core)["secret"] is None
    assert provider.attempts == []


@pytest.mark.parametrize(
    ("result", "status", "error"),
    [
        (Result.UNSUBSCRIBED, Status.SUPPRESSED, "21610"),
        (Result.WRONG_NUMBER, Status.FAILED, "21211"),
        (Result.BROKEN, Status.UNKNOWN, "500"),
        (Result.ANSWER_LOST, Status.UNKNOWN, "ConnectionError"),
    ],
)
def test_a_final_or_unknown_answer_is_never_sent_again(
    core: Core, provider: Provider, result: Result, status: Status, error: str
) -> None:
    provider.results = deque([result])
    queue_code(core)
    courier = courier_of(core)
    courier.deliver_due()
    later(core, days=1)
    assert courier.deliver_due() == 0
    row = only_row(core)
    assert (row["status"], row["error"]) == (status, error)
    assert row["secret"] is None
    assert len(provider.attempts) == 1


def test_wrong_credentials_are_a_refusal(core: Core, provider: Provider) -> None:
    core.settings = dataclasses.replace(core.settings, twilio_auth_token="another-token-0123")
    queue_code(core)
    courier_of(core).deliver_due()
    assert only_row(core)["status"] == Status.FAILED


def test_a_person_without_a_mobile_is_not_waited_for(core: Core, provider: Provider) -> None:
    with core.writing() as db:
        db.execute(person.update().where(person.c.user_id == ADA).values(mobile=None))
    queue_code(core)
    courier_of(core).deliver_due()
    assert (only_row(core)["status"], only_row(core)["error"]) == (Status.FAILED, "no_mobile")


def test_before_any_study_has_a_number_the_installations_own_is_used(
    core: Core, provider: Provider
) -> None:
    with core.writing() as db:
        db.execute(telephone.delete())
    queue_code(core)
    courier = courier_of(core)
    courier.deliver_due()
    assert (only_row(core)["status"], only_row(core)["error"]) == (Status.QUEUED, "no_sender")
    core.settings = dataclasses.replace(core.settings, sms_number="+12025550199")
    later(core, minutes=1)
    courier.deliver_due()
    assert provider.messages[0].from_ == "+12025550199"


def test_a_notice_to_a_role_reaches_its_holders_at_the_site_only(
    core: Core, provider: Provider
) -> None:
    notice = Notice(Message("sms.code", {"hours": 72, "code": "-"}), roles=("pharmacist",))
    with core.writing() as db:
        enqueue(db, core, notice, "HT", "101")
    courier = courier_of(core)
    while courier.deliver_due():
        pass
    assert [message.to for message in provider.messages] == [NUMBERS[BO]]
    assert [row["status"] for row in rows(core)] == [Status.SPREAD, Status.SENT]


def test_a_worker_killed_before_sending_loses_nothing(core: Core, provider: Provider) -> None:
    queue_code(core)
    with core.writing() as db:
        assert len(outbox.claim(db, core.now(), dt.timedelta(minutes=5))) == 1
    courier = courier_of(core)
    assert courier.deliver_due() == 0
    later(core, minutes=5)
    assert courier.deliver_due() == 1
    assert len(provider.messages) == 1


def test_a_worker_killed_while_sending_doubles_nothing(core: Core, provider: Provider) -> None:
    queue_code(core)
    with core.writing() as db:
        (row,) = outbox.claim(db, core.now(), dt.timedelta(minutes=5))
    with core.writing() as db:
        assert outbox.begin_sending(db, row)
    later(core, minutes=5)
    assert courier_of(core).deliver_due() == 0
    assert only_row(core)["status"] == Status.UNKNOWN
    assert provider.attempts == []


def test_a_slow_worker_whose_claim_lapsed_sends_nothing(core: Core) -> None:
    queue_code(core)
    lease = dt.timedelta(minutes=5)
    with core.writing() as db:
        (slow,) = outbox.claim(db, core.now(), lease)
    later(core, minutes=5)
    with core.writing() as db:
        (quick,) = outbox.claim(db, core.now(), lease)
        assert not outbox.begin_sending(db, slow)
        assert outbox.begin_sending(db, quick)
        outbox.mark_failed(db, slow, "too late")
    assert only_row(core)["status"] == Status.SENDING


def test_each_row_is_claimed_by_one_of_many_workers(database_url: str) -> None:
    core = Core.from_settings(dataclasses.replace(SETTINGS, database_url=database_url), threads=8)
    core.clock = SetClock(NOON)
    people(core)
    for _ in range(40):
        queue_code(core)
    claimed: list[int] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        while True:
            with core.writing() as db:
                taken = outbox.claim(db, core.now(), dt.timedelta(minutes=5), limit=3)
            if not taken:
                return
            claimed.extend(row.id for row in taken)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    core.engine.dispose()
    assert sorted(claimed) == list(range(1, 41))


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
