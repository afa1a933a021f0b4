"""The page at /: what this is, whether it is a training, which numbers to call."""

from __future__ import annotations

from flask import Blueprint, Response
from markupsafe import Markup, escape
from sqlalchemy import select

from core.db.models import study, telephone
from core.runtime import Core
from core.study.versions import latest_config

STYLE = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
    ".training{background:#b10e1e;color:#fff;font-weight:bold;padding:.5rem 1rem}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.25rem 1rem .25rem 0}"
)
LINES = {"main": "Main line", "unblinding": "Emergency code break"}


def blueprint(core: Core) -> Blueprint:
    """GET / and its stylesheet."""
    pages = Blueprint("home", __name__)

    @pages.get("/")
    def home() -> str:
        return _page(core)

    @pages.get("/home.css")
    def style() -> Response:
        return Response(STYLE, mimetype="text/css")

    return pages


def _page(core: Core) -> str:
    with core.reading() as db:
        studies = db.execute(select(study.c.code, study.c.training).order_by(study.c.number)).all()
        numbers = db.execute(
            select(telephone.c.study, telephone.c.line, telephone.c.number).order_by(
                telephone.c.study, telephone.c.line, telephone.c.number
            )
        ).all()
        titles = {
            row.code: latest_config(db, core, row.code).study.labels.text("en") for row in studies
        }
    banner = Markup('<p class="training" role="status">TRAINING: not for real subjects</p>')
    row_of = Markup(
        "<tr><th scope='row'>{}</th><td>{}</td><td><a href='tel:{}'>{}</a></td></tr>"
    ).format
    rows = Markup("").join(
        row_of(titles[row.study], LINES.get(row.line, row.line), row.number, row.number)
        for row in numbers
    )
    table = Markup(
        "<table><thead><tr><th scope='col'>Study</th><th scope='col'>Line</th>"
        "<th scope='col'>Telephone</th></tr></thead><tbody>{}</tbody></table>"
    ).format(rows)
    return Markup(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        "<link rel='stylesheet' href='/home.css'></head><body><main>{banner}<h1>{title}</h1>"
        "<p>Randomization and drug supply of clinical trials, by telephone.</p>{table}"
        "</main></body></html>"
    ).format(
        title=escape("IxRS"),
        banner=banner if any(row.training for row in studies) else "",
        table=table if numbers else Markup("<p>No study has been published yet.</p>"),
    )
