"""The second factor: codes of an app, right once, and counted on their own."""

from __future__ import annotations

import datetime as dt

import pytest

from core.access import factors, halfway
from core.access.activation import activate, issue_code
from core.access.signin import sign_in
from core.errors import InvalidInput, LockedOut, NotAuthenticated, NotFound
from tests.support.access import code_of, in_app, last_event, next_code
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World

ADA = PEOPLE["Ada"]
WRONG = "000000"


def _half(world: World, who: str = "Ada") -> halfway.Halfway:
    token = halfway.start(world.core, world.actor(who))
    with world.core.reading() as db:
        return halfway.find(db, world.core, token)


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, SHA-1, cut to six digits."""
    key = b"12345678901234567890"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        at = dt.datetime.fromtimestamp(seconds, dt.UTC)
        assert factors._step_of(key, code, 0, at) == seconds // 30


def test_an_app_is_in_use_after_its_first_code_and_told(quick_world: World) -> None:
    actor = quick_world.actor("Ada")
    first = factors.begin_app(quick_world.core, actor)
    assert factors.begin_app(quick_world.core, actor) == first
    assert first.address.startswith("otpauth://totp/IxRS:11?secret=" + first.text)
    with quick_world.core.reading() as db:
        assert not factors.factors_of(db, ADA)
    with pytest.raises(InvalidInput):
        factors.confirm_app(quick_world.core, actor, WRONG)
    in_app(quick_world, "Ada")
    with quick_world.core.reading() as db:
        assert factors.factors_of(db, ADA).app_since == quick_world.core.now()
    assert last_event(quick_world)["facts"] == {"user_id": ADA, "of": "totp"}
    assert quick_world.messages()[-1] == ("sms.factor_added", ADA, None)
    with pytest.raises(NotFound):
        factors.begin_app(quick_world.core, actor)
    assert first.text not in repr(quick_world.dump())


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(quick_world: World, steps: int, right: bool) -> None:
    key = in_app(quick_world, "Ada")
    quick_world.days_later(1)
    half, code = _half(quick_world), code_of(quick_world, key, steps=steps)
    if right:
        halfway.prove_app(quick_world.core, half, code)
    else:
        with pytest.raises(NotAuthenticated):
            halfway.prove_app(quick_world.core, half, code)


def test_no_code_is_right_twice(quick_world: World) -> None:
    key = in_app(quick_world, "Ada")
    code = next_code(quick_world, key)
    halfway.prove_app(quick_world.core, _half(quick_world), code)
    with pytest.raises(NotAuthenticated):
        halfway.prove_app(quick_world.core, _half(quick_world), code)


@pytest.mark.req("R21")
def test_five_wrong_lock_the_factor_whatever_pins_were_right_in_between(
    quick_world: World,
) -> None:
    key = in_app(quick_world, "Ada")
    core = quick_world.core
    for n in range(5):
        sign_in(core, ADA, PIN, source=f"s{n}")
        with pytest.raises(LockedOut if n == 4 else NotAuthenticated):
            halfway.prove_app(core, _half(quick_world), WRONG)
    assert last_event(quick_world)["transaction"] == "factor_locked"
    assert set(quick_world.messages()[-2:]) == {
        ("sms.factor_locked", ADA, None),
        ("sms.factor_locked", None, "administrator helpdesk"),
    }
    with pytest.raises(LockedOut):
        halfway.prove_app(core, _half(quick_world), next_code(quick_world, key))
    assert sign_in(core, ADA, PIN, source="phone").user_id == ADA
    quick_world.set_time(core.now() + dt.timedelta(minutes=30))
    halfway.prove_app(core, _half(quick_world), next_code(quick_world, key))


def test_a_sign_in_is_complete_after_its_last_step_and_once(quick_world: World) -> None:
    key = in_app(quick_world, "Ada")
    half = _half(quick_world)
    with pytest.raises(NotFound):
        halfway.complete(quick_world.core, half)
    halfway.prove_app(quick_world.core, half, next_code(quick_world, key))
    assert halfway.complete(quick_world.core, half).user_id == ADA
    with pytest.raises(NotFound):
        halfway.complete(quick_world.core, half)


def test_half_a_sign_in_lives_ten_minutes(quick_world: World) -> None:
    token = halfway.start(quick_world.core, quick_world.actor("Ada"))
    quick_world.set_time(quick_world.core.now() + halfway.LIFETIME)
    with quick_world.core.reading() as db, pytest.raises(NotFound):
        halfway.find(db, quick_world.core, token)


def test_the_owner_alone_takes_a_factor_out_of_use(quick_world: World) -> None:
    in_app(quick_world, "Ada")
    with pytest.raises(NotFound):
        factors.remove_app(quick_world.core, quick_world.actor("Di"))
    factors.remove_app(quick_world.core, quick_world.actor("Ada"))
    assert not halfway.is_needed(quick_world.core, quick_world.actor("Ada"))
    assert quick_world.messages()[-1] == ("sms.factor_removed", ADA, None)


def test_half_a_sign_in_ends_with_the_pin_that_it_was_begun_with(quick_world: World) -> None:
    key = in_app(quick_world, "Ada")
    half = _half(quick_world)
    with quick_world.core.writing() as db:
        code = issue_code(db, quick_world.core, ADA)
    activate(quick_world.core, code, OTHER_PIN, source="s")
    halfway.prove_app(quick_world.core, half, next_code(quick_world, key))
    with pytest.raises(NotFound):
        halfway.complete(quick_world.core, half)


def test_a_key_for_an_app_that_was_shown_before_is_never_put_into_use(quick_world: World) -> None:
    actor = quick_world.actor("Ada")
    halfway.start(quick_world.core, actor, purpose=halfway.ADD_APP)
    seen = factors.begin_app(quick_world.core, actor)
    halfway.start(quick_world.core, actor, purpose=halfway.ADD_APP)
    assert factors.begin_app(quick_world.core, actor) != seen
