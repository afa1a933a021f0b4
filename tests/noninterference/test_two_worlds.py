"""Nothing that the blinded can get tells the arms: two worlds that differ in them alone.

In the other world two arms and their kits are exchanged; clock and chance are the same. Every
answer to a blinded person, with status and headers, every message, file, log line, statement and
draw of chance has to be the same, byte by byte and in the same order.
"""

from __future__ import annotations

import pytest

from core.register import transactions
from tests.noninterference.conftest import MakeWorld
from tests.noninterference.hands import CHANNELS, Hands
from tests.noninterference.readings import read_all
from tests.noninterference.story import by_channel, everything
from tests.noninterference.story_supply import brief
from tests.noninterference.watch import Seen, first_difference
from tests.support.swap import OTHER

TRANSACTIONS_MIN = 300
EACH_LOTS_KEPT = 10
"""Of each lot, where all of it comes to the site at once."""
REFUSED = {
    *("wrong_shipment_status", "dose_held", "no_kit_available", "not_recorded", "on_hold"),
    *("wrong_subject_status", "already_randomized", "not_allowed", "not_at_the_end"),
    "no_factors",
}
ELSEWHERE = {
    *("enter_phase", "respond", "correct_response", "correct_levels", "decide_cohort"),  # cohorts
    *("import_list", "activate_list", "take_seed_share", "import_subjects"),
    *("give_rest", "approve_shipment", "reset_factors"),
}
"""What this study has no use for: each has two worlds of its own or tells nobody blinded anything.
A new transaction goes into the story."""


def _are_exchanged(one: Hands, other: Hands, numbers: list[str]) -> bool:
    """Whether every kit is of the other arm's type, and every subject in the other arm."""
    rows = one.world.rows("SELECT number FROM kit WHERE study = :study")
    ours, theirs = (
        {row.number: hands.world.kit_type(row.number) for row in rows} for hands in (one, other)
    )
    arms = [[hands.world.arm(number) for number in numbers] for hands in (one, other)]
    return {kit: OTHER[code] for kit, code in ours.items()} == theirs and all(
        {*pair} == {"active", "placebo"} for pair in zip(*arms, strict=True)
    )


def _names_what_is_sealed(seen: Seen) -> bool:
    """Whether somebody at a site or its monitor got a word on what a kit holds, or on blocks: the
    worlds do not differ in what the study file says to everybody."""
    return seen.where.split()[0] in ("Ada", "Ivy", "Pat", "Di", "Cy") and any(
        word in (seen.told or b"") for word in (b"Active 50", b"Placebo for", b"block_sizes")
    )


@pytest.mark.slow
@pytest.mark.req("R6")
def test_all_that_the_blinded_get_is_the_same_with_two_arms_exchanged(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    one = make_world(exchanged=False)
    numbers = everything(one, exchanged=False)
    other = make_world(exchanged=True)
    assert everything(other, exchanged=True) == numbers
    assert _are_exchanged(one, other, numbers)
    found = first_difference(one.watch.seen, other.watch.seen)
    assert found is None, found
    assert [seen.where for seen in one.watch.seen if _names_what_is_sealed(seen)] == []
    assert {code for _, _, code in one.refused} == REFUSED
    assert {each.name for each in transactions()} - {name for _, name in one.done} == ELSEWHERE
    counted = by_channel(one)
    with capsys.disabled():
        print(f"\n{sum(counted.values())} transactions {counted}, {len(one.watch.seen)} answers")
    assert sum(counted.values()) >= TRANSACTIONS_MIN
    assert set(counted) == set(CHANNELS)


@pytest.mark.slow
@pytest.mark.req("R6")
def test_nor_does_it_show_of_which_lot_a_kit_is(make_world: MakeWorld) -> None:
    """Here lots keep their types and dates, and each kit is of the other lot."""
    given = {"lots_kept": True, "each": EACH_LOTS_KEPT}
    one = make_world(exchanged=False, **given)
    numbers = brief(one, EACH_LOTS_KEPT)
    read_all(one, numbers, ("Ada", "Cy", "Aud"))
    other = make_world(exchanged=True, **given)
    assert brief(other, EACH_LOTS_KEPT) == numbers
    read_all(other, numbers, ("Ada", "Cy", "Aud"))
    assert _are_exchanged(one, other, numbers)
    found = first_difference(one.watch.seen, other.watch.seen)
    assert found is None, found
