"""Shipments: the list, and each with what it is for, when it is due and what to do with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.facts import zone_of
from core.listing import Listing, ShipmentRow
from core.messages import Message, message_from_json
from core.study.supply import Depot
from core.study.versions import latest_config
from core.supply.lifecycle import SHIPMENT_STATES
from core.supply.orders import FORMATS, read_order
from core.supply.resupply.reasons import why_of
from core.supply.stock_list import StockListing
from core.supply.unblinded import are_types_seen
from web.db import connection, the_core
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
from web.reading.lots import are_lots_seen
from web.reading.signed import signed_words
from web.reading.typed import show_types
from web.session import current, signed_in
from web.words import say, t

KINDS: Final[Mapping[str, str]] = {
    "seed": "web.shipment.seed",
    "resupply": "web.shipment.resupply",
    "manual": "web.shipment.manual",
    "depot": "web.shipment.depot",
    "transfer": "web.shipment.transfer",
}
DEPOT_DEEDS: Final = ("acknowledge_shipment", "pack_shipment", "dispatch_shipment")
AT_DEPOT: Final = ("requested", "confirmed", "packed")
UNDER_WAY: Final = ("in_transit", "partially_received")


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/shipments", "shipments", signed_in(all_shipments))
    pages.add_url_rule("/shipments/<number>", "shipment", signed_in(one_shipment))
    pages.add_url_rule("/shipments/<number>/types", "shipment_types", signed_in(types_in))
    pages.add_url_rule("/shipments/<number>/order", "order", signed_in(one_order))


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
        _list_link(),
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
        more=_more(found),
        signatures=signed_words(found["signatures"], zone),
        sees_kits=look(Listing).may(Permission.SEE_STOCK),
    )


def _more(found: Mapping[str, Any]) -> tuple[Link, ...]:
    """Where there is more about a shipment, for those who may read it."""
    me, number, links = current(), found["number"], []
    depots = me.actor.depots_where(Permission.DISPATCH, me.study.code)
    is_order = found["depot"] is not None and found["status"] != "draft"
    if is_order and (depots is None or found["depot"] in depots):
        links.append(Link(t("web.order.to"), url_for("reading.order", number=number)))
    if are_types_seen(me.actor, me.study.code, SimpleNamespace(**found)):
        url = url_for("reading.shipment_types", number=number)
        links.append(Link(t("web.shipment.to_types"), url))
    return tuple(links)


def types_in(number: str) -> str:
    """The kit types in a shipment, and why so many of each."""
    me, core, db = current(), the_core(), connection()
    kits = look(StockListing).kits_in(number)
    why = why_of(core, db, me.actor, me.study.code, number)
    return show_types(
        "shipment_types",
        t("web.shipment.types", number=number),
        _list_link(),
        Link(t("web.shipment.title", number=number), url_for("reading.shipment", number=number)),
        reading="shipment",
        of=number,
        site=why.site,
        why=why,
        kits=kits,
        sees_lots=are_lots_seen(),
    )


def one_order(number: str) -> str:
    """An order as its depot packs it: by what is printed on the cartons."""
    me = current()
    found = read_order(the_core(), connection(), me.actor, me.study.code, number)
    config = latest_config(connection(), the_core(), me.study.code)
    return show(
        "order",
        t("web.order.title", number=number),
        _list_link(),
        Link(t("web.shipment.title", number=number), url_for("reading.shipment", number=number)),
        order=found,
        zone=next((one.timezone for one in config.depots if one.code == found.from_depot), "UTC"),
        state=shipment_words(found.status),
        kind=t(KINDS[found.kind]),
        forms=tuple(FORMATS),
        deeds=deeds(None, {"shipment": number}, only=DEPOT_DEEDS),
    )


def _list_link() -> Link:
    return Link(t("web.menu.shipments"), url_for("reading.shipments"))


def is_late(found: ShipmentRow | Mapping[str, Any], zone: str) -> bool:
    """Whether it should have come by now, by the days of that time zone, or have left, by those of
    its depot."""
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
        zone = next((one.timezone for one in _depots() if one.code == told["depot"]), zone)
    return planned is not None and planned < current().now.astimezone(zone_of(zone)).date()


def _depots() -> tuple[Depot, ...]:
    return tuple(latest_config(connection(), the_core(), current().study.code).depots)
