"""The account of drug on a page: what came, what became of it, and that it adds up."""

from __future__ import annotations

import datetime as dt
from typing import Final

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.listing import Listing
from core.supply.accountability import read_accountability
from core.transaction import Channel
from web.accountability.files import FORMATS, notes
from web.accountability.tables import TITLES, Cell, Table, in_words, tables
from web.db import close, the_core
from web.reading.common import Link, after, chosen, first, look, reader, show
from web.session import current, signed_in
from web.words import days, say, t, upper_first

ROWS_MAX: Final = 200
"""More is read from the files."""
_KEYS: Final = ("site", "lot", "kit_type", "group", "expiry", "subject")
_ALWAYS: Final = frozenset({*_KEYS, "received", "packaged", "given", "difference"})


def add_to(pages: Blueprint) -> None:
    """Put the page at its address."""
    pages.add_url_rule("/accountability", "account_of_drug", signed_in(account))


def account() -> str:
    """The balance of a site, or of the study; the kits one by one are in the files."""
    me, lists = current(), look(Listing)
    seen = lists.sites(Permission.SEE_STOCK)
    at = chosen("site") or (me.site.number if me.site else None)
    if at is None and seen is not None and len(seen) == 1:
        (at,) = seen
    whole = chosen("of") == "study" and at is None
    if at is None and not whole:
        page = lists.list_sites(chosen("after"))
        return show(
            "account_where",
            t("web.drug.title"),
            page=page,
            after=after(page),
            first=first(),
        )
    way: tuple[Link, ...] = (Link(t("web.drug.title"), url_for("reading.account_of_drug")),)
    if at is not None:
        reader().site(at)
        way = (Link(t("web.site.short", number=at), url_for("reading.site", number=at)),)
    close()
    found = read_accountability(the_core(), me.actor, me.study.code, at, channel=Channel.WEB)
    made = {one.name: one for one in tables(found)}
    shown = [one for name in ("sites", "lots", "subjects") if (one := made.get(name))]
    return show(
        "account_of_drug",
        t("web.drug.of_site", study=me.study.code, site=at)
        if at
        else t("web.drug.of_study", study=me.study.code),
        *way,
        notes=notes(found, say),
        closes=found.closes,
        balance=_balance(made["sites"]) if at else (),
        tables=[_told(one, found.zone) for one in shown if not (at and one.name == "sites")],
        kits=len(found.kits),
        forms=tuple(FORMATS),
        titles=TITLES,
        names=[one.name for one in tables(found)],
        site=at,
    )


def _balance(table: Table) -> list[tuple[str, Cell]]:
    """The only line of a site's balance, one number below the other, those that are none left
    out."""
    (row,) = table.rows
    heads = table.head(say)
    return [
        (heads[place], cell)
        for place, (name, cell) in enumerate(zip(table.columns, row, strict=True))
        if name != "site" and (cell or name in _ALWAYS)
    ]


def _cell(cell: Cell, column: str, zone: str) -> str:
    """A cell in words, days in those of the page."""
    if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        return days(cell)
    return in_words(cell, column, say, zone)


def _told(table: Table, zone: str) -> dict[str, object]:
    """A table in words, without the columns in which nobody has anything."""
    kept = [
        place
        for place, name in enumerate(table.columns)
        if name in _ALWAYS or any(row[place] for row in table.rows)
    ]
    heads = table.head(say)
    return {
        "title": table.title(say),
        "heads": [(upper_first(heads[place]), table.columns[place] in _KEYS) for place in kept],
        "rows": [
            [_cell(row[place], table.columns[place], zone) for place in kept]
            for row in table.rows[:ROWS_MAX]
        ],
        "more": max(0, len(table.rows) - ROWS_MAX),
    }
