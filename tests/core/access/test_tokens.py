"""Tokens of the API: made and revoked by their owner, dead with the owner."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from sqlalchemy import text

from core.access import tokens
from core.errors import InvalidInput, NotAuthenticated, NotFound
from core.transaction import Channel
from tests.support.world import World


def made(world: World, who: str = "Ada", days: int = 30) -> tuple[tokens.Token, str]:
    return tokens.make(world.core, world.actor(who), "lab", days, channel=Channel.WEB)


def test_a_token_is_its_owner_with_the_roles_held_now(world: World) -> None:
    token, secret = made(world)
    actor, number = tokens.authenticate(world.core, secret)
    assert (actor, number) == (world.actor("Ada"), token.id)
    with world.core.writing() as db:
        db.execute(text("DELETE FROM grant_role WHERE user_id = '11'"))
    assert tokens.authenticate(world.core, secret)[0].grants == ()


def test_the_token_itself_is_nowhere_in_the_database(quick_world: World) -> None:
    _, secret = made(quick_world)
    assert secret.startswith("ixrs_")
    assert len(secret) > 40
    assert secret not in repr(quick_world.dump())
    assert secret.removeprefix("ixrs_") not in repr(quick_world.dump())


@pytest.mark.parametrize("status", ["disabled", "invited"])
def test_the_token_of_who_is_not_active_is_dead(quick_world: World, status: str) -> None:
    _, secret = made(quick_world)
    with quick_world.core.writing() as db:
        change = "UPDATE person SET status = :status WHERE user_id = '11'"
        db.execute(text(change), {"status": status})
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(quick_world.core, secret)


def test_a_token_ends_on_its_day(quick_world: World) -> None:
    _, secret = made(quick_world, days=1)
    quick_world.days_later(0.99)
    tokens.authenticate(quick_world.core, secret)
    quick_world.days_later(0.01)
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(quick_world.core, secret)


def test_a_revoked_token_is_dead_and_only_its_owner_revokes_it(quick_world: World) -> None:
    token, secret = made(quick_world)
    with pytest.raises(NotFound):
        tokens.revoke(quick_world.core, quick_world.actor("Ivy"), token.id, channel=Channel.WEB)
    tokens.authenticate(quick_world.core, secret)
    tokens.revoke(quick_world.core, quick_world.actor("Ada"), token.id, channel=Channel.WEB)
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(quick_world.core, secret)
    with pytest.raises(NotFound):
        tokens.revoke(quick_world.core, quick_world.actor("Ada"), token.id, channel=Channel.WEB)
    with quick_world.core.reading() as db:
        (kept,) = tokens.tokens_of(db, "11")
        assert tokens.tokens_of(db, "12") == ()
    assert kept.revoked_at == quick_world.core.now()


def test_making_and_revoking_are_on_record(quick_world: World) -> None:
    token, _ = made(quick_world)
    tokens.revoke(quick_world.core, quick_world.actor("Ada"), token.id, channel=Channel.COMMAND)
    query = "SELECT body FROM ledger WHERE study = 'installation' ORDER BY sequence DESC LIMIT 2"
    revoked, first = (json.loads(row.body) for row in quick_world.rows(query))
    assert (first["transaction"], first["actor"], first["channel"]) == ("token_made", "11", "web")
    assert first["facts"]["name"] == "lab"
    assert (revoked["transaction"], revoked["channel"]) == ("token_revoked", "command line")
    assert revoked["facts"] == {"token": token.id}


def test_use_is_noted_at_most_once_a_minute(quick_world: World) -> None:
    _, secret = made(quick_world)
    started = quick_world.core.now()
    for seconds, noted in ((0, 0), (30, 0), (59, 0), (60, 60), (90, 60)):
        quick_world.set_time(started + dt.timedelta(seconds=seconds))
        tokens.authenticate(quick_world.core, secret)
        with quick_world.core.reading() as db:
            (kept,) = tokens.tokens_of(db, "11")
        assert kept.used_at == started + dt.timedelta(seconds=noted)


@pytest.mark.parametrize("days", [0, -1, 366])
def test_a_token_lives_a_year_at_most(quick_world: World, days: int) -> None:
    with pytest.raises(InvalidInput) as wrong:
        made(quick_world, days=days)
    assert wrong.value.field == "days"


@pytest.mark.parametrize("name", ["", "  ", "n" * 81, "two\nlines"])
def test_a_token_has_a_name_of_one_line(quick_world: World, name: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        tokens.make(quick_world.core, quick_world.actor("Ada"), name, 1, channel=Channel.WEB)
    assert wrong.value.field == "name"


@pytest.mark.parametrize("guess", ["", "ixrs_", "ixrs_" + "A" * 43, "é", "x" * 5000])
def test_a_guess_opens_nothing(quick_world: World, guess: str) -> None:
    made(quick_world)
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(quick_world.core, guess)
