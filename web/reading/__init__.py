"""Pages to read: subjects, visits, kits, shipments, stock, sites, ledger, people, lists."""

from __future__ import annotations

from flask import Blueprint

from core.runtime import Core
from web.reading import (
    account,
    accountability,
    holds,
    ledger,
    lists,
    people,
    publish,
    sites,
    subjects,
    supply,
    versions,
)
from web.reading.menu import entries


def blueprint(core: Core) -> Blueprint:
    """All reading pages, and `reading_menu()` for the templates."""
    pages = Blueprint("reading", __name__)
    for part in (
        accountability,
        sites,
        subjects,
        supply,
        ledger,
        people,
        versions,
        lists,
        holds,
        publish,
        account,
    ):
        part.add_to(pages)
    pages.app_context_processor(lambda: {"reading_menu": entries})
    return pages
