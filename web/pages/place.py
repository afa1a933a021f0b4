"""/place: the study and the site that a person works at, where there are several."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from core.access import sessions
from core.access.places import find_place, is_founder
from core.study.fields import is_study_code
from web.db import close, the_core
from web.pages.forms import Problem
from web.session import current, safe_next, signed_in
from web.words import t

_WHOLE = "*"

pages = Blueprint("place", __name__)


@pages.get("/place")
@signed_in(place=False)
def choose() -> str:
    return _page(request.args.get("next"), [])


@pages.post("/place")
@signed_in(place=False)
def chosen() -> Response:
    me, wanted = current(), request.form.get("next")
    founder = is_founder(me.actor)
    code, _, number = request.form.get("place", "").partition(" ")
    if founder and not code:
        code = request.form.get("study", "").strip()
    site = None if number in ("", _WHOLE) else number
    if not is_study_code(code) or find_place(me.studies, code, site, founder=founder) is None:
        return make_response(_page(wanted, [Problem("place", t("web.error_place"))]), 422)
    close()
    sessions.choose(the_core(), me.session.token, code, site)
    return redirect(safe_next(wanted), 303)


def _page(wanted: str | None, problems: list[Problem]) -> str:
    me = current()
    return render_template(
        "place.html", next=wanted, problems=problems, founder=is_founder(me.actor)
    )
