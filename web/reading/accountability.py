"""The account of drug as files to take away: what became of every kit, as the reader may see it."""

from __future__ import annotations

from flask import Blueprint, Response

from core.errors import NotFound
from core.supply.accountability import read_accountability
from core.transaction import Channel
from web import db
from web.accountability.files import FORMATS, file_of
from web.reading.common import chosen
from web.session import current, signed_in
from web.words import say


def add_to(pages: Blueprint) -> None:
    """Put the files at their addresses."""
    pages.add_url_rule("/accountability.<form>", "accountability_file", signed_in(one_file))


def one_file(form: str) -> Response:
    """The file, of one site if `site` is given; `table` is which one a CSV file holds.

    Whatever shows kit types is on record as read before it leaves.
    """
    if form not in FORMATS:
        raise NotFound
    me = current()
    db.close()
    found = read_accountability(
        db.the_core(), me.actor, me.study.code, chosen("site"), channel=Channel.WEB
    )
    made = file_of(found, form, say, chosen("table"))
    headers = {"Content-Disposition": f'attachment; filename="{made.name}"'}
    return Response(made.content, content_type=made.media, headers=headers)
