"""Lists and seed: what was imported and opened by whom, what was committed to; never an arm."""

from __future__ import annotations

from flask import Blueprint

from core.ledger import signed
from core.randomization.lists.listing import ListsListing
from web.reading.common import look, show
from web.reading.signed import signed_words
from web.session import signed_in
from web.words import t


def add_to(pages: Blueprint) -> None:
    """Put the page at its address."""
    pages.add_url_rule("/lists", "lists", signed_in(all_lists))


def all_lists() -> str:
    """The list versions, the designs drawn from the seed, and who holds its halves."""
    seen = look(ListsListing)
    return show(
        "lists",
        t("web.menu.lists"),
        versions=seen.list_versions(),
        commitment=seen.commitment(),
        designs=seen.list_designs(),
        shares=seen.list_shares(),
        signatures=signed_words(signed.of_lists(seen.db, seen.study)),
    )
