"""Getting in: the same words for every wrong secret, five tries, thirty minutes."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import event

from core.access.signin import sign, sign_in
from core.errors import IxrsError, LockedOut, MustWait, NotAuthenticated
from core.messages import to_json
from core.transaction import Channel
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World

ADA = PEOPLE["Ada"]
UNKNOWN = "999999"
WRONG = "000001"


def _try(world: World, user_id: str, secret: str, source: str) -> IxrsError | None:
    try:
        sign_in(world.core, user_id, secret, source=source)
    except IxrsError as error:
        return error
    return None


def _five_wrong(world: World, user_id: str) -> list[IxrsError | None]:
    return [_try(world, user_id, WRONG, f"caller {n}") for n in range(5)]


def test_the_right_pin_gives_the_person_with_the_roles_held(world: World) -> None:
    actor = sign_in(world.core, ADA, PIN, source="caller")
    assert (actor.user_id, actor.name) == (ADA, "Ada")
    assert actor.roles_at("combi", "101") == {"coordinator"}
    assert actor.roles_at("combi", "102") == frozenset()


def test_an_unknown_id_and_a_wrong_pin_sound_the_same_and_lock_the_same(world: World) -> None:
    known, unknown = _five_wrong(world, ADA), _five_wrong(world, UNKNOWN)
    for mine, theirs in zip(known, unknown, strict=True):
        assert isinstance(mine, NotAuthenticated)
        assert type(mine) is type(theirs)
        assert theirs is not None
        assert to_json(mine.message) == to_json(theirs.message)
    for user_id in (ADA, UNKNOWN):
        assert isinstance(_try(world, user_id, PIN, "later"), LockedOut)


def test_five_wrong_lock_for_thirty_minutes_even_with_the_right_pin(world: World) -> None:
    _five_wrong(world, ADA)
    start = world.core.now()
    world.set_time(start + dt.timedelta(minutes=29, seconds=59))
    assert isinstance(_try(world, ADA, PIN, "x"), LockedOut)
    world.set_time(start + dt.timedelta(minutes=30))
    assert _try(world, ADA, PIN, "x") is None


def test_trying_while_locked_does_not_make_the_lock_longer(quick_world: World) -> None:
    _five_wrong(quick_world, ADA)
    start = quick_world.core.now()
    quick_world.set_time(start + dt.timedelta(minutes=20))
    assert isinstance(_try(quick_world, ADA, WRONG, "x"), LockedOut)
    quick_world.set_time(start + dt.timedelta(minutes=30))
    assert _try(quick_world, ADA, PIN, "x") is None


def test_a_right_pin_in_between_begins_the_count_anew(quick_world: World) -> None:
    for _ in range(3):
        for n in range(4):
            assert isinstance(_try(quick_world, ADA, WRONG, f"s{n}"), NotAuthenticated)
        assert _try(quick_world, ADA, PIN, "s") is None


def test_the_five_are_counted_over_all_channels_and_signing_too(quick_world: World) -> None:
    actor = quick_world.actor("Ada")
    for channel in (Channel.PHONE, Channel.WEB, Channel.API):
        with pytest.raises(NotAuthenticated):
            sign_in(quick_world.core, ADA, WRONG, source=channel, channel=channel)
    for source in ("a", "b"):
        with pytest.raises(NotAuthenticated):
            sign(
                quick_world.core,
                actor,
                WRONG,
                meaning="randomize",
                source=source,
                channel=Channel.PHONE,
            )
    assert isinstance(_try(quick_world, ADA, PIN, "x"), LockedOut)


def test_a_source_that_failed_five_times_over_any_ids_waits_first(world: World) -> None:
    for user_id in ("990001", "990002", ADA, PEOPLE["Ivy"], "990003"):
        assert isinstance(_try(world, user_id, WRONG, "one caller"), NotAuthenticated)
    assert isinstance(_try(world, PEOPLE["Bo"], PIN, "one caller"), MustWait)
    assert _try(world, PEOPLE["Bo"], PIN, "another caller") is None
    world.set_time(world.core.now() + dt.timedelta(seconds=60))
    assert _try(world, PEOPLE["Bo"], PIN, "one caller") is None


def test_a_lock_is_on_record_and_alerted_and_the_person_told(world: World) -> None:
    before = len(world.messages())
    _five_wrong(world, ADA)
    installation = World(world.core, "installation")
    rows = installation.rows(
        'SELECT "transaction" AS name FROM ledger WHERE study = :study ORDER BY sequence'
    )
    assert [row.name for row in rows][-6:] == ["sign_in_failed"] * 5 + ["person_locked"]
    assert world.messages()[before:] == [
        ("sms.person_locked", None, "administrator helpdesk"),
        ("sms.locked", ADA, None),
    ]


def test_no_secret_is_on_record_whatever_was_keyed(quick_world: World) -> None:
    for secret in ("718293", "not-a-pin", "", "\x00", "x" * 5000):
        assert _try(quick_world, ADA, secret, f"s{len(secret)}") is not None
    text = repr(quick_world.dump())
    for word in ("718293", "not-a-pin", PIN, "xxxxx"):
        assert word not in text


@pytest.mark.parametrize("user_id", ["", "x", "1" * 500, "11\x00", "１１", "11 "])
def test_an_id_that_is_none_is_an_unknown_one(world: World, user_id: str) -> None:
    assert isinstance(_try(world, user_id, PIN, "s"), NotAuthenticated)


def test_an_invited_or_disabled_person_gets_in_as_nobody(quick_world: World) -> None:
    for status in ("invited", "disabled"):
        with quick_world.core.writing() as db:
            db.exec_driver_sql(f"UPDATE person SET status = '{status}' WHERE user_id = '{ADA}'")
        assert isinstance(_try(quick_world, ADA, PIN, "s"), NotAuthenticated)


def test_a_signature_says_who_what_and_how(quick_world: World) -> None:
    signature = sign(
        quick_world.core,
        quick_world.actor("Ada"),
        PIN,
        meaning="randomize",
        source="s",
        channel=Channel.PHONE,
    )
    assert (signature.user_id, signature.name) == (ADA, "Ada")
    assert (signature.meaning, signature.method) == ("randomize", "PIN")
    assert signature.at == quick_world.core.now()


def test_a_changed_pin_replaces_the_old_one_and_is_nowhere_on_record(world: World) -> None:
    receipt = world.do("change_pin", "Ada", new_pin=OTHER_PIN)
    assert receipt.facts == {"user_id": ADA}
    assert isinstance(_try(world, ADA, PIN, "s"), NotAuthenticated)
    assert _try(world, ADA, OTHER_PIN, "s") is None
    assert OTHER_PIN not in repr(world.dump())


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ("12345", "error.pin_form"),
        ("1234567", "error.pin_form"),
        ("１２３４５７", "error.pin_form"),
        ("", "error.pin_form"),
        ("123456", "error.pin_easy"),
        ("987654", "error.pin_easy"),
        ("890123", "error.pin_easy"),
        ("777777", "error.pin_easy"),
        ("121212", "error.pin_easy"),
        ("123123", "error.pin_easy"),
        ("000011", "error.pin_user_id"),
    ],
)
def test_an_easy_pin_is_refused(quick_world: World, pin: str, message: str) -> None:
    wrong = quick_world.wrong("new_pin", "change_pin", "Ada", new_pin=pin)
    assert wrong.message.id == message


def test_changing_the_pin_takes_a_signature(quick_world: World) -> None:
    quick_world.refused("signature_missing", "change_pin", "Ada", signed=False, new_pin=OTHER_PIN)


@pytest.mark.req("R21")
def test_a_known_and_an_unknown_id_lead_to_the_same_statements_at_each_try(
    quick_world: World,
) -> None:
    heard: list[str] = []

    def hear(_db: object, _cursor: object, sql: str, *_: object) -> None:
        heard.append(sql)

    event.listen(quick_world.core.engine, "before_cursor_execute", hear)
    told: dict[str, list[list[str]]] = {ADA: [], UNKNOWN: []}
    for user_id, tries in told.items():
        for n in range(7):
            heard.clear()
            _try(quick_world, user_id, WRONG, f"{user_id} {n}")
            tries.append(list(heard))
    event.remove(quick_world.core.engine, "before_cursor_execute", hear)
    assert told[ADA] == told[UNKNOWN]
    assert len(told[ADA][4]) > len(told[ADA][3]) > len(told[ADA][6])


@pytest.mark.req("R21")
def test_many_locks_within_the_hour_raise_an_alert_of_their_own(quick_world: World) -> None:
    people = [*(PEOPLE[who] for who in ("Ada", "Ivy", "Bo")), UNKNOWN, "888888"]
    for place, user_id in enumerate(people):
        assert "sms.many_locks" not in {name for name, _, _ in quick_world.messages()}
        quick_world.set_time(quick_world.core.now() + dt.timedelta(minutes=10))
        for n in range(5):
            _try(quick_world, user_id, WRONG, f"s{place}{n}")
    assert quick_world.messages()[-1] == ("sms.many_locks", None, "administrator helpdesk")
    assert World(quick_world.core, "installation").last_entry()["transaction"] == "many_locks"


def test_the_last_sign_in_is_kept(quick_world: World) -> None:
    _try(quick_world, ADA, PIN, "s")
    (row,) = quick_world.rows("SELECT signed_in_at FROM person WHERE user_id = '11'")
    assert row.signed_in_at is not None
    (row,) = quick_world.rows("SELECT signed_in_at FROM person WHERE user_id = '15'")
    assert row.signed_in_at is None
