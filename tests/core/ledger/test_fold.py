"""Every deed is followed from the ledger to its rows, or is known to change none that are."""

from __future__ import annotations

from core.ledger.fold import NO_ROWS, followed
from core.ledger.verify import verify
from core.register import transactions
from tests.support.world import World
from tests.test_docs import lived_in

__all__ = ["lived_in"]


def test_every_deed_is_followed_to_its_rows() -> None:
    named = {one.name for one in transactions()}
    assert named - followed() - NO_ROWS == set()
    assert NO_ROWS & followed() == set()
    assert named >= NO_ROWS


def test_a_world_in_which_every_deed_was_done_is_as_its_entries_tell(lived_in: World) -> None:
    problems = verify(lived_in.core).problems
    # In the study of the doses the shelf was emptied by hand.
    assert [one for one in problems if not one.startswith("titra ")] == []
