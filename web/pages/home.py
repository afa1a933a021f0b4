"""The page at /: what waits today for those who are signed in, where to call for the others."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core.access.places import deeds_at
from core.calls import mark_told, untold_to
from core.db.models import study, telephone
from core.errors import OnHold
from core.study.versions import latest_config
from core.subjects.holds import stop_words
from core.today import today
from core.transaction import Channel
from web.db import close, connection, the_core
from web.session import current, find_current, open_to_all, signed_in
from web.words import say

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
    return render_template(
        "today.html",
        today=today(the_core(), db, me.actor, me.place),
        on_hold=_on_hold,
        deeds=deeds_at(db, the_core(), me.actor, me.place, Channel.WEB),
    )


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
