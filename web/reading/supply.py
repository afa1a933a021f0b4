"""Kits, and the stock of a site."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.errors import NotFound
from core.ledger.listing import LedgerListing, Wanted
from core.listing import Listing
from core.supply.stock_list import USABLE, StockListing
from core.supply.unblinded import type_sites
from web.reading.common import (
    KIT_STATES,
    Link,
    after,
    chosen,
    deeds,
    first,
    kit_words,
    look,
    reader,
    show,
    zones,
)
from web.reading.entries import Told, told
from web.reading.typed import counts_in_words
from web.session import current, signed_in
from web.viewed import about
from web.words import t, upper_first

COUNTED = {**KIT_STATES, "dispensed": "web.kit.assigned"}
"""What kits are counted and filtered by, whether or not their hand-over is confirmed."""
DISPOSITIONS = (
    *("available", "dispensed", "damaged", "missing", "lost", "returned", "misallocated"),
    *("verified", "to_destroy", "destroyed", "reserved"),
)
QUALITIES = ("pre_quarantined", "quarantined", "rejected")
"""States that the quality of a kit alone makes."""


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/kits/<number>", "kit", signed_in(one_kit))
    pages.add_url_rule("/stock", "stock", signed_in(stock))


def one_kit(number: str) -> str:
    """A kit: where it is, what has become of it, and what was done with it."""
    found = reader().kit(number)
    about(subject=found["subject"])
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
        types=_types_link(found["site"]),
        zone=zones([found["site"]])[found["site"]],
        deeds=choices,
        entries=entries,
    )


def stock() -> str:
    """The kits of a site: by group, counts, then the list. Who works for several chooses one."""
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
    counts = lists.count_stock(at)
    disposition, quality = _wanted()
    page = lists.list_kits(site=at, disposition=disposition, quality=quality, after=chosen("after"))
    return show(
        "stock",
        t("web.stock.title", site=at),
        Link(t("web.site.short", number=at), url_for("reading.site", number=at)),
        site=at,
        groups=[(one, other_counts(one.counts)) for one in look(StockListing).groups_at(at)],
        counts=[(t(COUNTED[name]), counts[name]) for name in COUNTED if name in counts],
        links=_stock_links(at),
        page=page,
        after=after(page),
        first=first(),
        kit_words=kit_words,
        zone=zones([at])[at],
        states=[(name, upper_first(t(COUNTED[name]))) for name in (*DISPOSITIONS, *QUALITIES)],
        chosen=chosen,
    )


def other_counts(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The counts of a group beside what is usable and what is on its way."""
    beside = {name: kits for name, kits in counts.items() if name not in (USABLE, "in_transit")}
    return counts_in_words(beside)


def _stock_links(site: str) -> tuple[Link, ...]:
    """Where there is more about a shelf, for who may see it."""
    me, links = current(), []
    shipments = me.actor.sites_where(Permission.SEE_SHIPMENTS, me.study.code)
    if shipments is None or site in shipments:
        links.append(Link(t("web.menu.shipments"), url_for("reading.shipments", site=site)))
    typed = type_sites(me.actor, me.study.code, Permission.SEE_STOCK)
    if typed is None or site in typed:
        links.append(Link(t("web.stock.to_lots"), url_for("reading.stock_lots", site=site)))
    return tuple(links)


def _types_link(site: str | None) -> str | None:
    """Where the types of a kit's shelf are told, for who may read them."""
    me = current()
    typed = type_sites(me.actor, me.study.code, Permission.SEE_STOCK)
    is_seen = site is not None and (typed is None or site in typed)
    return url_for("reading.stock_lots", site=site) if is_seen else None


def _wanted() -> tuple[str | None, str | None]:
    """What disposition, or what quality, the kits of the list are to have."""
    wanted = chosen("status")
    if wanted in QUALITIES:
        return None, wanted
    if wanted is not None and wanted not in DISPOSITIONS:
        raise NotFound
    return wanted, None
