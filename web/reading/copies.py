"""Copies of the record to take away: for people, for programs, for the archive."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response

from core.errors import NotFound
from core.export.copy import read_copy, record_copy
from core.ledger.listing import LedgerListing, LedgerRow
from core.sight import PAGE_MAX
from core.transaction import Channel
from web import db
from web.export.files import FORMS, file_of
from web.reading.common import look, show, zones
from web.reading.ledger import wanted
from web.session import current, signed_in
from web.words import say, t

PRINTED_MAX: Final = 2000
"""Entries on one paper, the newest; a copy of the record has every one."""


def add_to(pages: Blueprint) -> None:
    """Put the page and the files at their addresses."""
    pages.add_url_rule("/copies", "copies", signed_in(copies))
    pages.add_url_rule("/copies/record.<form>", "copy_file", signed_in(one_file))
    pages.add_url_rule("/ledger.pdf", "ledger_file", signed_in(ledger_file))


def copies() -> str:
    """The forms that a copy comes in."""
    return show("copies", t("web.copy.title"), forms=tuple(FORMS))


def one_file(form: str) -> Response:
    """The copy in that form, on record as read before it leaves. Raises NotFound."""
    if form not in FORMS:
        raise NotFound
    me = current()
    db.close()
    copy = read_copy(db.the_core(), me.actor, me.study.code, form=form, channel=Channel.WEB)
    made = file_of(copy, form, say)
    headers = {"Content-Disposition": f'attachment; filename="{made.name}"'}
    return Response(made.content, content_type=made.media, headers=headers)


def ledger_file() -> Response:
    """The entries that fit the filters of the page of the ledger, on paper, with their signatures;
    on record before it leaves. Raises NotFound, InvalidInput."""
    from web.export.paper import ledger_pdf

    me, lists, asked = current(), look(LedgerListing), wanted()
    found: list[LedgerRow] = []
    after: str | None = None
    while len(found) < PRINTED_MAX:
        page = lists.list_entries(asked, after, PAGE_MAX)
        found += page.rows
        after = page.next
        if after is None:
            break
    places = {number: zone for number, zone in zones(row.site for row in found).items() if number}
    upto = found[0].sequence if found else 0
    db.close()
    core, study = db.the_core(), me.study.code
    record_copy(core, me.actor, study, form="ledger.pdf", upto=upto, channel=Channel.WEB)
    made = ledger_pdf(study, me.actor, core.now(), found, places, say, more=after is not None)
    headers = {"Content-Disposition": f'attachment; filename="{study}-ledger.pdf"'}
    return Response(made, content_type="application/pdf", headers=headers)
