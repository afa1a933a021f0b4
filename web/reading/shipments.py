"""Shipments: the list, and each with what it is for, when it is due and what to do with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.facts import zone_of
from core.listing import Listing, ShipmentRow
from core.messages import Message, message_from_json
from core.supply.lifecycle import SHIPMENT_STATES
from web.reading.common import (
    Link,
    after,
    chosen,
    deeds,
    first,
    look,
    reader,
    shipment_words,
    show,
    zones,
)
from web.session import current, signed_in
from web.words import say, t

KINDS: Final[Mapping[str, str]] = {
    "seed": "web.shipment.seed",
    "resupply": "web.shipment.resupply",
    "manual": "web.shipment.manual",
    "depot": "web.shipment.depot",
    "transfer": "web.shipment.transfer",
}
AT_DEPOT: Final = ("requested", "confirmed", "packed")
UNDER_WAY: Final = ("in_transit", "partially_received")


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/shipments", "shipments", signed_in(all_shipments))
    pages.add_url_rule("/shipments/<number>", "shipment", signed_in(one_shipment))


def all_shipments() -> str:
    """The shipments, the newest first."""
    page = look(Listing).list_shipments(
        site=chosen("site"),
        depot=chosen("depot"),
        status=chosen("status"),
        after=chosen("after"),
    )
    zone = zones(one.site for one in page.rows)
    return show(
        "shipments",
        t("web.menu.shipments"),
        page=page,
        after=after(page),
        first=first(),
        state=shipment_words,
        states=SHIPMENT_STATES,
        kinds=KINDS,
        late=lambda row: is_late(row, zone.get(row.site, "UTC")),
        chosen=chosen,
    )


def one_shipment(number: str) -> str:
    """A shipment and the numbers of its kits."""
    found = reader().shipment(number)
    zone = zones([found["site"]])[found["site"]]
    me = current()
    here = me.site.number if me.site else None
    return show(
        "shipment",
        t("web.shipment.title", number=number),
        Link(t("web.menu.shipments"), url_for("reading.shipments")),
        shipment=found,
        state=shipment_words(found["status"]),
        kind=t(KINDS[found["kind"]]),
        late=is_late(found, zone),
        zone=zone,
        why=say(message_from_json(found["why"])) if found["why"] else None,
        logger=say(Message(f"choice.logger_{found['logger']}")) if found["logger"] else None,
        deeds=deeds(
            here if here in (found["site"], found["from_site"]) else None, {"shipment": number}
        ),
        sees_kits=look(Listing).may(Permission.SEE_STOCK),
    )


def is_late(found: ShipmentRow | Mapping[str, Any], zone: str) -> bool:
    """Whether it should have left, or have come, by now; days are those of the time zone."""
    told = (
        found
        if isinstance(found, Mapping)
        else {name: getattr(found, name) for name in found.__slots__}
    )
    planned: dt.date | None = None
    if told["status"] in UNDER_WAY:
        planned = told["due_on"]
    elif told["status"] in AT_DEPOT:
        planned = told["leaves_on"]
    return planned is not None and planned < current().now.astimezone(zone_of(zone)).date()
