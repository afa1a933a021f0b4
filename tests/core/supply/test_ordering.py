"""Orders: kits by type, days planned, acknowledged, packed, dispatched, repeated until then."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from core.errors import NotFound
from core.messages import Digits, Message
from core.supply.orders import COLUMNS, Order, read_order
from core.supply.reminders import remind_due
from tests.support.api import Api
from tests.support.shipments import depot_person, kits_in, proposed
from tests.support.studies import COMBI
from tests.support.world import TODAY, Given, World

STRICT = 'timezone = "Europe/Madrid"\ncut_off = "17:00"\nworkdays = [1, 2, 3, 4, 5]\n'
AT_900 = 'code = "900"\nname = "Depot"\n'


def make(world: World, **given: str) -> str:
    """An order for site 101; returns its number."""
    answers: Given = given or {"kits_each": "1"}
    return str(world.do("create_shipment", "Sam", to_site="101", **answers).facts["shipment"])


def row(world: World, number: str) -> tuple[str, ...]:
    """Status and planned days of a shipment, as text."""
    query = "SELECT status, leaves_on, due_on FROM shipment WHERE number = :n"
    (found,) = world.rows(query, n=number)
    return tuple(str(one) for one in found)


def kinds(world: World, number: str) -> list[str]:
    """The types of the kits in a shipment."""
    return sorted(world.kit_type(one) for one in kits_in(world, number))


def order_of(world: World, who: str, number: str) -> Order:
    """The order as this person reads it."""
    with world.core.reading() as db:
        return read_order(world.core, db, world.actor(who), world.study, number)


def test_supply_may_order_different_quantities_of_all_types_of_a_group(quick_world: World) -> None:
    world = quick_world
    number = make(world, quantities="A=3, B = 1")
    assert kinds(world, number) == ["A", "A", "A", "B"]


@pytest.mark.parametrize(
    ("quantities", "error"),
    [
        ("A=2", "error.group_apart"),
        ("B=1", "error.group_apart"),
        ("A=1 B=0", "error.quantities"),
        ("A=1 C=1", "error.quantities_unknown"),
        ("A=1 A=2 B=1", "error.quantities_twice"),
        ("many", "error.quantities"),
    ],
)
def test_in_a_blinded_study_no_type_goes_alone(
    quick_world: World, quantities: str, error: str
) -> None:
    wrong = quick_world.wrong(
        "quantities", "create_shipment", "Sam", to_site="101", quantities=quantities
    )
    assert wrong.message.id == error


def test_in_an_open_study_one_type_may_go_alone(quick_world: World) -> None:
    here = quick_world.of("drug")
    number = str(
        here.do("create_shipment", "Sam", to_site="101", quantities="B=1").facts["shipment"]
    )
    assert kinds(here, number) == ["B"]


def test_quantities_stand_in_place_of_a_number_for_each_type(quick_world: World) -> None:
    both: Given = {"to_site": "101", "quantities": "A=1 B=1", "kits_each": "1"}
    quick_world.wrong("kits_each", "create_shipment", "Sam", **both)


def test_the_quantities_by_type_are_in_no_entry_of_the_ledger(quick_world: World) -> None:
    make(quick_world, quantities="A=3 B=1")
    assert "A=3" not in json.dumps(quick_world.last_entry())


def test_an_order_says_when_it_leaves_and_is_due(quick_world: World) -> None:
    world = quick_world
    assert row(world, make(world)) == ("requested", "2026-11-20", "2026-11-22")


def test_the_days_are_planned_anew_when_the_depot_acknowledges(quick_world: World) -> None:
    world = quick_world
    world.do("publish", "Mia", file=COMBI.replace(AT_900, AT_900 + STRICT))
    number = make(world)
    assert row(world, number) == ("requested", "2026-11-20", "2026-11-22")
    world.set_time(dt.datetime(2026, 11, 20, 16, 1, tzinfo=dt.UTC))  # 17:01 in Madrid
    receipt = world.do("acknowledge_shipment", "Sam", shipment=number)
    days = {"leaves": dt.date(2026, 11, 23), "due": dt.date(2026, 11, 25)}
    said = Message("said.acknowledge_shipment", {"shipment": Digits(number), **days})
    assert receipt.said == said
    assert row(world, number) == ("confirmed", "2026-11-23", "2026-11-25")


def test_a_proposed_shipment_is_ordered_when_it_is_approved(world: World) -> None:
    number = proposed(world, "101")
    before = len(world.messages())
    world.refused("wrong_shipment_status", "acknowledge_shipment", "Sam", shipment=number)
    world.do("approve_shipment", "Sam", shipment=number)
    assert row(world, number)[0] == "requested"
    assert world.messages()[before:] == [("sms.depot_order", None, "depot")]
    world.refused("wrong_shipment_status", "approve_shipment", "Sam", shipment=number)


def test_a_proposed_shipment_with_a_held_kit_is_not_ordered(quick_world: World) -> None:
    world = quick_world
    number = proposed(world, "101")
    kit = kits_in(world, number)[0]
    with world.core.writing() as db:
        db.execute(text("UPDATE kit SET quality = 'quarantined' WHERE number = :n"), {"n": kit})
    told = world.refused("wrong_shipment_status", "approve_shipment", "Sam", shipment=number)
    assert told.message == Message("error.shipment_held", {"shipment": Digits(number)})


def test_what_is_packed_is_held_against_the_order_carton_by_carton(quick_world: World) -> None:
    world = quick_world
    number, other = make(world), make(world)
    kits = [one.kit_number for one in order_of(world, "Sam", number).kits]
    foreign = order_of(world, "Sam", other).kits[0].kit_number
    given: Given = {"shipment": number}
    lacking = world.wrong("kits", "pack_shipment", "Sam", **given, kits=kits[0])
    assert lacking.message == Message("error.kits_not_packed", {"count": 1})
    mixed = world.wrong("kits", "pack_shipment", "Sam", **given, kits=f"{kits[0]},{foreign}")
    assert mixed.message == Message("error.kit_not_in_shipment", {"kit": Digits(foreign)})
    receipt = world.do("pack_shipment", "Sam", **given, kits=",".join(kits))
    assert receipt.facts["read"] is True
    assert row(world, number)[0] == "packed"
    assert world.do("pack_shipment", "Sam", shipment=other).facts["read"] is False


def test_courier_waybill_and_loggers_are_on_record(quick_world: World) -> None:
    world = quick_world
    number = make(world)
    told: Given = {"courier": "Cold Express", "waybill": "AWB 77-1", "loggers": "L1 L2"}
    receipt = world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=TODAY, **told)
    query = "SELECT courier, waybill, loggers FROM shipment WHERE number = :n"
    assert [tuple(one) for one in world.rows(query, n=number)] == [tuple(told.values())]
    assert {name: receipt.facts[name] for name in told} == told
    assert ("sms.on_its_way", None, "pharmacist unblinded_pharmacist coordinator") in (
        world.messages()
    )


def test_an_order_that_has_lain_too_long_is_not_sent(quick_world: World) -> None:
    world = quick_world
    world.stock([("6001", "A", "2027-01-31"), ("6002", "B", "2027-01-31")], 1, start=100)
    number = make(world)
    # DND 10, lead 2: counted until 12 days before expiry, sent until 14 days before it.
    assert {one.label_lot for one in order_of(world, "Sam", number).kits} == {"6001", "6002"}
    world.set_time(dt.datetime(2027, 1, 18, 15, tzinfo=dt.UTC))
    late: Given = {"shipment": number, "dispatch_date": "2027-01-18"}
    told = world.refused("wrong_shipment_status", "dispatch_shipment", "Sam", **late)
    assert told.message.id == "error.shipment_too_old"
    world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date="2027-01-17")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("quality = 'quarantined'", "error.shipment_held"),
        ("labelled_until = '2027-01-31'", "error.shipment_to_relabel"),
    ],
)
def test_a_box_with_a_carton_that_may_not_be_used_is_neither_packed_nor_sent(
    quick_world: World, change: str, error: str
) -> None:
    world = quick_world
    number = make(world)
    kit = order_of(world, "Sam", number).kits[0].kit_number
    with world.core.writing() as db:
        db.execute(text(f"UPDATE kit SET {change} WHERE number = :n"), {"n": kit})
    leaves: Given = {"dispatch_date": TODAY}
    given: Given
    for deed, given in (("pack_shipment", {}), ("dispatch_shipment", leaves)):
        told = world.refused("wrong_shipment_status", deed, "Sam", shipment=number, **given)
        assert told.message.id == error


def test_an_order_names_cartons_by_their_labels_and_no_type(world: World) -> None:
    number = make(world)
    found = order_of(world, "Sam", number)
    assert (found.from_depot, found.to_site, found.to_country) == ("900", "101", "US")
    assert {(one.label_lot, one.group) for one in found.kits} == {
        ("5001", "Capsules"),
        ("5002", "Capsules"),
    }
    as_json = json.loads(found.as_json())
    lines = list(csv.DictReader(io.StringIO(found.as_csv().decode())))
    assert tuple(lines[0]) == COLUMNS
    assert [line["kit_number"] for line in lines] == [kit["kit_number"] for kit in as_json["kits"]]
    assert {line["due_on"] for line in lines} == {as_json["due_on"]} == {"2026-11-22"}
    assert "kit_type" not in COLUMNS
    for content in (found.as_csv(), found.as_json()):
        assert b"Active" not in content
        assert b"Placebo" not in content


@pytest.mark.parametrize("who", ["Ada", "Bo", "Cy", "Mia", "Quinn"])
def test_an_order_is_read_by_those_who_send_it(quick_world: World, who: str) -> None:
    number = make(quick_world)
    with pytest.raises(NotFound):
        order_of(quick_world, who, number)


def test_what_is_not_ordered_yet_is_no_order(quick_world: World) -> None:
    number = proposed(quick_world, "101")
    for one in (number, "12345678", "x"):
        with pytest.raises(NotFound):
            order_of(quick_world, "Sam", one)


def test_an_order_is_repeated_until_it_is_acknowledged(world: World) -> None:
    number = make(world)
    assert remind_due(world.core) == 0
    world.days_later(1)
    before = len(world.messages())
    assert (remind_due(world.core), remind_due(world.core)) == (1, 0)
    assert world.messages()[before:] == [
        ("sms.depot_reminder", None, "depot"),
        ("sms.order_unacknowledged", None, "supply_manager"),
    ]
    world.do("acknowledge_shipment", "Sam", shipment=number)
    world.days_later(2)
    assert remind_due(world.core) == 0


@pytest.mark.parametrize(
    ("deed", "given"),
    [
        ("cancel_shipment", {"reason": "Not needed"}),
        ("dispatch_shipment", {"dispatch_date": TODAY}),
        ("pack_shipment", {}),
    ],
)
def test_nobody_is_reminded_of_what_is_sent_or_called_off(
    quick_world: World, deed: str, given: Given
) -> None:
    number = make(quick_world)
    quick_world.do(deed, "Sam", shipment=number, **given)
    quick_world.days_later(2)
    assert remind_due(quick_world.core) == 0


def test_a_depot_is_told_that_its_order_is_called_off(quick_world: World) -> None:
    number = make(quick_world)
    before = len(quick_world.messages())
    quick_world.do("cancel_shipment", "Sam", shipment=number, reason="Not needed")
    assert ("sms.depot_called_off", None, "depot") in quick_world.messages()[before:]
    draft = proposed(quick_world, "101")
    before = len(quick_world.messages())
    quick_world.do("cancel_shipment", "Sam", shipment=draft, reason="Not needed")
    assert quick_world.messages()[before:] == []


def read_json(answer: TestResponse) -> dict[str, Any]:
    """The values of an answer that is one."""
    assert answer.status_code == 200
    values: dict[str, Any] = json.loads(answer.data)
    return values


def test_the_depots_system_acknowledges_as_its_person(quick_world: World) -> None:
    depot_person(quick_world, "900")
    number = make(quick_world)
    api = Api(quick_world)
    path = f"/shipments/{number}/order"
    assert read_json(api.get("Dee", path))["order"] == number
    assert api.do("acknowledge_shipment", "Dee", shipment=number).status_code == 201
    assert read_json(api.get("Dee", path))["status"] == "confirmed"
    sheet = api.get("Dee", path, format="csv")
    assert sheet.data.decode().splitlines()[1].startswith(f"{number},manual,combi,confirmed")
    assert api.get("Ada", path).status_code == 404
