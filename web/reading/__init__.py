"""Pages to read: subjects, visits, kits, shipments, stock, sites, ledger, people, lists."""

from __future__ import annotations

from flask import Blueprint

from core.runtime import Core
from web.reading import (
    account,
    account_of_drug,
    accountability,
    breaks,
    copies,
    depots,
    emergency,
    factors,
    holds,
    ledger,
    lists,
    lots,
    orders,
    people,
    publish,
    resupply,
    shipments,
    sites,
    subjects,
    supply,
    treatments,
    versions,
    views,
)
from web.reading.menu import entries

_PARTS = (
    *(
        sites,
        subjects,
        supply,
        lots,
        shipments,
        orders,
        depots,
        resupply,
        account_of_drug,
        accountability,
    ),
    *(
        emergency,
        treatments,
        breaks,
        ledger,
        views,
        copies,
        people,
        versions,
        lists,
        holds,
        publish,
        account,
        factors,
    ),
)


def blueprint(core: Core) -> Blueprint:
    """All reading pages, and `reading_menu()` for the templates."""
    pages = Blueprint("reading", __name__)
    for part in _PARTS:
        part.add_to(pages)
    pages.app_context_processor(lambda: {"reading_menu": entries})
    return pages
