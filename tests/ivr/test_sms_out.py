"""Sending SMS: for every answer of the provider, at most one message goes out, none is lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections import deque

import pytest
from sqlalchemy import insert

from core import outbox
from core.context import SetClock
from core.db.models import grant, person, study, telephone
from core.messages import Digits, Message
from core.outbox import AGE_MAX, Status, enqueue, enqueue_to, wait_before
from core.runtime import Core
from core.transaction import Notice
from ivr.simulator.rest import Provider, Result
from tests.ivr.outbox_fixtures import (
    ADA,
    BO,
    LINE,
    NOON,
    NUMBERS,
    SETTINGS,
    core,
    courier_of,
    later,
    only_row,
    people,
    provider,
    queue_code,
    rows,
)

__all__ = ["core", "provider"]


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


def test_a_number_that_is_a_persons_no_more_is_told_once_and_forgotten(
    core: Core, provider: Provider
) -> None:
    with core.writing() as db:
        enqueue_to(
            db, core, Message("sms.suppressed", {"user_id": Digits(ADA)}), ADA, "+12025550177"
        )
    assert courier_of(core).deliver_due() == 1
    assert len(provider.inbox("+12025550177")) == 1
    assert provider.inbox(NUMBERS[ADA]) == []
    assert only_row(core)["to"] is None


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


def _queue_at_site(core: Core, user_id: str) -> None:
    notice = Notice(Message("sms.code", {"hours": 72, "code": "-"}), people=(user_id,))
    with core.writing() as db:
        enqueue(db, core, notice, "HT", "101")


def _role(core: Core, user_id: str, role: str) -> None:
    with core.writing() as db:
        place = {"study": "HT", "site": "101", "starts_at": NOON}
        db.execute(insert(grant).values(user_id=user_id, role=role, **place))


def _deliver_all(core: Core) -> None:
    while courier_of(core).deliver_due():
        pass


def test_an_unsubscribed_number_is_left_alone_and_the_site_is_told_once_a_day(
    core: Core, provider: Provider
) -> None:
    _role(core, ADA, "coordinator")
    provider.results = deque([Result.UNSUBSCRIBED, Result.TAKEN, Result.UNSUBSCRIBED])
    _queue_at_site(core, BO)
    _deliver_all(core)
    assert (rows(core)[0]["status"], rows(core)[0]["error"]) == (Status.SUPPRESSED, "21610")
    (alert,) = provider.inbox(NUMBERS[ADA])
    assert f"{BO} is not reached" in alert.body
    later(core, hours=23)
    _queue_at_site(core, BO)
    _deliver_all(core)
    assert len(provider.messages) == 1
    provider.results = deque([Result.UNSUBSCRIBED])
    later(core, hours=24)
    _queue_at_site(core, BO)
    _deliver_all(core)
    assert len(provider.inbox(NUMBERS[ADA])) == 2
    assert provider.inbox(NUMBERS[BO]) == []


def test_an_alert_that_is_not_taken_either_raises_no_further_one(
    core: Core, provider: Provider
) -> None:
    _role(core, BO, "coordinator")
    provider.results = deque([Result.UNSUBSCRIBED] * 9)
    _queue_at_site(core, BO)
    _deliver_all(core)
    assert len(provider.attempts) == 2


def test_what_belongs_to_a_training_is_marked_and_names_the_study_where_there_are_several(
    core: Core, provider: Provider
) -> None:
    with core.writing() as db:
        db.execute(insert(study).values(code="HU", number="2", training=False, published_at=NOON))
        one = {"role": "pharmacist", "study": "HU", "site": "101", "starts_at": NOON}
        db.execute(insert(grant).values(user_id=BO, **one))
    for user_id in (ADA, BO):
        _queue_at_site(core, user_id)
    queue_code(core, BO)
    notice = Notice(Message("sms.code", {"hours": 72, "code": "-"}), people=(BO,))
    with core.writing() as db:
        enqueue(db, core, notice, "HU", "101")
    _deliver_all(core)
    assert [message.body for message in provider.messages] == [
        "TRAINING. Code -",
        "TRAINING. HT: C\u00f3digo -",
        "C\u00f3digo 123456789012",
        "HU: C\u00f3digo -",
    ]


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
