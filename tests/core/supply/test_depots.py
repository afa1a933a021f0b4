"""From depot to depot, and people who work at one depot: they see and send what is theirs."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from core.access.contacts import list_holders
from core.errors import NotFound
from core.supply.orders import read_order
from tests.support.shipments import depot_person, kits_in, transfer
from tests.support.world import PEOPLE, TODAY, Given, World

SENDING: tuple[tuple[str, Given], ...] = (
    ("acknowledge_shipment", {}),
    ("pack_shipment", {}),
    ("dispatch_shipment", {"dispatch_date": TODAY}),
)
CAME: Given = {"received_date": TODAY, "logger": "no_alarm", "damaged": "", "missing": ""}


def to_901(world: World, **given: str) -> str:
    """A shipment from depot 900 to depot 901; returns its number."""
    answers: Given = given or {"kits_each": "2"}
    made = world.do("ship_to_depot", "Sam", to_depot="901", **answers)
    return str(made.facts["shipment"])


def sent_to_901(world: World) -> str:
    """The same, on its way."""
    number = to_901(world)
    world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=TODAY)
    return number


def stand(world: World, kits: list[str]) -> set[tuple[str | None, str, str, str]]:
    """Where these kits are, and how."""
    rows = [world.kit(kit) for kit in kits]
    return {(row.depot, row.disposition, row.custody, row.quality) for row in rows}


def test_kits_go_from_depot_to_depot_and_on_to_a_site(world: World) -> None:
    number = sent_to_901(world)
    kits = kits_in(world, number)
    assert len(kits) == 4
    assert stand(world, kits) == {("901", "reserved", "in_transit", "none")}
    world.do("receive_at_depot", "Sam", shipment=number, **CAME)
    assert stand(world, kits) == {("901", "available", "at_rest", "none")}
    with world.core.writing() as db:
        db.execute(text("UPDATE site SET depot = '901' WHERE study = 'combi' AND number = '102'"))
    made = world.do("create_shipment", "Sam", to_site="102", kits_each="2")
    assert made.facts["depot"] == "901"
    assert sorted(made.facts["kits"]) == kits


def test_it_is_due_on_a_workday_of_the_depot_that_takes_it_in(quick_world: World) -> None:
    world = quick_world
    number = to_901(world)
    query = "SELECT leaves_on, due_on FROM shipment WHERE number = :n"
    ((leaves, due),) = (tuple(map(str, row)) for row in world.rows(query, n=number))
    assert (leaves, due) == ("2026-11-20", "2026-11-23")  # two days on is a Sunday


def test_what_goes_to_a_depot_need_not_be_for_one_country(quick_world: World) -> None:
    world = quick_world
    lots = [("6001", "A", "2027-12"), ("6002", "B", "2027-12")]
    made = world.stock(lots, 1, countries="JP", start=100)
    number = to_901(world, kits_each="1")
    assert kits_in(world, number) == sorted(kit for kits in made.values() for kit in kits)


def test_a_depot_that_nobody_supplies_is_not_shipped_to(quick_world: World) -> None:
    wrong = quick_world.wrong("to_depot", "ship_to_depot", "Sam", to_depot="900", kits_each="1")
    assert wrong.message.id == "error.choice"


def test_a_depot_that_has_too_few_sends_none(quick_world: World) -> None:
    given: Given = {"to_depot": "901", "quantities": "A=500 B=1"}
    told = quick_world.refused("no_kit_available", "ship_to_depot", "Sam", **given)
    assert told.message.id == "error.depot_short"


@pytest.mark.parametrize("logger", ["alarm", "none"])
def test_at_a_depot_too_a_logger_alarm_waits_for_quality(quick_world: World, logger: str) -> None:
    world = quick_world
    number = sent_to_901(world)
    kits = kits_in(world, number)
    before = len(world.messages())
    world.do("receive_at_depot", "Sam", shipment=number, **{**CAME, "logger": logger})
    assert stand(world, kits) == {("901", "available", "at_rest", "pre_quarantined")}
    alert = ("sms.depot_receipt_problem", None, "quality supply_manager")
    assert alert in world.messages()[before:]
    given: Given = {"chosen_by": "shipment", "shipment": number, "minutes": "9"}
    world.do("judge_excursion", "Quinn", **given, verdict="clear")
    assert stand(world, kits) == {("901", "available", "at_rest", "none")}


def test_what_goes_to_a_depot_is_no_sites_to_receive(quick_world: World) -> None:
    world = quick_world
    number = sent_to_901(world)
    world.wrong("shipment", "receive", "Ada", shipment=number, **CAME)
    to_site = world.ship(1, receive=None)
    world.wrong("shipment", "receive_at_depot", "Sam", shipment=to_site, **CAME)


def test_a_depots_day_is_that_of_its_own_clock(quick_world: World) -> None:
    world = quick_world
    number = sent_to_901(world)
    world.set_time(dt.datetime(2026, 11, 20, 22, 30, tzinfo=dt.UTC))
    tomorrow: Given = {**CAME, "received_date": "2026-11-22"}
    world.wrong("received_date", "receive_at_depot", "Sam", shipment=number, **tomorrow)
    world.set_time(dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC))  # 00:30 in Madrid
    today: Given = {**CAME, "received_date": "2026-11-21"}
    world.do("receive_at_depot", "Sam", shipment=number, **today)


def test_what_is_lost_on_its_way_to_a_depot_is_told_there(quick_world: World) -> None:
    world = quick_world
    number = sent_to_901(world)
    before = len(world.messages())
    world.do("shipment_lost", "Sam", shipment=number, reason="Not found")
    told = world.rows("SELECT depot FROM outbox WHERE message LIKE '%shipment_lost%'")
    assert [id_ for id_, _, _ in world.messages()[before:]] == ["sms.shipment_lost"] * 2
    assert {row.depot for row in told} == {"900", "901"}


def test_who_works_at_one_depot_sends_and_takes_in_what_is_its(world: World) -> None:
    depot_person(world, "901")
    outgoing = str(
        world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts["shipment"]
    )
    for deed, given in SENDING:
        wrong = world.wrong("shipment", deed, "Dee", shipment=outgoing, **given)
        assert wrong.message.id == "error.shipment_unknown"
    number = to_901(world)
    world.wrong("shipment", "dispatch_shipment", "Dee", shipment=number, **SENDING[-1][1])
    world.do("dispatch_shipment", "Sam", shipment=number, **SENDING[-1][1])
    world.do("receive_at_depot", "Dee", shipment=number, **CAME)


def test_who_works_at_the_sending_depot_does_not_take_it_in_elsewhere(quick_world: World) -> None:
    world = quick_world
    depot_person(world, "900")
    number = to_901(world)
    for deed, given in SENDING:
        world.do(deed, "Dee", shipment=number, **given)
    world.wrong("shipment", "receive_at_depot", "Dee", shipment=number, **CAME)


def test_kits_elsewhere_do_not_exist_for_who_works_at_one_depot(quick_world: World) -> None:
    world = quick_world
    depot_person(world, "901")
    number = sent_to_901(world)
    kit = kits_in(world, number)[0]
    world.do("receive_at_depot", "Sam", shipment=number, **CAME)
    elsewhere = world.one(
        "SELECT min(number) FROM kit WHERE study = :study AND depot = '900' "
        "AND disposition = 'available'"
    )
    aside: Given = {"chosen_by": "kits", "event": "doubt"}
    wrong = world.wrong("kits", "quarantine_stock", "Dee", **aside, kits=elsewhere)
    assert wrong.message.id == "error.kit_unknown"
    world.do("quarantine_stock", "Dee", **aside, kits=kit)
    assert world.kit(kit).quality == "quarantined"
    lot: Given = {"chosen_by": "lot", "lot": "5001", "event": "doubt"}
    world.do("quarantine_stock", "Dee", **lot)
    held = world.rows("SELECT DISTINCT depot FROM kit WHERE quality = 'quarantined'")
    assert [row.depot for row in held] == ["901"]


def test_who_works_at_all_depots_sends_from_each(quick_world: World) -> None:
    depot_person(quick_world)
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    quick_world.do("acknowledge_shipment", "Dee", shipment=str(made["shipment"]))


def test_orders_of_another_depot_do_not_exist_either(quick_world: World) -> None:
    world = quick_world
    depot_person(world, "901")
    number = to_901(world)
    with world.core.reading() as db, pytest.raises(NotFound):
        read_order(world.core, db, world.actor("Dee"), "combi", number)


def test_notices_of_a_depot_reach_its_people_only(quick_world: World) -> None:
    world = quick_world
    depot_person(world, "901")
    now = world.core.now()
    with world.core.reading() as db:
        holders = [
            list_holders(db, ("depot",), "combi", None, now, depot) for depot in ("900", "901")
        ]
    assert holders == [[], ["19"]]


def test_a_depot_role_is_given_at_depots_of_the_study_only(quick_world: World) -> None:
    world = quick_world
    wrong = pytest.raises(Exception, match=r"error\.import")
    with wrong:
        depot_person(world, "101")
    depot_person(world, "900")
    wide: Given = {"user_id": "19", "role": "depot"}
    world.wrong("to_depot", "grant_role", "Mia", **wide, to_depot="999")
    world.wrong("to_site", "grant_role", "Mia", **wide, to_site="101")
    world.refused("role_held", "grant_role", "Mia", **wide, to_depot="900")
    made = world.do("grant_role", "Mia", **wide, to_depot="901")
    assert (made.facts["site"], made.facts["depot"]) == (None, "901")
    number = sent_to_901(world)
    world.do("receive_at_depot", "Dee", shipment=number, **CAME)


def test_whoever_names_a_site_does_nothing_there_that_is_done_at_depots(quick_world: World) -> None:
    depot_person(quick_world, "901")
    number = quick_world.ship(1, receive=None)
    moved = transfer(quick_world, "101", "102")
    before = quick_world.dump()
    with pytest.raises(NotFound):
        quick_world.do("receive_at_depot", "Dee", "101", shipment=number, **CAME)
    for deed, given in SENDING:
        with pytest.raises(NotFound):
            quick_world.do(deed, "Dee", "101", shipment=moved, **given)
    assert quick_world.dump() == before


def test_another_role_opens_no_other_depot_to_its_people(quick_world: World) -> None:
    depot_person(quick_world, "901")
    quick_world.do("grant_role", "Mia", user_id=PEOPLE["Dee"], role="quality")
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    for deed, given in SENDING:
        wrong = quick_world.wrong(
            "shipment", deed, "Dee", shipment=str(made.facts["shipment"]), **given
        )
        assert wrong.message.id == "error.shipment_unknown"
