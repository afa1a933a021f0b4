"""Shipments as tests begin with them: proposed ones, transfers, people of a depot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from tests.support.world import World, users


def proposed(world: World, site: str, kits_each: int = 1) -> str:
    """A shipment that waits for approval, as a resupply leaves it; returns its number."""
    made = world.do("create_shipment", "Sam", to_site=site, kits_each=str(kits_each))
    return as_draft(world, str(made.facts["shipment"]))


def as_draft(world: World, number: str) -> str:
    """Take an order back to where it was only proposed."""
    with world.core.writing() as db:
        db.execute(text("UPDATE shipment SET status = 'draft' WHERE number = :n"), {"n": number})
    return number


def kits_in(world: World, shipment: str) -> list[str]:
    """The numbers of the kits that are in a shipment."""
    query = (
        "SELECT kit.number FROM kit JOIN shipment ON shipment.id = kit.shipment_id "
        "WHERE shipment.study = :study AND shipment.number = :n ORDER BY kit.number"
    )
    return [row.number for row in world.rows(query, n=shipment)]


def shelf(world: World, site: str = "101", lot: str | None = None) -> list[str]:
    """The numbers of the kits that may be given at a site, of one lot if given."""
    query = (
        "SELECT kit.number FROM kit JOIN lot ON lot.id = kit.lot_id WHERE kit.study = :study "
        "AND kit.site = :site AND kit.disposition = 'available' AND kit.custody = 'at_rest' "
        "AND kit.quality = 'none' AND (:lot = '' OR lot.number = :lot) ORDER BY kit.number"
    )
    return [row.number for row in world.rows(query, site=site, lot=lot or "")]


def on_shelf(world: World, site: str) -> dict[str, list[str]]:
    """The kits that may be given at a site, by type."""
    found: dict[str, list[str]] = {}
    for number in shelf(world, site):
        found.setdefault(world.kit_type(number), []).append(number)
    return found


def transfer(world: World, source: str, target: str, kits: tuple[str, ...] | None = None) -> str:
    """A transfer proposed by Sam and approved by Quinn, of a kit of each type; returns its
    number."""
    sent = kits or tuple(numbers[0] for numbers in on_shelf(world, source).values())
    made = world.do(
        "transfer_kits",
        "Sam",
        from_site=source,
        to_site=target,
        kits=",".join(sent),
        storage_in_order="yes",
        reason="Site 102 is short",
    )
    done = world.do("approve", "Quinn", proposal=str(made.facts["proposal"]))
    return str(done.facts["shipment"])


def depot_person(world: World, *depots: str) -> None:
    """Dee joins the study, at these depots alone (none: at all of them)."""
    world.do("import_users", "Admin", file=users([("Dee", "depot", " ".join(depots))]))
    world.let_in("Dee")


Do = Callable[..., dict[str, Any]]
"""Does a transaction as somebody on one channel; returns its facts, none if it was refused."""


def live(world: World, do: Do) -> None:
    """What becomes of orders, on whatever channel `do` stands for: done, and refused."""
    day = world.core.now().date().isoformat()
    ordered = do("create_shipment", "Sam", to_site="101", kits_each="1")
    made = {"shipment": as_draft(world, str(ordered["shipment"]))}
    for deed in ("acknowledge_shipment", "approve_shipment", "approve_shipment"):
        do(deed, "Sam", **made)
    do("acknowledge_shipment", "Ada", **made)
    do("acknowledge_shipment", "Sam", **made)
    kits = kits_in(world, made["shipment"])
    do("pack_shipment", "Sam", **made, kits=kits[0])
    do("pack_shipment", "Sam", **made, kits=",".join(kits))
    do("cancel_shipment", "Sam", **made, reason="Not needed")
    do("create_shipment", "Sam", to_site="101", quantities="A=1")
    do("ship_to_depot", "Sam", to_depot="900", kits_each="1")
    sent = {"shipment": do("ship_to_depot", "Sam", to_depot="901", kits_each="1")["shipment"]}
    came = {"received_date": day, "logger": "no_alarm", "damaged": "", "missing": ""}
    do("receive_at_depot", "Sam", **sent, **came)
    do("dispatch_shipment", "Sam", **sent, dispatch_date=day, courier="Cold Express")
    do("receive_at_depot", "Sam", **sent, **came)
    _transferred(world, do, day)


def _transferred(world: World, do: Do, day: str) -> None:
    kits = on_shelf(world, "101")
    both = ",".join(numbers[0] for numbers in kits.values())
    ends = {"from_site": "101", "to_site": "102", "storage_in_order": "yes"}
    do("transfer_kits", "Sam", **ends, kits=kits["A"][0], reason="Site 102 is short")
    moved = do("transfer_kits", "Sam", **ends, kits=both, reason="Site 102 is short")
    do("approve", "Quinn", proposal=moved["proposal"])
    query = "SELECT number FROM shipment WHERE study = :study AND kind = 'transfer'"
    leaves = {"shipment": world.one(query), "dispatch_date": day, "waybill": "AWB 7"}
    do("dispatch_transfer", "Di", **leaves)
    do("dispatch_transfer", "Ada", **leaves)
