"""Signing in where a code is to be broken: every failure on record, alerted, and no lock longer."""

from __future__ import annotations

import datetime as dt

import pytest

from core.access.signin import SecretAged, sign_in, sign_in_emergency
from core.errors import IxrsError, LockedOut, MustWait, NotAuthenticated
from tests.support.access import last_event, years_later
from tests.support.world import PEOPLE, PIN, World

IVY = PEOPLE["Ivy"]
WRONG = "000001"
FAILED = "emergency_sign_in_failed"


def _try(world: World, user_id: str, pin: str, source: str = "caller") -> IxrsError | None:
    try:
        sign_in_emergency(world.core, user_id, pin, source=source)
    except IxrsError as error:
        return error
    return None


def _alerts(world: World) -> int:
    return sum(name == f"sms.{FAILED}" for name, _, _ in world.messages())


def test_the_right_pin_lets_in_and_leaves_no_failure(quick_world: World) -> None:
    assert sign_in_emergency(quick_world.core, IVY, PIN, source="s").user_id == IVY
    assert _alerts(quick_world) == 0


@pytest.mark.req("R3")
@pytest.mark.parametrize("user_id", [IVY, "999999"])
def test_a_wrong_try_is_on_record_and_alerted(quick_world: World, user_id: str) -> None:
    assert isinstance(_try(quick_world, user_id, WRONG), NotAuthenticated)
    known = user_id if user_id == IVY else None
    entry = last_event(quick_world)
    assert entry["transaction"] == FAILED
    assert entry["facts"] == {"user_id": known, "why": "not_authenticated"}
    assert quick_world.messages()[-1] == (f"sms.{FAILED}", None, "administrator helpdesk")


def test_wrong_tries_count_towards_the_five_of_every_channel(quick_world: World) -> None:
    for n in range(4):
        _try(quick_world, IVY, WRONG, f"s{n}")
    with pytest.raises(NotAuthenticated):
        sign_in(quick_world.core, IVY, WRONG, source="web")
    assert isinstance(_try(quick_world, IVY, PIN, "s"), LockedOut)


@pytest.mark.req("R21")
def test_while_locked_even_the_right_pin_is_held_and_the_lock_ends_when_it_would_have(
    quick_world: World,
) -> None:
    start = quick_world.core.now()
    for n in range(5):
        _try(quick_world, IVY, WRONG, f"s{n}")
    before = _alerts(quick_world)
    quick_world.set_time(start + dt.timedelta(minutes=29))
    for pin in (WRONG, PIN):
        assert isinstance(_try(quick_world, IVY, pin, "late"), LockedOut)
        assert last_event(quick_world)["facts"] == {"user_id": IVY, "why": "locked_out"}
    assert _alerts(quick_world) == before + 2
    quick_world.set_time(start + dt.timedelta(minutes=30))
    assert _try(quick_world, IVY, PIN, "s") is None


def test_a_source_that_waits_and_a_pin_too_old_are_on_record_too(quick_world: World) -> None:
    for n in range(5):
        _try(quick_world, f"99000{n}", WRONG, "one")
    assert isinstance(_try(quick_world, IVY, PIN, "one"), MustWait)
    assert last_event(quick_world)["facts"] == {"user_id": IVY, "why": "must_wait"}
    years_later(quick_world)
    assert isinstance(_try(quick_world, IVY, PIN, "two"), SecretAged)
    assert last_event(quick_world)["facts"] == {"user_id": IVY, "why": "secret_aged"}


def test_what_an_unknown_caller_keyed_is_nowhere(quick_world: World) -> None:
    _try(quick_world, "718293", "918273")
    text = repr(quick_world.dump())
    assert "718293" not in text
    assert "918273" not in text
