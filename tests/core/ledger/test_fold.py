"""Every deed is followed from the ledger to its rows, or is known to change none that are."""

from __future__ import annotations

from core.ledger.fold import NO_ROWS, followed
from core.register import transactions


def test_every_deed_is_followed_to_its_rows() -> None:
    named = {one.name for one in transactions()}
    assert named - followed() - NO_ROWS == set()
    assert NO_ROWS & followed() == set()
    assert NO_ROWS <= named
