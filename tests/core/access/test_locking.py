"""Locked out at once, let in again by a code to one's own mobile; factors that were lost."""

from __future__ import annotations

import pytest

from core.access import sessions, tokens
from core.access.activation import activate, issue_code
from core.access.factors import factors_of
from core.access.roles import load_actor
from core.access.signin import sign_in
from core.errors import LockedOut, NotAuthenticated, NotFound
from core.transaction import Channel
from tests.support.access import in_app
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World

ADA, HAL = PEOPLE["Ada"], PEOPLE["Hal"]


def _lock(world: World, by: str = "Hal") -> None:
    world.do("lock_person", by, user_id=ADA, reason="lost")


@pytest.mark.req("R21")
def test_nothing_works_for_a_locked_person_on_any_channel(quick_world: World) -> None:
    core, actor = quick_world.core, quick_world.actor("Ada")
    cookie = sessions.start(core, actor)
    _, token = tokens.make(core, actor, "t", 30, channel=Channel.WEB)
    _lock(quick_world)
    with core.reading() as db:
        assert sessions.find(db, core, cookie) is None
        with pytest.raises(NotFound):
            load_actor(db, ADA, core.now())
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(core, token)
    with pytest.raises(LockedOut):
        sign_in(core, ADA, PIN, source="s")


def test_only_who_has_the_secret_hears_that_it_is_locked(quick_world: World) -> None:
    _lock(quick_world)
    with pytest.raises(NotAuthenticated):
        sign_in(quick_world.core, ADA, "000001", source="s")


@pytest.mark.req("R20")
def test_a_code_to_the_own_mobile_unlocks_and_an_older_code_does_not(quick_world: World) -> None:
    core = quick_world.core
    with core.writing() as db:
        older = issue_code(db, core, ADA)
    _lock(quick_world)
    with pytest.raises(NotAuthenticated):
        activate(core, older, OTHER_PIN, source="s")
    quick_world.do("send_code", "Hal", user_id=ADA)
    with pytest.raises(LockedOut):
        sign_in(core, ADA, PIN, source="s")
    with core.writing() as db:
        fresh = issue_code(db, core, ADA)
    activate(core, fresh, OTHER_PIN, source="s")
    assert sign_in(core, ADA, OTHER_PIN, source="s").user_id == ADA


@pytest.mark.req("R21")
def test_a_lock_is_told_to_the_person_and_those_who_look_after_accounts(
    quick_world: World,
) -> None:
    before = len(quick_world.messages())
    _lock(quick_world, "Mia")
    told = quick_world.messages()[before:]
    assert ("sms.locked_by_hand", None, "administrator helpdesk") in told
    assert ("sms.you_are_locked", ADA, None) in told
    assert quick_world.last_entry()["facts"] == {"user_id": ADA, "reason": "lost"}


def test_who_may_lock(quick_world: World) -> None:
    for who in ("Ada", "Cy", "Sam"):
        quick_world.refused("not_allowed", "lock_person", who, user_id=HAL, reason="other")
    _lock(quick_world)
    quick_world.refused("locked_already", "lock_person", "Hal", user_id=ADA, reason="other")


@pytest.mark.req("R20")
def test_lost_factors_are_taken_away_by_the_helpdesk_and_the_person_is_told(
    quick_world: World,
) -> None:
    quick_world.refused("no_factors", "reset_factors", "Hal", user_id=ADA)
    in_app(quick_world, "Ada")
    quick_world.refused("not_allowed", "reset_factors", "Mia", user_id=ADA)
    receipt = quick_world.do("reset_factors", "Hal", user_id=ADA)
    assert receipt.facts == {"user_id": ADA, "removed": ["totp"]}
    with quick_world.core.reading() as db:
        assert not factors_of(db, ADA)
    assert quick_world.messages()[-1] == ("sms.reset_factors", ADA, None)
