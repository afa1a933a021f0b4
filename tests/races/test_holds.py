"""A hold that is signed while a deed is under way: none is recorded after it."""

from __future__ import annotations

import threading

import pytest

from core.errors import OnHold
from tests.races.crowd import Waiting
from tests.support.world import World, make_core


@pytest.mark.parametrize("deed", ["screen", "randomize", "dispense"])
def test_a_deed_under_way_when_the_hold_is_signed_meets_it(crowded: World, deed: str) -> None:
    subject = crowded.screen()
    if deed == "dispense":
        subject = crowded.randomized()
    before = crowded.one("SELECT count(*) FROM ledger WHERE outcome = 'done'")
    late = World(make_core(str(crowded.core.engine.url), threads=2), requests="late")
    waiting = late.core.entropy = Waiting()
    told: list[BaseException] = []

    def try_it() -> None:
        try:
            _do(late, deed, subject)
        except OnHold as error:
            told.append(error)

    under_way = threading.Thread(target=try_it)
    under_way.start()
    assert waiting.there.wait(20)
    holding = threading.Thread(target=_hold, args=(crowded,))
    holding.start()
    # SQLite has one writer: there the hold waits for the deed, which came first.
    holding.join(2)
    was_first = holding.is_alive()
    waiting.go.set()
    under_way.join(30)
    holding.join(30)
    done = crowded.one("SELECT count(*) FROM ledger WHERE outcome = 'done'") - before
    assert (len(told), done) == ((0, 2) if was_first else (1, 1))
    assert was_first == crowded.core.settings.is_sqlite
    late.close()


def _do(world: World, deed: str, subject: str) -> None:
    if deed == "screen":
        world.screen()
    elif deed == "randomize":
        world.randomize(subject)
    else:
        world.dispense(subject)


def _hold(world: World) -> None:
    world.do(
        "place_hold",
        "Mia",
        hold_scope="study",
        hold_reason="A safety signal",
        hold_screening="yes",
        hold_randomization="yes",
        hold_dispensing="yes",
    )
