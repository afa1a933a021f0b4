"""The page at /: what waits today for those who are signed in, where to call for the others."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core.access.places import deeds_at
from core.calls import mark_told, untold_to
from core.db.models import study, telephone
from core.errors import OnHold
from core.study.versions import latest_config
from core.subjects.holds import stop_words
from core.supply.waiting import MOVING, Coming, Held
from core.today import today
from core.transaction import Channel
from web.db import close, connection, the_core
from web.reading.common import NEXT_WORDS
from web.session import current, find_current, open_to_all, record_view, signed_in
from web.words import say

STEPS: Final = ("requested", "confirmed", "packed")
NEXT: Final = {
    "draft": "approve_shipment",
    "requested": "acknowledge_shipment",
    "confirmed": "pack_shipment",
    "packed": "dispatch_shipment",
}
HELD: Final = {
    "judge": "judge_excursion",
    "decide": "release_kits",
    "relabel": "relabel_kits",
    "verify": "verify_kits",
    "authorise": "authorise_destruction",
    "destroy": "destroy_kits",
}
AT_DEPOT: Final = {"relabel": "relabel_stock", "destroy": "destroy_stock"}
"""The same of kits at a depot, where that is another deed."""
HELD_STATE: Final = {
    "judge": "pre_quarantined",
    "decide": "quarantined",
    "verify": "returned",
    "authorise": "verified",
    "destroy": "to_destroy",
}
"""By which the list of stock finds them."""
REVIEW_DEED: Final = {"audit_trail": "review_audit", "access": "review_access"}
"""By which a review that is late is signed."""
HELD_WORDS: Final = {
    "judge": "web.held.judge",
    "decide": "web.held.decide",
    "relabel": "web.held.relabel",
    "verify": "web.held.verify",
    "authorise": "web.held.authorise",
    "destroy": "web.held.destroy",
}
pages = Blueprint("home", __name__)


@pages.get("/")
@open_to_all
def home() -> Response | str:
    me = find_current()
    if me is None:
        return _front()
    if me.place is None:
        return redirect(url_for("place.choose"), 303)
    db = connection()
    offered = deeds_at(db, the_core(), me.actor, me.place, Channel.WEB)
    names = frozenset(one.name for one in offered)
    page = render_template(
        "today.html",
        today=today(the_core(), db, me.actor, me.place),
        on_hold=_on_hold,
        deeds=offered,
        next_deed=lambda one: _next_deed(one, names, me.site.number if me.site else None),
        held_deed=lambda one: _held_deed(one, names),
        held_words=HELD_WORDS,
        review_deed=REVIEW_DEED,
        held_state=HELD_STATE,
        next_words=NEXT_WORDS,
    )
    record_view(page)
    return page


def _next_deed(one: Coming, names: frozenset[str], here: str | None) -> str | None:
    """What is to be done next with a shipment, if this person may do it here."""
    if one.status in MOVING:
        deed = "receive_at_depot" if one.to_depot else "receive"
        return deed if deed in names and here in (one.site, None) else None
    if one.from_site:
        return (
            "dispatch_transfer" if "dispatch_transfer" in names and here == one.from_site else None
        )
    steps = STEPS[STEPS.index(one.status) :] if one.status in STEPS else (one.status,)
    return next((NEXT[step] for step in steps if NEXT[step] in names), None)


def _held_deed(one: Held, names: frozenset[str]) -> str | None:
    """What is to be done with kits that wait, if this person may do it here."""
    deed = AT_DEPOT.get(one.what, HELD[one.what]) if one.depot else HELD[one.what]
    return deed if deed in names else None


def _on_hold(what: str) -> str:
    """What whoever tries it is told."""
    return say(OnHold(what=stop_words(what)).message)


@pages.post("/told")
@signed_in(place=False)
def told() -> Response:
    mine = {one.receipt_id for one in untold_to(connection(), the_core(), current().actor, "")}
    read = {int(one) for one in request.form.getlist("receipt") if one.isdecimal()}
    close()
    with the_core().writing() as db:
        mark_told(db, sorted(mine & read), the_core().now())
    return redirect(url_for("home.home"), 303)


def _front() -> str:
    db = connection()
    studies = db.execute(select(study.c.code, study.c.training).order_by(study.c.number)).all()
    lines = db.execute(
        select(telephone.c.study, telephone.c.line, telephone.c.number).order_by(
            telephone.c.study, telephone.c.line, telephone.c.number
        )
    ).all()
    titles = {row.code: latest_config(db, the_core(), row.code).study.labels for row in studies}
    return render_template(
        "front.html", lines=lines, titles=titles, training=any(row.training for row in studies)
    )
