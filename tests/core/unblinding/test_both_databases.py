"""Every deed of the blind, done once on each database: listed, read, and verified."""

from __future__ import annotations

import pytest

from core.ledger.verify import verify
from core.transaction import Channel
from core.unblinding.list import BreaksListing
from core.unblinding.openings import list_openings
from core.unblinding.reading import read_all
from tests.support.unblinding import lived_in
from tests.support.world import World


@pytest.mark.req("R3")
def test_whatever_opened_a_treatment_is_listed_read_and_verified(world: World) -> None:
    world.randomized()
    lived_in(world)
    found = read_all(world.core, world.actor("Tess"), "combi", channel=Channel.API)
    assert [one.told for one in found] == [2, 2]
    with world.core.reading() as db:
        rows = BreaksListing(world.core, db, world.actor("Mia"), "combi").list_breaks().rows
        now = world.core.now()
        bases = [one.basis for one in list_openings(db, world.actor("Saf"), "combi", now)]
    assert {row.deed for row in rows} == {
        *("code_break", "code_view", "unblind_kit", "view_kit", "unblind_study"),
        *("take_emergency_call", "break_for_caller", "decline_caller"),
    }
    assert sum(row.readings for row in rows) == 2
    assert bases == ["code_view", "code_view"]
    assert verify(world.core, "combi").problems == []
