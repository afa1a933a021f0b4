"""The steps of a kit that a subject has: each legal one leads where it says, no other is taken."""

from __future__ import annotations

from typing import Any, Final

import pytest

from core.errors import InvalidInput
from core.supply.lifecycle import STEPS
from tests.core.supply.test_lifecycle import (
    AT_DEPOT,
    UNITS,
    _kits_in_each_state,
    _put_back,
    _row,
    _state,
)
from tests.support.world import Given, World

DEEDS: Final[dict[str, tuple[str, Given]]] = {
    "return": ("return_kit", UNITS),
    "replace_lost": ("replace", {"reason": "lost"}),
    "replace_damaged": ("replace", {"reason": "damaged"}),
    "replace_not_given": ("replace", {"reason": "not_given"}),
    "take_back": ("never_got_it", {"storage_confirmed": "yes"}),
    "take_back_returned": ("never_got_it", {"storage_confirmed": "no"}),
}
"""The steps that a kit takes as somebody's: the deed, with which answers."""


def _owner(world: World, row: Any) -> str:
    """Whose the kit is, or any subject."""
    query = "SELECT number FROM subject WHERE study = :study AND id = :id"
    found = world.rows(query, id=row.subject_id)
    return str(found[0].number) if found else "101001"


def _do(world: World, deed: str, **given: Any) -> None:
    done = world.do(deed, "Ada", **given)
    if done.pending:
        world.do("approve", "Cy", proposal=str(done.facts["proposal"]))


def test_what_a_subject_has_comes_back_or_is_replaced_and_nothing_else_is(
    quick_world: World,
) -> None:
    world = quick_world
    kits = _kits_in_each_state(world)
    # For those that are given in place of others: first to expire, so that none of `kits` is.
    world.stock([("6101", "A", "2028-01"), ("6102", "B", "2028-01")], 8, start=300)
    world.ship(4)
    for step, (deed, answers) in DEEDS.items():
        for state, kit in kits.items():
            before = _row(world, kit)
            given: Given = {"subject": _owner(world, before), "kit": kit, **answers}
            if state in AT_DEPOT:
                with pytest.raises(InvalidInput):
                    world.do(deed, "Ada", **given)
            elif state in STEPS[step].before:
                _do(world, deed, **given)
                assert _state(world, kit) == STEPS[step].after, (step, state)
                _put_back(world, before)
            else:
                world.refused("kit_not_usable", deed, "Ada", **given)
            assert _row(world, kit) == before, (step, state)
