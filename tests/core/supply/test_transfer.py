"""Kits that one site sends on to another: by two signatures, storage and country in order."""

from __future__ import annotations

import pytest

from core.messages import Digits, Message
from tests.support.shipments import kits_in, on_shelf, transfer
from tests.support.world import TODAY, Given, World


def given(world: World, *kits: str, **changed: str) -> Given:
    """What Sam answers to send kits of site 101 on to site 102; a kit of each type if none is
    named."""
    sent = kits or tuple(numbers[0] for numbers in on_shelf(world, "101").values())
    return {
        "from_site": "101",
        "to_site": "102",
        "kits": ",".join(sent),
        "storage_in_order": "yes",
        "reason": "Site 102 is short",
        **changed,
    }


def where(world: World, number: str) -> set[tuple[str, str, str]]:
    """Where the kits of a shipment are, and how."""
    return stand(world, kits_in(world, number))


def stand(world: World, kits: list[str]) -> set[tuple[str, str, str]]:
    """Where these kits are, and how."""
    rows = [world.kit(kit) for kit in kits]
    return {(row.site, row.disposition, row.custody) for row in rows}


def test_kits_go_from_shelf_to_shelf_and_each_site_does_its_part(world: World) -> None:
    sent = given(world)
    proposed = world.do("transfer_kits", "Sam", **sent)
    assert proposed.pending
    assert {world.kit(kit).disposition for kit in str(sent["kits"]).split(",")} == {"available"}
    done = world.do("approve", "Quinn", proposal=str(proposed.facts["proposal"]))
    number = str(done.facts["shipment"])
    assert done.facts["reason"] == sent["reason"]
    assert where(world, number) == {("101", "reserved", "at_rest")}
    keepers = "pharmacist unblinded_pharmacist coordinator"
    assert ("sms.transfer", None, keepers) in world.messages()
    world.do("dispatch_transfer", "Ada", shipment=number, dispatch_date=TODAY)
    assert where(world, number) == {("102", "reserved", "in_transit")}
    world.receive(number, "Di")
    assert where(world, number) == {("102", "available", "at_rest")}


def test_neither_end_does_what_is_the_others(quick_world: World) -> None:
    world = quick_world
    number = transfer(world, "101", "102")
    leaves: Given = {"shipment": number, "dispatch_date": TODAY}
    assert (
        world.wrong("shipment", "dispatch_transfer", "Di", **leaves).message.id
        == "error.shipment_unknown"
    )
    told = world.wrong("shipment", "dispatch_shipment", "Sam", **leaves)
    named = {"shipment": Digits(number), "site": Digits("101")}
    assert told.message == Message("error.shipment_from_site", named)
    world.do("dispatch_transfer", "Ada", **leaves)
    came: Given = {"received_date": TODAY, "logger": "no_alarm", "damaged": "", "missing": ""}
    world.wrong("shipment", "receive", "Ada", shipment=number, **came)


def test_a_site_dispatches_no_order_of_a_depot(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    leaves: Given = {"shipment": str(made["shipment"]), "dispatch_date": TODAY}
    quick_world.wrong("shipment", "dispatch_transfer", "Ada", **leaves)


@pytest.mark.parametrize(
    ("changed", "field", "error"),
    [
        ({"storage_in_order": "no"}, "storage_in_order", "error.storage_not_confirmed"),
        ({"to_site": "101"}, "to_site", "error.transfer_same_site"),
        ({"from_site": "102"}, "to_site", "error.transfer_same_site"),
        ({"kits": ""}, "kits", "error.no_kits"),
        ({"reason": ""}, "reason", "error.text"),
    ],
)
def test_a_transfer_that_is_none_is_asked_again(
    quick_world: World, changed: dict[str, str], field: str, error: str
) -> None:
    sent = given(quick_world, **changed)
    assert quick_world.wrong(field, "transfer_kits", "Sam", **sent).message.id == error


def test_only_what_is_on_that_sites_shelf_goes_on(quick_world: World) -> None:
    world = quick_world
    first, second = (numbers[0] for numbers in on_shelf(world, "101").values())
    elsewhere = on_shelf(world, "102")["A"][0]
    told = world.wrong("kits", "transfer_kits", "Sam", **given(world, first, elsewhere))
    assert told.message.id == "error.kit_not_at_site"
    world.do("report_stock", "Ada", kit=first, condition="doubtful")
    told_too = world.refused(
        "kit_not_usable", "transfer_kits", "Sam", **given(world, first, second)
    )
    assert told_too.message.id == "error.kit_is_quarantined"


def test_in_a_blinded_study_a_type_never_goes_alone(quick_world: World) -> None:
    shelf = on_shelf(quick_world, "101")
    for kits in (shelf["A"][:1], shelf["A"][:3], shelf["B"][:2]):
        told = quick_world.wrong("kits", "transfer_kits", "Sam", **given(quick_world, *kits))
        assert told.message.id == "error.group_apart"


def test_a_kit_goes_only_where_its_lot_is_released(quick_world: World) -> None:
    world = quick_world
    lots = [("6001", "A", "2027-12"), ("6002", "B", "2027-12")]
    made = world.stock(lots, 1, countries="US", start=100)
    world.ship(1)
    kits = [numbers[0] for numbers in made.values()]
    assert {world.kit(kit).site for kit in kits} == {"101"}  # the earliest to expire
    told = world.refused("kit_not_usable", "transfer_kits", "Sam", **given(world, *kits))
    assert told.message.id == "error.kit_not_for_country"


def test_a_kit_that_expires_too_soon_to_be_sent_stays(quick_world: World) -> None:
    world = quick_world
    lots = [("6001", "A", "2026-12-20"), ("6002", "B", "2026-12-20")]
    made = world.stock(lots, 1, start=100)
    world.ship(1)
    kits = [numbers[0] for numbers in made.values()]
    # DND 10, lead 2: sent on until 14 days before it expires.
    world.days_later(17)
    told = world.refused("kit_not_usable", "transfer_kits", "Sam", **given(world, *kits))
    assert told.message.id == "error.kit_too_old"
    world.days_later(-1)
    assert world.do("transfer_kits", "Sam", **given(world, *kits)).pending


def test_what_changed_before_the_second_signature_is_looked_at_again(quick_world: World) -> None:
    world = quick_world
    sent = given(world)
    proposed = world.do("transfer_kits", "Sam", **sent)
    kit = str(sent["kits"]).split(",")[0]
    world.do("report_stock", "Ada", kit=kit, condition="damaged")
    number = str(proposed.facts["proposal"])
    told = world.refused("kit_not_usable", "approve", "Quinn", proposal=number)
    assert told.message == Message("error.kit_is_damaged", {"kit": Digits(kit)})


def test_nobody_else_proposes_or_approves_a_transfer(quick_world: World) -> None:
    world = quick_world
    for who in ("Ada", "Quinn", "Mia"):
        world.refused("not_allowed", "transfer_kits", who, **given(world))
    proposed = world.do("transfer_kits", "Sam", **given(world))
    for who, code in (("Sam", "same_signer"), ("Mia", "not_allowed"), ("Ivy", "not_allowed")):
        world.refused(code, "approve", who, proposal=str(proposed.facts["proposal"]))


def test_a_transfer_called_off_leaves_the_kits_on_the_shelf(quick_world: World) -> None:
    world = quick_world
    number = transfer(world, "101", "102")
    kits = kits_in(world, number)
    world.do("cancel_shipment", "Sam", shipment=number, reason="Not needed")
    assert stand(world, kits) == {("101", "available", "at_rest")}
    assert "sms.transfer_called_off" in {id_ for id_, _, _ in world.messages()}
