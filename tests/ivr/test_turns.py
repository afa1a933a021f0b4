"""A turn happens once: sent again, replayed or raced, it has the same reply and does nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from core import calls
from ivr import requests, turns
from ivr.simulator.phone import Phone
from ivr.simulator.webhook import Reply, Webhook
from tests.support.telephone import AppSender, make_app, number_after, sign_on, telephone
from tests.support.world import PIN, TODAY, World

READY = "1 20112026 1961 2"  # Di in the menu, up to the read-back of a screening


def in_another_place(phone: Phone) -> AppSender:
    """Another connection to the same line, for another thread."""
    sender = phone.sender
    assert isinstance(sender, AppSender)
    return AppSender(sender.client.application.test_client(), sender.auth_token)


def with_keys(webhook: Webhook, keys: str) -> Webhook:
    pairs = [(name, keys if name == "Digits" else value) for name, value in webhook.pairs]
    return Webhook(webhook.path, tuple(pairs))


def test_a_webhook_sent_again_has_the_same_reply_at_every_turn(world: World) -> None:
    phone = telephone(world)
    phone.dial()
    for keys in ("1", "15#", PIN, *READY.split(), "1", "1", "2"):
        first = phone.last_reply
        assert phone.resend_last() == first
        phone.press(keys)
    assert phone.resend_last() == phone.last_reply
    assert world.one("SELECT count(*) FROM subject") == 1


def test_an_old_turn_replayed_after_the_call_does_nothing(world: World) -> None:
    phone = telephone(world)
    sign_on(phone, "Di", rest=READY)
    said = phone.press("1")
    confirm, reply = phone.last, phone.last_reply
    phone.press("2")
    phone.hang_up()
    assert confirm is not None
    again = phone.sender.post(confirm)
    assert again == reply
    assert number_after("Screening number", said) in {
        row.number for row in world.rows("SELECT number FROM subject")
    }
    assert world.one("SELECT count(*) FROM subject") == 1


@pytest.mark.req("R14")
def test_the_same_turn_with_other_keys_is_refused_and_reported(world: World) -> None:
    phone = telephone(world)
    sign_on(phone, "Di", rest=READY)
    phone.press("3")  # cancelled
    assert phone.last is not None
    with capture_logs() as logs:
        again = phone.sender.post(with_keys(phone.last, "1"))  # and now confirmed?
    assert again == phone.last_reply
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == [
        "turn came again with other keys"
    ]
    assert world.one("SELECT count(*) FROM subject") == 0


def race(phone: Phone, webhook: Webhook, times: int = 20) -> list[Reply]:
    """The same webhook, many times at once."""
    senders = [in_another_place(phone) for _ in range(times)]
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda sender: sender.post(webhook), senders))


def next_webhook(phone: Phone, keys: str) -> Webhook:
    """What the provider would send if these keys were pressed now."""
    assert phone.asking is not None
    common = phone._pairs({"CallStatus": "in-progress", "Digits": keys})
    return Webhook(phone.asking.action, common)


def test_a_confirm_that_arrives_twenty_times_at_once_is_one_deed(world: World) -> None:
    phone = telephone(world)
    sign_on(phone, "Di", rest=READY)
    replies = race(phone, next_webhook(phone, "1"))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert b"Screening number" in replies[0].body
    assert world.one("SELECT count(*) FROM subject") == 1
    assert world.one("SELECT count(*) FROM receipt WHERE channel = 'telephone'") == 1


def test_a_wrong_pin_that_arrives_twenty_times_at_once_is_one_failure(world: World) -> None:
    phone = telephone(world)
    phone.dial()
    phone.key("1 15#")
    replies = race(phone, next_webhook(phone, "999998"))
    assert len({reply.body for reply in replies}) == 1
    assert b"Not recognized" in replies[0].body
    assert world.one("SELECT max(failures) FROM throttle") == 1
    phone.press("999998")  # that same turn once more, then the right one
    assert "Main menu" in phone.key(f"15# {PIN}")


def test_a_signature_that_arrives_twenty_times_at_once_signs_once(world: World) -> None:
    number = world.screen("Di")
    phone = telephone(world)
    sign_on(phone, "Di", rest=f"61 {number}# 1 1")  # screen failure is signed in this study
    replies = race(phone, next_webhook(phone, PIN))
    assert len({reply.body for reply in replies}) == 1
    assert b"Screen failure recorded" in replies[0].body
    entry = world.last_entry()
    assert entry["transaction"] == "screen_failure"
    assert [signed["user_id"] for signed in entry["signatures"]] == ["15"]


def test_a_first_webhook_that_arrives_twenty_times_at_once_is_one_call(world: World) -> None:
    phone = telephone(world)
    phone.dial()
    assert phone.last is not None
    other = "CA" + "7" * 32
    pairs = [(name, other if name == "CallSid" else value) for name, value in phone.last.pairs]
    replies = race(phone, Webhook(phone.last.path, tuple(pairs)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert world.one("SELECT count(*) FROM call_turn WHERE call_sid = :sid", sid=other) == 1


@pytest.mark.parametrize("days_later", [0, 0.001])
def test_a_claim_whose_worker_died_is_taken_over(
    world: World, monkeypatch: pytest.MonkeyPatch, days_later: float
) -> None:
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.2)
    phone = telephone(world)
    phone.dial()
    phone.key("1 15#")
    webhook = next_webhook(phone, PIN)
    with world.core.writing() as db:
        turn = int(webhook.path.rpartition("=")[2])
        assert calls.claim(db, phone.call_sid, turn, "digest", world.core.now())
    world.days_later(days_later)
    assert b"Main menu" in phone.sender.post(webhook).body


def test_a_claim_is_given_back_when_its_work_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = telephone(world)
    phone.dial()
    phone.key("1 15#")
    with monkeypatch.context() as broken:

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("power cut")

        broken.setattr(requests, "sign_in", fail)
        webhook = next_webhook(phone, PIN)
        assert b"nothing was recorded" in phone.sender.post(webhook).body
    assert b"Main menu" in phone.sender.post(webhook).body


def test_no_pin_is_stored_logged_or_told(quick_world: World) -> None:
    world = quick_world
    number = world.screen("Di")
    phone = telephone(world)
    with capture_logs() as logs:
        phone.dial()
        said = phone.key(f"1 15*{PIN}*61*{number}*1# 1 {PIN} 2 6 8 592731 592731 1 {PIN}")
        phone.hang_up()
    assert "Your PIN is changed" in said
    for text in (str(world.dump()), str(logs), str(phone.transcript)):
        for secret in (PIN, "592731"):
            assert secret not in text
    assert phone.from_ not in str(logs)


def test_a_refusal_found_while_asking_is_on_record_with_its_turn(world: World) -> None:
    number = world.screen("Di")
    phone = telephone(world)
    said = sign_on(phone, "Di", rest=f"3 {number}#")
    assert "not randomized yet" in said
    entry = world.last_entry()
    assert (entry["transaction"], entry["outcome"]) == ("dispense", "refused")
    assert phone.resend_last() == phone.last_reply
    query = "SELECT count(*) FROM ledger WHERE study = :study AND outcome = 'refused'"
    assert world.one(query) == 1
    phone.hang_up()
    assert world.last_entry()["facts"]["turns"] == 6


def test_dates_of_the_site_are_those_spoken(world: World) -> None:
    phone = telephone(world)
    said = sign_on(phone, "Di", rest="1 21112026")
    assert f"today is November {int(TODAY[-2:])}, 2026" in said


def test_two_lines_of_one_application_share_nothing(world: World) -> None:
    make_app(world.core)
    one, two = telephone(world), telephone(world, from_="+12025550143")
    sign_on(one, "Di", rest=READY)
    sign_on(two, "Di", rest=READY)
    first = number_after("Screening number", one.press("1"))
    second = number_after("Screening number", two.press("1"))
    assert first != second


def test_a_confirm_that_comes_after_the_call_has_ended_does_nothing(world: World) -> None:
    phone = telephone(world)
    sign_on(phone, "Di", rest=READY)
    confirm = next_webhook(phone, "1")
    phone.hang_up()
    before = world.dump()
    reply = phone.sender.post(confirm)
    assert reply.status == 200
    assert b"nothing more was recorded" in reply.body
    assert world.dump() == before
