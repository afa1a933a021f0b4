"""Lots and shelves by lot: for supply, quality, depots and the unblinded pharmacist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, url_for

from core.access.roles import Permission
from core.errors import NotFound
from core.ledger import signed
from core.listing import Listing
from core.supply.lot_list import LotsListing
from core.supply.packaging import in_csv, read_packaging_list
from core.supply.stock_list import StockListing
from core.supply.trace import read_trace
from core.supply.unblinded import type_sites
from core.transaction import Channel
from web.db import close, the_core
from web.reading.common import Link, after, chosen, deeds, first, look, show
from web.reading.signed import signed_words
from web.reading.typed import SHELF, counts_in_words, show_types
from web.session import current, signed_in
from web.words import t


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/lots", "lots", signed_in(all_lots))
    pages.add_url_rule("/lots/<number>", "lot", signed_in(one_lot))
    pages.add_url_rule("/lots/<number>/trace", "trace", signed_in(one_trace))
    pages.add_url_rule("/lots/<number>/packaging-list.csv", "packaging", signed_in(packaging))
    pages.add_url_rule("/stock/lots", "stock_lots", signed_in(stock_by_lot))


ROWS_MAX: Final = 500
"""So many kits of a lot are told one by one; the file of the account has them all."""
LOT_STATES: Final[Mapping[str, str]] = {
    "new": "web.lot.new",
    "released": "web.lot.released",
    "recalled": "web.lot.recalled",
}


def lot_words(status: str) -> str:
    """A lot's state."""
    return t(LOT_STATES[status])


def are_lots_seen() -> bool:
    """Whether the person may read the lots of the whole study."""
    me = current()
    return type_sites(me.actor, me.study.code, Permission.SEE_STOCK) is None


def all_lots() -> str:
    """The lots, the newest first."""
    page = look(LotsListing).list_lots(chosen("after"))
    following, beginning = after(page), first()
    return show_types(
        "lots_of_drug",
        t("web.menu.lots"),
        reading="lots",
        page=page,
        after=following,
        first=beginning,
        state=lot_words,
        deeds=deeds(None, {}, only=("import_lots", "import_kits", "generate_kits")),
    )


def one_lot(number: str) -> str:
    """A lot: its dates, its releases, and where its kits are."""
    lots = look(LotsListing)
    found = lots.get_lot(number)
    places = lots.list_places(number)
    return show_types(
        "lot",
        t("web.lot.title", number=number),
        Link(t("web.menu.lots"), url_for("reading.lots")),
        reading="lot",
        of=number,
        lot=found,
        state=lot_words(found.status),
        last_days=lots.list_days(number),
        places=[(one, counts_in_words(one.counts)) for one in places],
        total=sum(sum(one.counts.values()) for one in places),
        deeds=deeds(None, {"lot": number}),
        signatures=signed_words(signed.of_lot(lots.db, lots.study, number)),
        can_pack=look(Listing).may(Permission.SUPPLY),
    )


def one_trace(number: str) -> str:
    """What became of a lot: its kits one by one, and the sites, shipments and subjects that they
    came to. The reader puts it on record."""
    me, core = current(), the_core()
    found = look(Listing)
    sees_subjects = found.may(Permission.SEE_SUBJECTS)
    close()
    trace = read_trace(core, me.actor, me.study.code, number, channel=Channel.WEB)
    return show(
        "trace",
        t("web.lot.trace_of", number=number),
        Link(t("web.menu.lots"), url_for("reading.lots")),
        Link(t("web.lot.title", number=number), url_for("reading.lot", number=number)),
        trace=trace,
        kits=trace.kits[:ROWS_MAX],
        more=max(0, len(trace.kits) - ROWS_MAX),
        state=lambda one: t(SHELF[one.state]),
        sees_subjects=sees_subjects,
    )


def packaging(number: str) -> Response:
    """What the packager prints and puts into which carton of the lot."""
    me = current()
    close()
    packed = read_packaging_list(the_core(), me.actor, me.study.code, number, channel=Channel.WEB)
    name = f'attachment; filename="packaging-list-{number}.csv"'
    headers = {"Content-Disposition": name}
    return Response(in_csv(packed), content_type="text/csv; charset=utf-8", headers=headers)


def stock_by_lot() -> str:
    """What a site or a depot holds, by lot and type."""
    site, depot = chosen("site"), chosen("depot")
    shelves = look(StockListing)
    if site is not None:
        rows, title = shelves.lots_at_site(site), t("web.stock.title", site=site)
        back = Link(title, url_for("reading.stock", site=site))
    elif depot is not None:
        rows, title = shelves.lots_at_depot(depot), t("web.depot.stock", number=depot)
        back = Link(t("web.depot", number=depot), url_for("reading.depot", code=depot))
    else:
        raise NotFound
    return show_types(
        "stock_lots",
        t("web.stock.by_lot", place=title),
        back,
        reading="stock",
        of=depot,
        site=site,
        rows=[(one, counts_in_words(one.counts)) for one in rows],
        sees_lots=are_lots_seen(),
        at_site=site is not None,
    )
