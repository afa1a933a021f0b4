"""One site resupplied: what is ordered, why, and what anybody is told of it."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from sqlalchemy import update

from core.db.models import kit
from core.messages import message_from_json
from core.sealed import Sealed
from core.supply.resupply.positions import load_positions
from tests.support.resupply import KINDS, MIN_MAX, PREDICTIVE, ordered, publish
from tests.support.shipments import transfer
from tests.support.studies import DRUG
from tests.support.world import World


def test_a_site_that_is_low_is_filled_up_with_every_type_of_the_group(world: World) -> None:
    publish(world, MIN_MAX.format(minimum=8, maximum=10))
    receipt = world.do("resupply", "Sam", to_site="101")
    assert receipt.facts["kind"] == "resupply"
    assert receipt.facts["status"] == "requested"
    assert ordered(world, str(receipt.facts["shipment"])) == {"A": 2, "B": 2}


def test_a_site_that_has_enough_is_sent_nothing(quick_world: World) -> None:
    publish(quick_world, MIN_MAX.format(minimum=7, maximum=10))
    receipt = quick_world.do("resupply", "Sam", to_site="101")
    assert receipt.facts == {"site": "101", "shipment": None, "kits": []}
    assert receipt.said.id == "said.resupply_none"


def test_without_a_rule_nothing_is_sent(quick_world: World) -> None:
    receipt = quick_world.do("resupply", "Sam", to_site="101")
    assert receipt.facts["shipment"] is None
    assert [note.id for note in receipt.notes] == ["why.site_off"]


def test_what_is_on_its_way_counts_so_that_nothing_is_ordered_twice(world: World) -> None:
    publish(world, MIN_MAX.format(minimum=8, maximum=10))
    first = world.do("resupply", "Sam", to_site="101")
    again = world.do("resupply", "Sam", to_site="101")
    assert (first.facts["shipment"] is not None, again.facts["shipment"]) == (True, None)


def test_one_dispensed_kit_brings_both_types_and_never_one_kit_alone(world: World) -> None:
    publish(world, MIN_MAX.format(minimum=7, maximum=8))
    world.dispense(world.randomized())
    made = ordered(world, str(world.do("resupply", "Sam", to_site="101").facts["shipment"]))
    assert made == {"A": 1, "B": 1}


def test_visits_to_come_are_counted_by_the_arm_of_each_subject(quick_world: World) -> None:
    """V1 and V2 open within 42 days: three kits of the subject's type, none of the other's."""
    publish(quick_world, PREDICTIVE.format(minimum=6, maximum=6))
    number = quick_world.randomized()
    kind = KINDS[quick_world.arm(number)]
    made = ordered(
        quick_world, str(quick_world.do("resupply", "Sam", to_site="101").facts["shipment"])
    )
    assert made[kind] == 1  # 6 + 3 within 42 days, of which 8 are there
    assert set(made) == {"A", "B"}


def test_kits_too_near_their_expiry_do_not_count(quick_world: World) -> None:
    """DND 10 and lead 2: DNC 12, so of lots of 30 June 2028 the last day is the 18th."""
    publish(quick_world, MIN_MAX.format(minimum=0, maximum=3))
    quick_world.stock([("5003", "A", "2030-06"), ("5004", "B", "2030-06")], 6, start=500)
    quick_world.set_time(quick_world.core.now().replace(year=2028, month=6, day=18))
    assert quick_world.do("resupply", "Sam", to_site="101").facts["shipment"] is None
    quick_world.days_later(1)
    made = quick_world.do("resupply", "Sam", to_site="101").facts["shipment"]
    assert ordered(quick_world, str(made)) == {"A": 3, "B": 3}


def test_kits_held_until_quality_has_looked_count_and_quarantined_ones_do_not(
    quick_world: World,
) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10))
    quick_world.receive(quick_world.ship(2, receive=None), logger="alarm")
    assert quick_world.do("resupply", "Sam", to_site="101").facts["shipment"] is None
    quick_world.do(
        "judge_excursion", "Quinn", chosen_by="lot", lot="5001", minutes="9", verdict="confirm"
    )
    made = quick_world.do("resupply", "Sam", to_site="101").facts["shipment"]
    assert ordered(quick_world, str(made)) == {"A": 2, "B": 1}


def test_the_first_stock_is_the_whole_target(world: World) -> None:
    publish(world, MIN_MAX.format(minimum=1, maximum=4))
    world.do("activate_site", "Mia", to_site="103", approval_date="2026-11-20")
    receipt = world.do("resupply", "Sam", to_site="103")
    assert receipt.facts["kind"] == "seed"
    assert ordered(world, str(receipt.facts["shipment"])) == {"A": 4, "B": 4}


def test_nothing_goes_to_a_site_that_is_not_active(quick_world: World) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10))
    quick_world.refused("site_not_active", "resupply", "Sam", to_site="103")


def test_with_approval_it_is_a_draft(quick_world: World) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10) + "approve = true\n")
    receipt = quick_world.do("resupply", "Sam", to_site="101")
    assert receipt.facts["status"] == "draft"
    assert receipt.said.id == "said.resupply_draft"
    status = "SELECT status FROM shipment WHERE number = :n"
    assert quick_world.one(status, n=receipt.facts["shipment"]) == "draft"
    assert quick_world.do("resupply", "Sam", to_site="101").facts["shipment"] is None


def test_a_short_depot_sends_what_it_has_of_a_whole_group(world: World) -> None:
    publish(world, MIN_MAX.format(minimum=8, maximum=20))
    receipt = world.do("resupply", "Sam", to_site="101")
    assert ordered(world, str(receipt.facts["shipment"])) == {"A": 8, "B": 8}
    assert ("sms.resupply_short", None, "supply_manager") in world.messages()


def test_a_depot_without_one_type_sends_nothing_in_a_blinded_study(world: World) -> None:
    """What comes alone would tell its type."""
    world.do("quarantine_stock", "Sam", chosen_by="lot", lot="5002", event="doubt")
    publish(world, MIN_MAX.format(minimum=8, maximum=10))
    world.refused("no_kit_available", "resupply", "Sam", to_site="101")
    assert ("sms.resupply_none", None, "supply_manager") in world.messages()
    assert world.one("SELECT count(*) FROM shipment WHERE study = :study") == 2


def test_in_an_open_study_what_there_is_of_one_type_goes_alone(quick_world: World) -> None:
    drug = quick_world.of("drug")
    drug.do("quarantine_stock", "Sam", chosen_by="lot", lot="5002", event="doubt")
    publish(drug, MIN_MAX.format(minimum=8, maximum=10), DRUG)
    made = drug.do("resupply", "Sam", to_site="101").facts["shipment"]
    assert set(ordered(drug, str(made))) == {"A"}


def test_why_is_kept_for_the_site_without_types_and_sealed_with_them(quick_world: World) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10))
    receipt = quick_world.do("resupply", "Sam", to_site="101")
    (row,) = quick_world.rows(
        "SELECT * FROM shipment WHERE number = :n", n=receipt.facts["shipment"]
    )
    assert message_from_json(json.loads(row.why)).id == "why.site_min_max"
    about = f"combi|shipment|{row.number}"
    kept = json.loads(quick_world.core.keys.open(Sealed(bytes(row.reasons), about)))
    assert kept["sent"] == {"A": 2, "B": 2}
    assert [line["state"]["on_hand"] for line in kept["decision"]["types"]] == [8, 8]
    sealed = quick_world.secrets(receipt.sequence)
    assert json.loads(sealed["reasons"][1]) == kept


@pytest.mark.parametrize("who", ["Ada", "Cy", "Mia", "Quinn"])
def test_only_supply_managers_resupply(quick_world: World, who: str) -> None:
    quick_world.refused("not_allowed", "resupply", who, to_site="101")


BY_RISK = """
[resupply]
strategy = "predictive"
short_days = 28
long_days = 42
risk = 0.05
expected = { shape = 2, rate_days = 30, pass_rate = 0.7 }
"""


def _targets(world: World, site: str = "101") -> dict[str, tuple[int, int]]:
    """The buffers of each type at the site."""
    with world.core.reading() as db:
        (found,) = load_positions(world.core, db, world.study, site)
    return {one.code: (one.minimum, one.maximum) for one in found.types}


def test_buffers_by_risk_rise_with_those_in_screening(quick_world: World) -> None:
    publish(quick_world, BY_RISK)
    before = _targets(quick_world)
    for _ in range(6):
        quick_world.screen()
    after = _targets(quick_world)
    assert all(after[code] > before[code] for code in "AB")


def test_buffers_by_risk_follow_what_the_site_has_enrolled(quick_world: World) -> None:
    quick_world.days_later(60)
    publish(quick_world, BY_RISK)
    slow = _targets(quick_world)
    for _ in range(9):
        quick_world.randomized()
    assert all(_targets(quick_world)[code] > slow[code] for code in "AB")
    assert _targets(quick_world, "102") == slow


def test_a_pause_does_not_make_a_site_a_new_one(quick_world: World) -> None:
    quick_world.days_later(60)
    publish(quick_world, BY_RISK)
    before = _targets(quick_world)
    today = quick_world.core.now().date().isoformat()
    for deed in ("pause_site", "activate_site"):
        quick_world.do(deed, "Mia", to_site="101", approval_date=today)
    assert _targets(quick_world) == before


@pytest.mark.parametrize(
    "caps", ["\n[caps]\nsite = 2\n", "\n[caps]\nstudy = 2\n"], ids=["site", "study"]
)
def test_buffers_fall_to_nothing_when_the_cap_is_full(quick_world: World, caps: str) -> None:
    publish(quick_world, BY_RISK + caps)
    assert _targets(quick_world)["A"][1] > 0
    quick_world.randomized()
    quick_world.randomized()
    assert set(_targets(quick_world).values()) == {(0, 0)}


def test_buffers_fall_to_nothing_when_enrolment_closes(quick_world: World) -> None:
    publish(quick_world, BY_RISK.replace("risk", 'enrolment = "closed"\nrisk'))
    assert set(_targets(quick_world).values()) == {(0, 0)}


def test_a_site_has_the_first_rule_that_fits_it(quick_world: World) -> None:
    rule = """
[[resupply.rules]]
countries = ["ES"]
strategy = "min_max"
minimum = { "*" = 8 }
maximum = { "*" = 11 }
"""
    publish(quick_world, MIN_MAX.format(minimum=2, maximum=9) + rule)
    assert _targets(quick_world)["A"] == (2, 9)
    made = quick_world.do("resupply", "Sam", to_site="102").facts["shipment"]
    assert ordered(quick_world, str(made)) == {"A": 3, "B": 3}
    assert quick_world.do("resupply", "Sam", to_site="101").facts["shipment"] is None


def test_whoever_has_left_or_been_given_needs_no_more(quick_world: World) -> None:
    publish(quick_world, PREDICTIVE.format(minimum=0, maximum=0))
    staying, leaving = quick_world.randomized(), quick_world.randomized()

    def needed() -> int:
        with quick_world.core.reading() as db:
            (found,) = load_positions(quick_world.core, db, "combi", "101")
        return sum(one.need_short for one in found.types)

    assert needed() == 6
    quick_world.do(*("end", "Ada"), subject=leaving, what_ended="withdrawn", end_date="2026-11-20")
    assert needed() == 3
    quick_world.dispense(staying)
    assert needed() == 2


def _stock(world: World, site: str) -> dict[str, tuple[int, int]]:
    """On hand and on the way, by type."""
    with world.core.reading() as db:
        (found,) = load_positions(world.core, db, world.study, site)
    return {one.code: (one.on_hand, one.in_transit) for one in found.types}


def test_what_moves_between_sites_counts_where_it_goes(quick_world: World) -> None:
    assert _stock(quick_world, "101") == _stock(quick_world, "102") == {"A": (8, 0), "B": (8, 0)}
    number = transfer(quick_world, "101", "102")
    left, right = _stock(quick_world, "101"), _stock(quick_world, "102")
    moved = ordered(quick_world, number)
    assert left == {code: (8 - moved[code], 0) for code in "AB"}
    assert right == {code: (8, moved[code]) for code in "AB"}
    day = quick_world.core.now().date().isoformat()
    quick_world.do("dispatch_transfer", "Ada", shipment=number, dispatch_date=day)
    assert (_stock(quick_world, "101"), _stock(quick_world, "102")) == (left, right)
    quick_world.receive(number, "Di")
    assert _stock(quick_world, "102") == {code: (8 + moved[code], 0) for code in "AB"}


def test_what_was_called_off_or_lost_is_no_longer_on_its_way(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="2").facts["shipment"]
    sent = quick_world.ship(1, receive=None)
    assert _stock(quick_world, "101") == {"A": (8, 3), "B": (8, 3)}
    quick_world.do("cancel_shipment", "Sam", shipment=str(made), reason="Not needed")
    quick_world.do("shipment_lost", "Sam", shipment=sent, reason="Not found")
    assert _stock(quick_world, "101") == {"A": (8, 0), "B": (8, 0)}


def test_kits_that_wait_for_a_new_label_count(quick_world: World) -> None:
    with quick_world.core.writing() as db:
        old = dt.date(2027, 6, 30)
        db.execute(update(kit).where(kit.c.site == "101").values(labelled_until=old))
    assert _stock(quick_world, "101") == {"A": (8, 0), "B": (8, 0)}
