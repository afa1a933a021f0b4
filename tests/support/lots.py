"""What is done with lots: new numbers, new dates, new labels, a recall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.world import World

Do = Callable[..., Any]
NEW_LOTS = "lot,kit_type,expiry,countries\n7777,A,2027-12,US ES\n7778,B,2027-12,US ES"
NEW_DATE = "2028-01-31"


def lived_in(world: World) -> None:
    """All of it, by the command line."""
    live(world, lambda name, who, **given: world.do(name, who, **given).facts)


def live(world: World, do: Do) -> None:
    """All of it, with lots of its own that go to Madrid, by whichever channel `do` takes."""
    do("import_lots", "Sam", file=NEW_LOTS)
    for lot in ("7777", "7778"):
        do("generate_kits", "Sam", lot=lot, how_many="2", depot="900")
        proposal = do("release_lot", "Sam", lot=lot, certificate="9", countries="ES")["proposal"]
        do("approve", "Quinn", proposal=str(proposal))
    sent = str(do("create_shipment", "Sam", to_site="102", kits_each="1")["shipment"])
    day = world.core.now().date().isoformat()
    do("dispatch_shipment", "Sam", shipment=sent, dispatch_date=day)
    do("extend_lot", "Sam", lot="7777", new_expiry=NEW_DATE, basis="Report 12")
    came = {"received_date": day, "logger": "no_alarm", "damaged": "", "missing": ""}
    (kit,) = do("receive", "Di", shipment=sent, **came)["to_relabel"]
    labels = {"label_date": NEW_DATE, "labels_used": "1", "labels_destroyed": "1"}
    proposal = do("relabel_kits", "Di", kits=kit, **labels)["proposal"]
    do("approve", "Dan", proposal=str(proposal))
    do("relabel_stock", "Sam", kits=_at_depot(world), **labels)
    do("recall_lot", "Quinn", lot="7777", reason="Glass in a bottle")


def _at_depot(world: World) -> str:
    """The lot's kit that stayed at the depot."""
    query = (
        "SELECT kit.number FROM kit JOIN lot ON lot.id = kit.lot_id WHERE kit.study = :study "
        "AND lot.number = '7777' AND kit.depot = '900'"
    )
    return str(world.one(query))
