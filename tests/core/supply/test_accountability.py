"""What each reader is told of the drug, and that it is all there: by real deeds in the world."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.errors import NotFound
from core.supply.accountability import Account, read_accountability
from core.transaction import Channel
from tests.support.shipments import kits_in
from tests.support.world import TODAY, Given, World

UNITS: Given = {"units_used": "3", "units_unused": "1", "units_missing": "0"}


def _account(world: World, who: str, site: str | None = "101") -> Account:
    actor = world.actor(who)
    return read_accountability(world.core, actor, world.study, site, channel=Channel.COMMAND.value)


def _live(world: World) -> str:
    """A bit of everything at site 101; returns a subject with kits."""
    first, second = world.randomized(), world.randomized()
    (kit,) = world.dispense(first)
    (old,) = world.dispense(second)
    world.do("replace", "Ada", subject=second, kit=old, reason="damaged")
    world.do("return_kit", "Ada", subject=first, kit=kit, **UNITS)
    on_shelf = world.rows(
        "SELECT number FROM kit WHERE study = :study AND site = '101' "
        "AND disposition = 'available' ORDER BY id"
    )
    for row, condition in zip(on_shelf, ("missing", "doubtful", "damaged"), strict=False):
        world.do("report_stock", "Ada", kit=row.number, condition=condition)
    late = world.ship(2, receive=None)
    world.receive(late, missing=kits_in(world, late)[0], to_follow="yes")
    world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    return first


@pytest.mark.req("R25")
def test_all_that_came_to_a_site_is_accounted_for_by_state(world: World) -> None:
    _live(world)
    (here,) = _account(world, "Cy").sites
    assert here.received == 2 * 8 + 2 * 2
    assert here.counts["returned"] == 1
    assert here.counts["with_subjects"] == 1
    assert here.counts["damaged"] == 2
    assert here.counts["missing"] == here.counts["held"] == here.counts["in_transit"] == 1
    assert sum(here.counts.values()) == here.received
    assert here.difference == 0


def test_a_record_that_was_tampered_with_does_not_close(quick_world: World) -> None:
    with quick_world.core.writing() as db:
        db.execute(
            text("DELETE FROM shipment_kit WHERE kit_id = (SELECT min(kit_id) FROM shipment_kit)")
        )
    found = _account(quick_world, "Sam", None)
    assert not found.closes


def test_a_kit_goes_with_a_subject_who_moves_and_both_balances_close(quick_world: World) -> None:
    world = quick_world
    number = world.randomized()
    (kit,) = world.dispense(number)
    world.do("move_subject", "Mia", subject=number, to_site="102")
    world.do("return_kit", "Di", subject=number, kit=kit, **UNITS)
    found = {one.site: one for one in _account(world, "Sam", None).sites}
    assert (found["101"].carried_out, found["102"].carried_in) == (1, 1)
    assert found["102"].counts["returned"] == 1
    assert not any(one.difference for one in found.values())


@pytest.mark.parametrize("who", ["Ada", "Pat", "Ivy", "Cy", "Mia"])
def test_the_blinded_read_no_type_and_no_lot_that_tells_one(quick_world: World, who: str) -> None:
    _live(quick_world)
    found = _account(quick_world, who)
    assert not found.types
    assert not found.is_unblinding
    assert found.lots == ()
    for one in found.kits:
        assert (one.kit_type, one.lot, one.expiry) == (None, None, None)
        assert one.group == "Capsules"
    assert found.subjects
    assert "types_read" not in _events(quick_world)


def test_a_lot_with_the_printed_name_of_all_its_group_is_told_to_the_blinded(
    quick_world: World,
) -> None:
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE lot SET label_lot = 'L1' WHERE number IN ('5001', '5002')"))
    found = _account(quick_world, "Ada")
    (lot,) = found.lots
    assert (lot.lot, lot.kit_type, lot.packaged) == ("L1", None, 16)
    assert {one.lot for one in found.kits} == {"L1"}


def _events(world: World) -> list[str]:
    query = "SELECT transaction FROM ledger WHERE study = :study ORDER BY sequence"
    return [row[0] for row in world.rows(query.replace("transaction", '"transaction"'))]


def test_the_unblinded_pharmacist_reads_types_and_is_on_record_with_the_subjects(
    quick_world: World,
) -> None:
    world = quick_world
    subject = _live(world)
    found = _account(world, "Bo")
    assert {one.kit_type for one in found.kits} == {"A", "B"}
    assert {one.kit_type for one in found.lots} == {"A", "B"}
    entry = world.last_entry()
    assert (entry["transaction"], entry["actor"], entry["site"]) == ("types_read", "13", "101")
    assert entry["facts"]["what"] == "accountability"
    assert subject in entry["facts"]["subjects"]


def test_supply_reads_types_of_every_site_and_depot_but_nobody_s_name(quick_world: World) -> None:
    world = quick_world
    _live(world)
    found = _account(world, "Sam", None)
    assert {one.site for one in found.kits} == {"101", "102", None}
    assert {one.subject for one in found.kits} == {None}
    assert found.subjects == ()
    assert [(one.lot, one.packaged) for one in found.lots] == [("5001", 24), ("5002", 24)]
    assert all(sum(one.counts.values()) == one.packaged for one in found.lots)
    assert world.last_entry()["facts"]["subjects"] == []


def test_nobody_reads_the_account_of_a_site_that_is_not_theirs(quick_world: World) -> None:
    for who, site in (("Ada", "102"), ("Bo", None), ("Hal", None), ("Sam", "999"), ("Cy", "103")):
        if (who, site) == ("Bo", None):
            assert {one.site for one in _account(quick_world, who, None).sites} == {"101"}
            continue
        with pytest.raises(NotFound):
            _account(quick_world, who, site)


def test_in_an_open_label_study_everybody_at_the_site_reads_types(quick_world: World) -> None:
    found = _account(quick_world.of("drug"), "Ada")
    assert found.types
    assert not found.is_unblinding
    assert {one.kit_type for one in found.kits} == {"A", "B"}
    assert found.at.date().isoformat() == TODAY


def test_a_lot_of_one_type_hides_all_lots_of_its_group_from_the_blinded(quick_world: World) -> None:
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE lot SET label_lot = '5001' WHERE study = 'combi'"))
    assert {one.lot for one in _account(quick_world, "Cy").kits} == {"5001"}
    quick_world.stock([("7001", "B", "2028-01")], 2, start=500)
    quick_world.ship(1)
    seen = _account(quick_world, "Cy")
    assert {one.lot for one in seen.kits} == {None}
    assert seen.lots == ()
    assert "7001" in {one.lot for one in _account(quick_world, "Bo").kits}
