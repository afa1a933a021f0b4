"""The mobile that codes go to: whose hand changes it, and who hears of it."""

from __future__ import annotations

import datetime as dt

import pytest

from core.access.activation import activate, issue_code
from core.access.contacts import find_recipient, mobile_token, people_at
from core.errors import NotAuthenticated
from core.sealed import Sealed
from tests.support.access import MOBILE
from tests.support.world import OTHER_PIN, PEOPLE, Given, World

ADA = PEOPLE["Ada"]
OLD = "+12025550111"


def _mobile(world: World) -> str:
    with world.core.reading() as db:
        found = find_recipient(db, ADA)
        assert found is not None
        assert found.mobile is not None
        return world.core.keys.open(found.mobile)


def _change(world: World, number: str = MOBILE) -> None:
    world.do("change_mobile", "Ada", new_mobile=number)


def _propose(world: World, number: str = MOBILE) -> str:
    given: Given = {"user_id": ADA, "new_mobile": number, "identity": "site_phone"}
    return str(world.do("change_mobile_for", "Hal", **given).facts["proposal"])


def test_the_owner_changes_it_signed(quick_world: World) -> None:
    quick_world.refused(
        "signature_missing", "change_mobile", "Ada", signed=False, new_mobile=MOBILE
    )
    _change(quick_world, "+1 (202) 555-0188")
    assert _mobile(quick_world) == MOBILE
    with quick_world.core.reading() as db:
        assert people_at(db, mobile_token(quick_world.core.keys, MOBILE)) == [ADA]
    quick_world.wrong("new_mobile", "change_mobile", "Ada", new_mobile="none")


@pytest.mark.req("R20")
def test_for_somebody_else_it_takes_two_people(quick_world: World) -> None:
    number = _propose(quick_world)
    assert _mobile(quick_world) == OLD
    quick_world.refused("not_allowed", "approve", "Hal", proposal=number)
    quick_world.do("approve", "Mia", proposal=number)
    assert _mobile(quick_world) == MOBILE
    facts = quick_world.last_entry()["facts"]
    assert (facts["user_id"], facts["identity"], facts["proposed_by"]) == (
        ADA,
        "site_phone",
        PEOPLE["Hal"],
    )


def test_nobody_proposes_or_approves_for_themselves(quick_world: World) -> None:
    given: Given = {"new_mobile": MOBILE, "identity": "in_person"}
    quick_world.refused("own_mobile", "change_mobile_for", "Hal", user_id=PEOPLE["Hal"], **given)
    of_mia = quick_world.do("change_mobile_for", "Hal", user_id=PEOPLE["Mia"], **given)
    number = str(of_mia.facts["proposal"])
    error = quick_world.refused("own_mobile", "approve", "Mia", proposal=number)
    assert error.message.id == "error.own_mobile"


@pytest.mark.req("R21")
def test_no_code_goes_there_for_a_day_and_one_on_its_way_opens_nothing(quick_world: World) -> None:
    core = quick_world.core
    with core.writing() as db:
        code = issue_code(db, core, ADA)
    _change(quick_world)
    with pytest.raises(NotAuthenticated):
        activate(core, code, OTHER_PIN, source="s")
    quick_world.set_time(core.now() + dt.timedelta(hours=23, minutes=59))
    quick_world.refused("mobile_too_new", "send_code", "Hal", user_id=ADA)
    quick_world.set_time(core.now() + dt.timedelta(minutes=1))
    quick_world.do("send_code", "Hal", user_id=ADA)


@pytest.mark.req("R21")
def test_the_old_number_and_the_new_one_are_told(quick_world: World) -> None:
    _change(quick_world)
    assert quick_world.messages()[-2:] == [("sms.mobile_changed", ADA, None)] * 2
    query = 'SELECT "to" FROM outbox ORDER BY id DESC LIMIT 2'
    new, old = (row.to for row in quick_world.rows(query))
    assert new is None
    assert quick_world.core.keys.open(Sealed(bytes(old), f"outbox|{ADA}|to")) == OLD


def test_the_number_is_nowhere_in_the_clear_while_it_waits(quick_world: World) -> None:
    _propose(quick_world)
    text = repr(quick_world.dump())
    for written in (MOBILE, MOBILE[1:], "2025550188"):
        assert written not in text
