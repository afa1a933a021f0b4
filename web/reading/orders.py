"""An order to a depot as a file to take away."""

from __future__ import annotations

from flask import Blueprint, Response

from core.supply.orders import FORMATS, file_of, read_order
from web import db
from web.session import current, signed_in


def add_to(pages: Blueprint) -> None:
    """Put the files at their addresses."""
    pages.add_url_rule("/shipments/<number>/order.<form>", "order_file", signed_in(one_order))


def one_order(number: str, form: str) -> Response:
    """The order, as CSV or JSON, for those who send from its depot."""
    me = current()
    found = read_order(db.the_core(), db.connection(), me.actor, me.study.code, number)
    content = file_of(found, form)
    headers = {"Content-Disposition": f'attachment; filename="order-{found.order}.{form}"'}
    return Response(content, content_type=FORMATS[form], headers=headers)
