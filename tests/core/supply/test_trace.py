"""The trace of a lot: every kit, and all that it came to; for the unblinded, and on record."""

from __future__ import annotations

import pytest

from core.errors import NotFound
from core.supply.trace import Trace, read_trace
from core.transaction import Channel
from tests.support.shipments import transfer
from tests.support.world import Given, World

UNITS: Given = {"units_used": "1", "units_unused": "0", "units_missing": "0"}


def _trace(world: World, lot: str = "5001", who: str = "Quinn") -> Trace:
    return read_trace(world.core, world.actor(who), world.study, lot, channel=Channel.WEB)


def _lot_of(world: World, kit: str) -> str:
    query = "SELECT lot.number FROM kit JOIN lot ON lot.id = kit.lot_id WHERE kit.number = :k"
    return str(world.one(f"{query} AND kit.study = :study", k=kit))


@pytest.mark.req("R25")
def test_a_lot_leads_to_its_kits_sites_shipments_and_subjects(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    lot = _lot_of(world, kit)
    on_its_way = world.ship(1, receive=None)
    found = _trace(world, lot)
    assert (found.lot, found.status, len(found.kits)) == (lot, "released", 24)
    assert found.kit_type == world.kit_type(kit)
    assert found.sites == ("101", "102")
    assert (found.subjects, on_its_way in found.shipments) == ((number,), True)
    (given,) = [one for one in found.kits if one.number == kit]
    assert (given.state, given.site, given.subjects, given.visit) == (
        *("dispensed", "101", (number,)),
        "V1",
    )
    (moving,) = [one for one in found.kits if one.state == "in_transit"]
    assert (moving.site, moving.shipments) == ("101", (on_its_way,))
    assert {one.state for one in found.kits} == {"available", "dispensed", "in_transit"}
    assert [one.number for one in found.kits] == sorted(one.number for one in found.kits)


def test_a_kit_that_went_from_site_to_site_is_traced_to_both(quick_world: World) -> None:
    moved = transfer(quick_world, "101", "102")
    found = _trace(quick_world)
    (kit,) = [one for one in found.kits if one.shipments[-1:] == (moved,)]
    assert len(kit.shipments) == 2


def test_a_subject_who_brought_it_back_is_found_still(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    quick_world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    found = _trace(quick_world, _lot_of(quick_world, kit))
    assert found.subjects == (number,)
    assert [one.state for one in found.kits if one.number == kit] == ["returned"]


def test_a_subject_who_never_got_it_is_found_too(quick_world: World) -> None:
    first, second = quick_world.randomized(), quick_world.randomized()
    (kit,) = quick_world.dispense(first)
    never: Given = {"subject": first, "kit": kit, "storage_confirmed": "yes"}
    proposal = quick_world.do("never_got_it", "Ada", **never).facts["proposal"]
    quick_world.do("approve", "Cy", proposal=str(proposal))
    (traced,) = [
        one for one in _trace(quick_world, _lot_of(quick_world, kit)).kits if one.number == kit
    ]
    assert traced.subjects == (first,)
    assert second not in traced.subjects


def test_the_reading_is_on_record_before_it_is_shown_with_its_subjects(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    lot = _lot_of(quick_world, kit)
    _trace(quick_world, lot)
    entry = quick_world.last_entry()
    assert (entry["transaction"], entry["actor"], entry["channel"]) == ("types_read", "4", "web")
    assert entry["facts"] == {"what": "trace", "of": lot, "subjects": [number]}


@pytest.mark.parametrize(
    ("who", "lot"),
    [
        *(("Ada", "5001"), ("Cy", "5001"), ("Mia", "5001"), ("Bo", "5001"), ("Hal", "5001")),
        *(("Quinn", "9999"), ("Quinn", ""), ("Quinn", "x\x00"), ("Quinn", "5" * 60)),
    ],
)
def test_the_trace_does_not_exist_for_others_nor_of_a_lot_that_there_is_not(
    quick_world: World, who: str, lot: str
) -> None:
    before = quick_world.dump()
    with pytest.raises(NotFound):
        _trace(quick_world, lot, who)
    assert quick_world.dump() == before


def test_a_recall_changes_states_and_leaves_the_trace(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    lot = _lot_of(quick_world, kit)
    before = _trace(quick_world, lot)
    quick_world.do("recall_lot", "Quinn", lot=lot, reason="Glass")
    after = _trace(quick_world, lot)
    assert after.status == "recalled"
    assert [one.number for one in after.kits] == [one.number for one in before.kits]
    assert {one.state for one in after.kits} == {"quarantined", "dispensed"}
    assert after.subjects == before.subjects
