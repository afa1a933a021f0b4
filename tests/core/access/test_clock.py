"""Under a clock that runs: what a row says and what its entry says are of one moment."""

from __future__ import annotations

from core.access import sessions
from core.context import SystemClock
from core.ledger.verify import verify
from tests.support.world import PEOPLE, World


def test_rows_and_entries_say_the_same_moment(quick_world: World) -> None:
    quick_world.core.clock = SystemClock()
    sessions.start(quick_world.core, quick_world.actor("Ada"))
    quick_world.do("grant_role", "Mia", user_id=PEOPLE["Di"], role="pharmacist", to_site="101")
    quick_world.do("lock_person", "Hal", user_id=PEOPLE["Dan"], reason="lost")
    quick_world.do("review_access", "Mia", access_verdict="right")
    found = verify(quick_world.core)
    assert found.ok, found.problems
