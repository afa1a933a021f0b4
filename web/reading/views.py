"""Who saw what: the readings on record, by subject, person and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.access.views import ViewRow, ViewsListing
from core.sight import Page
from web.reading.common import Link, after, chosen, first, look, show
from web.reading.entries import CHANNELS, deed_words
from web.reading.ledger import found_or_wrong, span_asked
from web.session import current, signed_in
from web.words import t

WORDS: Final[Mapping[str, str]] = {
    "today": "web.today",
    "deed": "web.viewed.deed",
    "receipt": "web.receipt",
    "study": "web.study",
    "subjects": "web.menu.subjects",
    "subject": "web.subject",
    "visit": "web.visit",
    "stock": "web.menu.stock",
    "stock_lots": "web.viewed.stock_lots",
    "kits": "web.kits.title",
    "kit": "web.col.kit",
    "shipments": "web.menu.shipments",
    "shipment": "web.shipment",
    "shipment_types": "web.viewed.shipment_types",
    "order": "web.viewed.order",
    "lots": "web.menu.lots",
    "lot": "web.col.lot",
    "trace": "web.viewed.trace",
    "packaging_list": "web.viewed.packaging_list",
    "resupply": "web.menu.resupply",
    "depots": "web.menu.depots",
    "depot": "web.col.depot",
    "account_of_drug": "web.drug.title",
    "sites": "web.menu.sites",
    "site": "web.site_word",
    "holds": "web.menu.holds",
    "ledger": "web.menu.ledger",
    "views": "web.views.title",
    "people": "web.menu.people",
    "person": "web.viewed.person",
    "versions": "web.menu.versions",
    "version": "web.col.version",
    "difference": "web.viewed.difference",
    "lists": "web.menu.lists",
    "breaks": "web.menu.breaks",
    "emergency": "web.emergency.title",
    "emergency_call": "web.viewed.emergency_call",
    "treatments": "web.menu.treatments",
    "copies": "web.copy.title",
    "copy": "web.viewed.copy",
}
"""What a reading was of, in words."""


def add_to(pages: Blueprint) -> None:
    """Put the page at its address."""
    pages.add_url_rule("/views", "views", signed_in(views))


def views() -> str:
    """The readings that fit the filters, the newest first."""
    lists = look(ViewsListing)
    lists.sites(Permission.SEE_LEDGER)
    page, problem = found_or_wrong(lambda: _asked(lists))
    return show(
        "views",
        t("web.views.title"),
        Link(t("web.menu.ledger"), url_for("reading.ledger")),
        page=page,
        after=after(page),
        first=first(),
        chosen=chosen,
        problem=problem,
        whats=WORDS,
        channels=CHANNELS,
        deed=deed_words,
    )


def _asked(lists: ViewsListing) -> Page[ViewRow]:
    """The readings that the filters ask for. Raises InvalidInput, NotFound."""
    since, until = span_asked(current().zone)
    return lists.list_views(
        subject_number=chosen("subject"),
        user_id=chosen("person"),
        since=since,
        until=until,
        after=chosen("after"),
    )
