"""Codes: single use, seventy-two hours, and the old PIN until they are used."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, update

from core.access.activation import activate, issue_code
from core.access.administer import AlreadySetUp, set_up
from core.access.signin import sign_in
from core.db.models import person
from core.errors import InvalidInput, LockedOut, MustWait, NotAuthenticated
from core.messages import to_json
from core.sealed import Sealed
from core.transaction import Channel
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World

ADA = PEOPLE["Ada"]


def _code(world: World, who: str = "Ada") -> str:
    with world.core.writing() as db:
        return issue_code(db, world.core, PEOPLE[who])


def test_a_code_sets_a_new_pin_and_the_old_one_works_until_then(world: World) -> None:
    code = _code(world)
    assert sign_in(world.core, ADA, PIN, source="s").user_id == ADA
    assert activate(world.core, code, OTHER_PIN, source="s").user_id == ADA
    assert sign_in(world.core, ADA, OTHER_PIN, source="s").user_id == ADA
    with pytest.raises(NotAuthenticated):
        sign_in(world.core, ADA, PIN, source="s")


def test_a_code_is_used_once(world: World) -> None:
    code = _code(world)
    activate(world.core, code, OTHER_PIN, source="s")
    with pytest.raises(NotAuthenticated):
        activate(world.core, code, PIN, source="s")


def test_a_fresh_code_replaces_an_unused_one(quick_world: World) -> None:
    first, second = _code(quick_world), _code(quick_world)
    with pytest.raises(NotAuthenticated):
        activate(quick_world.core, first, OTHER_PIN, source="s")
    activate(quick_world.core, second, OTHER_PIN, source="s")


@pytest.mark.parametrize(("seconds", "works"), [(-1, True), (0, False)])
def test_a_code_lives_for_seventy_two_hours(world: World, seconds: int, works: bool) -> None:
    code = _code(world)
    world.set_time(world.core.now() + dt.timedelta(hours=72, seconds=seconds))
    if works:
        activate(world.core, code, OTHER_PIN, source="s")
    else:
        with pytest.raises(NotAuthenticated):
            activate(world.core, code, OTHER_PIN, source="s")


def test_a_weak_pin_does_not_use_the_code_up(quick_world: World) -> None:
    code = _code(quick_world)
    with pytest.raises(InvalidInput) as caught:
        activate(quick_world.core, code, "111111", source="s")
    assert caught.value.field == "pin"
    with pytest.raises(InvalidInput) as caught:
        activate(quick_world.core, code, OTHER_PIN, password="short", source="s")
    assert caught.value.field == "password"
    activate(quick_world.core, code, OTHER_PIN, password="correct horse battery", source="s")
    sign_in(quick_world.core, ADA, "correct horse battery", source="s", channel=Channel.WEB)


def test_a_wrong_code_hears_what_a_wrong_id_hears(quick_world: World) -> None:
    with pytest.raises(NotAuthenticated) as code:
        activate(quick_world.core, "123412341234", OTHER_PIN, source="a")
    with pytest.raises(NotAuthenticated) as user:
        sign_in(quick_world.core, "999", PIN, source="b")
    assert to_json(code.value.message) == to_json(user.value.message)


def test_guessing_codes_makes_the_source_wait(quick_world: World) -> None:
    code = _code(quick_world)
    for n in range(5):
        with pytest.raises(NotAuthenticated):
            activate(quick_world.core, f"{n:012d}", OTHER_PIN, source="guesser")
    with pytest.raises(MustWait):
        activate(quick_world.core, code, OTHER_PIN, source="guesser")
    activate(quick_world.core, code, OTHER_PIN, source="elsewhere")


def test_a_code_unlocks(quick_world: World) -> None:
    for n in range(5):
        with pytest.raises(NotAuthenticated):
            sign_in(quick_world.core, ADA, "000001", source=f"s{n}")
    with pytest.raises(LockedOut):
        sign_in(quick_world.core, ADA, PIN, source="s")
    activate(quick_world.core, _code(quick_world), OTHER_PIN, source="s")
    sign_in(quick_world.core, ADA, OTHER_PIN, source="s")


def test_a_code_is_stored_hashed_and_sent_sealed(world: World) -> None:
    code = _code(world)
    assert code not in repr(world.dump())
    row = world.rows("SELECT message, secret, user_id FROM outbox ORDER BY id")[-1]
    assert row.user_id == ADA
    assert world.core.keys.open(Sealed(bytes(row.secret), f"outbox|{ADA}")) == code


def test_activating_is_on_record_and_the_person_told(quick_world: World) -> None:
    activate(quick_world.core, _code(quick_world), OTHER_PIN, source="s")
    entry = World(quick_world.core, "installation").last_entry()
    assert (entry["transaction"], entry["facts"]) == ("pin_reset", {"user_id": ADA})
    assert quick_world.messages()[-1] == ("sms.pin_reset", ADA, None)


def test_the_helpdesk_sends_a_code_and_never_sees_it(world: World) -> None:
    receipt = world.do("send_code", "Hal", user_id=ADA)
    assert receipt.facts == {"user_id": ADA}
    secret = bytes(
        world.rows("SELECT secret FROM outbox WHERE secret IS NOT NULL ORDER BY id")[-1][0]
    )
    code = world.core.keys.open(Sealed(secret, f"outbox|{ADA}"))
    assert code not in repr(receipt)
    assert code not in repr(world.dump())
    activate(world.core, code, OTHER_PIN, source="s")


@pytest.mark.parametrize("user_id", ["999", "0", "", "x"])
def test_the_helpdesk_sends_no_code_to_somebody_unknown(quick_world: World, user_id: str) -> None:
    quick_world.wrong("user_id", "send_code", "Hal", user_id=user_id)


def test_there_is_one_first_administrator(quick_world: World) -> None:
    with pytest.raises(AlreadySetUp):
        set_up(quick_world.core)


def test_a_code_copied_to_the_row_of_another_person_opens_nothing(quick_world: World) -> None:
    code = _code(quick_world, "Di")
    with quick_world.core.writing() as db:
        mine = person.c.user_id == PEOPLE["Di"]
        row = db.execute(select(person.c.code_token, person.c.code_expires_at).where(mine)).one()
        db.execute(update(person).where(mine).values(code_token=None))
        db.execute(update(person).where(person.c.user_id == ADA).values(**row._asdict()))
    with pytest.raises(NotAuthenticated):
        activate(quick_world.core, code, OTHER_PIN, source="s")
    assert sign_in(quick_world.core, ADA, PIN, source="s").user_id == ADA


def test_a_code_made_to_live_longer_in_the_database_opens_nothing(quick_world: World) -> None:
    code = _code(quick_world)
    with quick_world.core.writing() as db:
        later = quick_world.core.now() + dt.timedelta(days=30)
        db.execute(update(person).where(person.c.user_id == ADA).values(code_expires_at=later))
    with pytest.raises(NotAuthenticated):
        activate(quick_world.core, code, OTHER_PIN, source="s")
