"""Kits, shipments and the stock of a site."""

from __future__ import annotations

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.errors import NotFound
from core.ledger.listing import LedgerListing, Wanted
from core.listing import Listing
from core.messages import Message
from core.supply.lifecycle import SHIPMENT_STATES
from web.reading.common import (
    KIT_STATES,
    Link,
    after,
    chosen,
    deeds,
    first,
    kit_state,
    kit_words,
    look,
    reader,
    shipment_words,
    show,
    zones,
)
from web.reading.entries import Told, told
from web.session import current, signed_in
from web.words import say, t

COUNTED = {**KIT_STATES, "dispensed": "web.kit.assigned"}
"""What kits are counted and filtered by, whether or not their hand-over is confirmed."""
DISPOSITIONS = (
    *("available", "dispensed", "damaged", "missing", "lost", "returned", "verified", "reserved"),
)


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/kits/<number>", "kit", signed_in(one_kit))
    pages.add_url_rule("/shipments", "shipments", signed_in(all_shipments))
    pages.add_url_rule("/shipments/<number>", "shipment", signed_in(one_shipment))
    pages.add_url_rule("/stock", "stock", signed_in(stock))


def one_kit(number: str) -> str:
    """A kit: where it is, what has become of it, and what was done with it."""
    found = reader().kit(number)
    given = {"kit": number}
    choices = deeds(found["site"], given)
    if found["subject"]:
        choices += deeds(found["site"], {"subject": found["subject"], **given})
    entries: tuple[Told, ...] = ()
    ledger = look(LedgerListing)
    if ledger.may(Permission.SEE_LEDGER):
        entries = told(ledger.list_entries(Wanted(kit=number)).rows)
    sees_shipments = look(Listing).may(Permission.SEE_SHIPMENTS)
    return show(
        "kit",
        t("web.kit.title", number=number),
        Link(t("web.menu.stock"), url_for("reading.stock", site=found["site"])),
        kit=found,
        state=kit_words(found),
        shipment=found["shipment"] if sees_shipments else None,
        zone=zones([found["site"]])[found["site"]],
        deeds=choices,
        entries=entries,
    )


def all_shipments() -> str:
    """The shipments, the newest first."""
    page = look(Listing).list_shipments(
        site=chosen("site"), status=chosen("status"), after=chosen("after")
    )
    return show(
        "shipments",
        t("web.menu.shipments"),
        page=page,
        after=after(page),
        first=first(),
        state=shipment_words,
        states=SHIPMENT_STATES,
        chosen=chosen,
    )


def one_shipment(number: str) -> str:
    """A shipment and the numbers of its kits."""
    found = reader().shipment(number)
    return show(
        "shipment",
        t("web.shipment.title", number=number),
        Link(t("web.menu.shipments"), url_for("reading.shipments")),
        shipment=found,
        state=shipment_words(found["status"]),
        logger=say(Message(f"choice.logger_{found['logger']}")) if found["logger"] else None,
        deeds=deeds(found["site"], {"shipment": number}),
        sees_kits=look(Listing).may(Permission.SEE_STOCK),
    )


def stock() -> str:
    """The kits of a site: counts, then the list. Who works for several chooses one first."""
    lists, me = look(Listing), current()
    seen = lists.sites(Permission.SEE_STOCK)
    at = chosen("site") or (me.site.number if me.site else None)
    if at is None and seen is not None and len(seen) == 1:
        (at,) = seen
    if at is None:
        places = lists.list_sites(chosen("after"))
        return show(
            "stock_where", t("web.menu.stock"), page=places, after=after(places), first=first()
        )
    reader().site(at)
    counts: dict[str, int] = {}
    for one in lists.count_stock(at):
        state = "dispensed" if one.disposition == "dispensed" else kit_state_of(one)
        counts[state] = counts.get(state, 0) + one.kits
    page = lists.list_kits(site=at, disposition=_disposition(), after=chosen("after"))
    return show(
        "stock",
        t("web.stock.title", site=at),
        Link(t("web.site.short", number=at), url_for("reading.site", number=at)),
        site=at,
        counts=[(t(COUNTED[name]), counts[name]) for name in COUNTED if name in counts],
        page=page,
        after=after(page),
        first=first(),
        kit_words=kit_words,
        zone=zones([at])[at],
        states=[(name, t(COUNTED[name])) for name in DISPOSITIONS],
        chosen=chosen,
    )


def kit_state_of(count: object) -> str:
    """The state that a count of kits is told under."""
    fields = ("disposition", "quality", "custody")
    return kit_state({"confirmed_at": True, **{one: getattr(count, one) for one in fields}})


def _disposition() -> str | None:
    wanted = chosen("status")
    if wanted is not None and wanted not in DISPOSITIONS:
        raise NotFound
    return wanted
