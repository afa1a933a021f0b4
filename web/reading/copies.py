"""Copies of the record to take away: for people, for programs, for the archive."""

from __future__ import annotations

from flask import Blueprint, Response

from core.errors import NotFound
from core.export.copy import read_copy
from core.transaction import Channel
from web import db
from web.export.files import FORMS, file_of
from web.reading.common import show
from web.session import current, signed_in
from web.words import say, t


def add_to(pages: Blueprint) -> None:
    """Put the page and the files at their addresses."""
    pages.add_url_rule("/copies", "copies", signed_in(copies))
    pages.add_url_rule("/copies/record.<form>", "copy_file", signed_in(one_file))


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
