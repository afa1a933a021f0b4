"""Inbound SMS: GIVEN, RESEND and anything else, and what their replies give away."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.inbound import RESENDS_MAX
from core.ledger.verify import verify
from tests.support.texting import (
    LINE,
    RESERVED,
    STRANGER,
    Texting,
    message_sid,
    mobile,
    pairs_of,
    told,
)
from tests.support.world import PEOPLE, World

HELP = "IxRS: text GIVEN, the confirmation number"
UNKNOWN = "no such confirmation number"


@pytest.fixture
def texting(world: World) -> Texting:
    return Texting(world)


@pytest.fixture
def quick(quick_world: World) -> Texting:
    return Texting(quick_world)


def _dispensed(world: World) -> tuple[str, str, str]:
    """A subject with a kit that waits: number, kit, confirmation number."""
    number = world.randomized()
    receipt = world.do("dispense", "Ada", subject=number, visit="V1")
    return number, receipt.facts["kits"][0], receipt.confirmation


def _other(four: str) -> str:
    return f"{(int(four) + 1) % 10_000:04d}"


@pytest.fixture(scope="module")
def shared(sqlite_world: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texting]:
    from pathlib import Path

    from tests.support.world_fixtures import copy_sqlite

    assert isinstance(sqlite_world, Path)
    file = tmp_path_factory.mktemp("texts") / "texts.db"
    copy_sqlite(sqlite_world, file)
    world = World.at(f"sqlite:///{file}")
    yield Texting(world)
    world.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(codec="utf-8"), max_size=80))
@example("GIVEN 000000000 0000")
@example("\x00\ud7ff<&>\"'")
def test_no_text_crashes_the_webhook(shared: Texting, body: str) -> None:
    before = shared.world.one("SELECT count(*) FROM ledger")
    shared.text("Ada", body)
    assert shared.world.one("SELECT count(*) FROM ledger") == before


# -- the webhook


@pytest.mark.req("R14")
def test_only_what_the_provider_signed_is_taken(quick: Texting) -> None:
    pairs = pairs_of(mobile("Ada"), "hello", message_sid(1))
    for signature in ("", "forged"):
        assert quick.post(pairs, signature=signature).status == 403
    assert quick.world.one("SELECT count(*) FROM sms_inbound") == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("From", "+1202' OR 1=1"),
        ("From", ""),
        ("To", "x" * 30),
        ("MessageSid", "SM1"),
        ("MessageSid", "CA" + "0" * 32),
        ("AccountSid", "AC" + "f" * 32),
        ("SmsSid", message_sid(77)),
        ("FromCity", f"From{LINE}"),
        ("ToCountry", f"MessageSid{message_sid(77)}"),
    ],
)
def test_a_field_that_the_provider_does_not_write_so_is_refused(
    quick: Texting, name: str, value: str
) -> None:
    pairs = pairs_of(mobile("Ada"), "hello", message_sid(1))
    changed = tuple((each, value if each == name else old) for each, old in pairs)
    assert quick.post(changed).status == 403
    assert quick.post((*pairs, ("Body", "twice"))).status == 403
    without = tuple(pair for pair in pairs if pair[0] != name)
    assert quick.post(without).status == (403 if name in ("From", "To", "MessageSid",
                                                         "AccountSid") else 200)  # fmt: skip


# -- GIVEN


def test_given_confirms_the_kits_of_the_confirmation_number(texting: Texting) -> None:
    world = texting.world
    number, kit, confirmation = _dispensed(world)
    reply = texting.text("Ada", f"GIVEN {confirmation} {kit[-4:]}")
    assert f"hand-over confirmed, subject {number}, 1 kit" in reply
    assert world.kit(kit).confirmed_at is not None
    entry = world.last_entry()
    assert (entry["transaction"], entry["channel"], entry["actor"]) == ("hand_over", "sms", "11")
    assert entry["facts"] == {"kits": [kit], "confirmed": True}
    assert entry["signatures"] == []
    assert entry["confirmation"] in reply
    assert verify(world.core).ok


def test_other_kits_that_wait_are_left_alone(texting: Texting) -> None:
    world = texting.world
    number, first, _ = _dispensed(world)
    later = world.do("unscheduled", "Ada", subject=number)
    (second,) = later.facts["kits"]
    texting.text("Ada", f"GIVEN {later.confirmation} {second[-4:]}")
    assert world.kit(second).confirmed_at is not None
    assert world.kit(first).confirmed_at is None


def test_a_wrong_carton_must_not_be_given_and_is_alerted(texting: Texting) -> None:
    world = texting.world
    number, kit, confirmation = _dispensed(world)
    before = len(world.messages())
    reply = texting.text("Ada", f"GIVEN {confirmation} {_other(kit[-4:])}")
    assert f"do not give it. The digits do not match the kits of subject {number}" in reply
    assert world.kit(kit).confirmed_at is None
    assert world.messages()[before:] == [
        ("sms.wrong_carton", None, "pharmacist unblinded_pharmacist monitor")
    ]
    assert world.last_entry()["facts"]["refused"] == "wrong_carton"


def test_a_carton_too_many_is_a_wrong_one(texting: Texting) -> None:
    world = texting.world
    _, kit, confirmation = _dispensed(world)
    for _ in range(2):
        reply = texting.text("Ada", f"GIVEN {confirmation} {kit[-4:]} {_other(kit[-4:])}")
        assert "do not give" in reply
        assert world.kit(kit).confirmed_at is None
        assert world.last_entry()["facts"]["refused"] == "wrong_carton"


def test_a_carton_too_few_is_asked_for_and_nothing_recorded(quick: Texting) -> None:
    world = quick.world
    number = world.randomized()
    world.do("missed_visit", "Ada", subject=number, visit="V1")
    receipt = world.do("dispense", "Ada", subject=number, visit="V2")
    first, second = receipt.facts["kits"]
    before = world.one("SELECT count(*) FROM ledger")
    reply = quick.text("Ada", f"GIVEN {receipt.confirmation} {first[-4:]}")
    assert "Send the last four digits of all 2 cartons" in reply
    assert world.one("SELECT count(*) FROM ledger") == before
    assert "do not give" in quick.text("Ada", f"GIVEN {receipt.confirmation} {_other(first[-4:])}")
    reply = quick.text("Ada", f"GIVEN {receipt.confirmation} {second[-4:]} {first[-4:]}")
    assert "2 kits" in reply


def test_a_confirmed_hand_over_stays_confirmed_whatever_is_texted(texting: Texting) -> None:
    world = texting.world
    number, kit, confirmation = _dispensed(world)
    world.do("hand_over", "Ada", subject=number, carton_1=kit[-4:])
    confirmed = world.kit(kit)
    for four in (kit[-4:], _other(kit[-4:])):
        reply = texting.text("Ada", f"GIVEN {confirmation} {four}")
        assert "confirmed already" in reply
        assert "Give no other carton" in reply
    assert world.kit(kit) == confirmed


def test_a_kit_that_was_replaced_waits_no_more(quick: Texting) -> None:
    world = quick.world
    number, kit, confirmation = _dispensed(world)
    replaced = world.do("replace", "Ada", subject=number, kit=kit, reason="damaged")
    reply = quick.text("Ada", f"GIVEN {confirmation} {kit[-4:]}")
    assert "Do not give it" in reply
    (instead,) = replaced.facts["kits"]
    reply = quick.text("Ada", f"GIVEN {replaced.confirmation} {instead[-4:]}")
    assert "hand-over confirmed" in reply


def test_the_same_message_twice_does_nothing_twice(texting: Texting) -> None:
    world = texting.world
    _, kit, confirmation = _dispensed(world)
    for body in (f"GIVEN {confirmation} {_other(kit[-4:])}", f"GIVEN {confirmation} {kit[-4:]}",
                 f"RESEND {confirmation}", "what?", "GIVEN 000000000 1234"):  # fmt: skip
        sid = message_sid(hash(body) & 0xFFFF_FFFF)
        first = texting.text("Ada", body, sid=sid)
        before = world.dump()
        assert texting.text("Ada", body, sid=sid) == first
        assert world.dump() == before


# -- who


def test_a_study_that_has_hand_overs_signed_takes_none_by_sms(quick: Texting) -> None:
    world = quick.world
    source = world.one("SELECT source FROM study_version WHERE study = 'combi'")
    signed = source.replace('["screen_failure"]', '["screen_failure", "hand_over"]')
    world.do("publish", "Mia", file=signed)
    world.do("approve_version", "Mia", to_site="101", version="2",
             effective_date=world.core.now().date().isoformat())  # fmt: skip
    _, kit, confirmation = _dispensed(world)
    assert "cannot be done by SMS" in quick.text("Ada", f"GIVEN {confirmation} {kit[-4:]}")
    assert world.kit(kit).confirmed_at is None
    assert world.last_entry()["facts"]["refused"] == "signature_missing"


def test_what_one_may_not_see_answers_as_if_it_did_not_exist(texting: Texting) -> None:
    world = texting.world
    randomized = world.randomize()
    number = str(randomized.subject)
    receipt = world.do("dispense", "Ada", subject=number, visit="V1")
    right = f"{receipt.confirmation} {receipt.facts['kits'][0][-4:]}"
    before = world.one("SELECT count(*) FROM ledger")
    replies = {
        texting.text("Di", f"GIVEN {right}"),
        texting.text("Di", "GIVEN 000000000 1234"),
        texting.text("Di", f"RESEND {receipt.confirmation}"),
        texting.text("Di", "RESEND 000000000"),
        texting.text("Ada", f"GIVEN {randomized.confirmation} 1234"),
        texting.text("Pat", f"RESEND {receipt.confirmation}"),
    }
    (only,) = replies
    assert UNKNOWN in only
    assert world.one("SELECT count(*) FROM ledger") == before
    assert world.kit(receipt.facts["kits"][0]).confirmed_at is None


def test_a_stranger_gets_the_same_help_whatever_is_texted(texting: Texting) -> None:
    world = texting.world
    _, kit, confirmation = _dispensed(world)
    before = world.one("SELECT count(*) FROM ledger")
    told_to = texting.text(STRANGER, f"GIVEN {confirmation} {kit[-4:]}")
    assert told_to.startswith(HELP)
    assert texting.text("Ada", "hello") == told_to
    assert texting.text("+442079460001", f"RESEND {confirmation}") == told_to
    assert texting.text("Orange", "hello") == told_to
    assert world.one("SELECT count(*) FROM ledger") == before
    assert world.kit(kit).confirmed_at is None


@pytest.mark.req("R13")
def test_who_may_not_hand_over_is_refused_as_by_phone(texting: Texting) -> None:
    world = texting.world
    _, kit, confirmation = _dispensed(world)
    assert "cannot be done by SMS" in texting.text("Cy", f"GIVEN {confirmation} {kit[-4:]}")
    assert world.last_entry()["facts"]["refused"] == "not_allowed"
    assert world.kit(kit).confirmed_at is None


def _share(world: World, *who: str) -> None:
    """Give them all the mobile of the first."""
    query = "SELECT mobile_token FROM person WHERE user_id = :id"
    token = world.one(query, id=PEOPLE[who[0]])
    from sqlalchemy import text

    with world.core.writing() as db:
        for one in who[1:]:
            db.execute(
                text("UPDATE person SET mobile_token = :token WHERE user_id = :id"),
                {"token": token, "id": PEOPLE[one]},
            )


def test_on_a_shared_mobile_the_one_who_may_is_meant(quick: Texting) -> None:
    world = quick.world
    _share(world, "Di", "Ada", "Cy")
    _, kit, confirmation = _dispensed(world)
    assert "hand-over confirmed" in quick.text("Di", f"GIVEN {confirmation} {kit[-4:]}")
    assert world.last_entry()["actor"] == PEOPLE["Ada"]


def test_on_a_mobile_of_two_who_may_nobody_is_guessed(quick: Texting) -> None:
    world = quick.world
    _share(world, "Ada", "Pat")
    _, kit, confirmation = _dispensed(world)
    assert quick.text("Ada", f"GIVEN {confirmation} {kit[-4:]}").startswith(HELP)
    assert world.kit(kit).confirmed_at is None


@pytest.mark.parametrize("status", ["disabled", "invited"])
def test_a_person_who_cannot_sign_in_is_a_stranger(quick: Texting, status: str) -> None:
    from sqlalchemy import text

    world = quick.world
    _, kit, confirmation = _dispensed(world)
    with world.core.writing() as db:
        db.execute(text("UPDATE person SET status = :s WHERE user_id = '11'"), {"s": status})
    assert quick.text("Ada", f"GIVEN {confirmation} {kit[-4:]}").startswith(HELP)
    assert world.kit(kit).confirmed_at is None


# -- help and RESEND


def test_help_comes_once_an_hour_and_to_each_sender(texting: Texting) -> None:
    world = texting.world
    assert texting.text("Ada", "hello").startswith(HELP)
    assert [texting.text("Ada", word) for word in RESERVED] == [""] * len(RESERVED)
    assert texting.text("Di", "hello").startswith(HELP)
    world.set_time(world.core.now() + dt.timedelta(minutes=59))
    assert texting.text("Ada", "hello") == ""
    world.set_time(world.core.now() + dt.timedelta(minutes=1))
    assert texting.text("Ada", "hello").startswith(HELP)


def test_a_stranger_gets_help_in_the_language_of_the_line(quick: Texting) -> None:
    from sqlalchemy import text

    with quick.world.core.writing() as db:
        db.execute(text("UPDATE person SET language = 'es' WHERE user_id = '11'"))
    assert quick.text("Ada", "hola").startswith("IxRS: escriba ENTREGADO")
    assert quick.text(STRANGER, "hola").startswith(HELP)


def test_resend_queues_the_confirmation_again_as_a_repeat(texting: Texting) -> None:
    world = texting.world
    number, kit, confirmation = _dispensed(world)
    before = world.rows("SELECT message FROM outbox ORDER BY id")
    (first,) = [json.loads(row.message) for row in before if "sms.dispense" in row.message]
    assert texting.text("Ada", f"RESEND {confirmation}") == ""
    row = world.rows("SELECT * FROM outbox ORDER BY id")[-1]
    assert (row.user_id, row.study, row.site, row.status) == ("11", "combi", "101", "queued")
    assert json.loads(row.message) == {"message": "sms.repeat", "params": {"text": first}}
    assert kit[4:] not in row.message
    assert number in row.message


@pytest.mark.parametrize("name", ["randomize", "receive", "replace", "unscheduled", "screen"])
def test_every_confirmation_can_be_had_again_in_the_same_words(quick: Texting, name: str) -> None:
    world = quick.world
    number, kit, _ = _dispensed(world)
    done = {
        "randomize": lambda: world.randomize(who="Ada", confirmed_by=PEOPLE["Ivy"]),
        "receive": lambda: world.receive(world.ship(1, receive=None)),
        "replace": lambda: world.do("replace", "Ada", subject=number, kit=kit, reason="lost"),
        "unscheduled": lambda: world.do("unscheduled", "Ada", subject=number),
        "screen": lambda: world.do("screen", "Ada", consent_date="2026-11-20",
                                   year_of_birth="1950", rescreened="no"),
    }[name]()  # fmt: skip
    assert quick.text("Ada", f"REENVIAR {done.confirmation}") == ""
    rows = [json.loads(row.message) for row in world.rows("SELECT message FROM outbox ORDER BY id")]
    assert rows[-1]["message"] == "sms.repeat"
    text = rows[-1]["params"]["text"]
    assert done.confirmation in json.dumps(text)
    if name == "screen":
        assert text["message"] == "sms.notice_subject"
    else:
        assert text in rows[:-1]


def test_resend_has_its_limit_too(quick: Texting) -> None:
    world = quick.world
    _, _, confirmation = _dispensed(world)
    told_each = [quick.text("Ada", f"RESEND {confirmation}") for _ in range(RESENDS_MAX + 3)]
    assert told_each[:RESENDS_MAX] == [""] * RESENDS_MAX
    assert "wait an hour" in told_each[RESENDS_MAX]
    assert told_each[RESENDS_MAX + 1 :] == ["", ""]
    repeats = [id_ for id_, *_ in world.messages() if id_ == "sms.repeat"]
    assert len(repeats) == RESENDS_MAX


def test_while_the_database_is_away_the_sender_is_asked_to_try_again(quick: Texting) -> None:
    from sqlalchemy import text

    with quick.world.core.writing() as db:
        db.execute(text("DROP TABLE sms_inbound"))
    reply = quick.post(pairs_of(mobile("Ada"), "hello", message_sid(1)))
    assert reply.status == 200
    assert "not recorded" in told(reply)
