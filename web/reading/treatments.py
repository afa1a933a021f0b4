"""Treatments open to the reader: which there are, and each told only when asked for.

What tells a treatment is the answer to a form and has no address of its own: nothing of it stays
in the browser's history, and whoever wants to see it again asks again, which is on record again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, make_response, request, url_for

from core.access.roles import Permission
from core.errors import NotFound
from core.listing import Listing
from core.transaction import Channel
from core.unblinding.openings import Opening, list_openings
from core.unblinding.reading import Treatment, read_all, read_treatment
from web.db import close, connection, the_core
from web.reading.common import Link, look, show
from web.session import current, signed_in
from web.words import t

BASIS_WORDS: Final[Mapping[str, str]] = {
    "code_break": "web.basis.code_break",
    "code_view": "web.basis.code_view",
    "for_caller": "web.basis.for_caller",
    "analysis": "web.basis.analysis",
    "end_of_study": "web.basis.end_of_study",
}
"""By which kind of deed a treatment is open, in words: for each of `openings.BASES`."""
KEPT_NOWHERE: Final = "no-store, max-age=0"
_NUMBER_CHARACTERS_MAX: Final = 16


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/treatments", "treatments", signed_in(treatments))
    read = signed_in(treatment)
    pages.add_url_rule("/treatments", "treatment", read, methods=["POST"])
    read = signed_in(all_treatments)
    pages.add_url_rule("/treatments/all", "all_treatments", read, methods=["POST"])


def treatments() -> str:
    """What is open to the reader, and how to have it told."""
    return _list()


def _list(problem: str | None = None) -> str:
    me = current()
    found = list_openings(connection(), me.actor, me.study.code, me.now)
    return show(
        "treatments",
        t("web.treatments.title"),
        openings=[one for one in found if not _is_all(one)],
        all_open=[one for one in found if _is_all(one)],
        words=BASIS_WORDS,
        problem=problem,
    )


def _is_all(one: Opening) -> bool:
    return one.subject is None and one.kit is None


def treatment() -> Response:
    """One treatment, once it is on record that it was read; no copy is kept anywhere."""
    subject, kit = _asked("subject"), _asked("kit")
    if (subject is None) == (kit is None):
        return make_response(_list(t("web.treatment.which")), 422)
    me = current()
    code = me.study.code
    close()
    try:
        found = read_treatment(
            *(the_core(), me.actor, code), subject=subject, kit=kit, channel=Channel.WEB
        )
    except NotFound:
        return make_response(_list(t("web.treatment.not_open")), 422)
    return _told(found)


def all_treatments() -> Response:
    """Every treatment that a planned unblinding has opened to the reader, as a CSV file; that it
    was taken is on record with the subjects."""
    me = current()
    code, language = me.study.code, me.language
    close()
    try:
        found = read_all(the_core(), me.actor, code, channel=Channel.WEB)
    except NotFound:
        return make_response(_list(t("web.treatment.not_open")), 422)
    out = io.StringIO()
    written = csv.writer(out, lineterminator="\n")
    written.writerow(("subject", "treatment", "randomized_to"))
    for one in found:
        now = one.labels.text(language)
        written.writerow((one.subject, now, one.earlier.text(language) if one.earlier else now))
    response = make_response(out.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="treatments-{code}.csv"'
    response.headers["Cache-Control"] = KEPT_NOWHERE
    return response


def _asked(name: str) -> str | None:
    return request.form.get(name, "").strip()[:_NUMBER_CHARACTERS_MAX] or None


def _told(found: Treatment) -> Response:
    language = current().language
    if found.subject is not None:
        title = t("web.treatment.of_subject", number=found.subject)
    else:
        title = t("web.treatment.of_kit", number=found.kit or "")
    page = show(
        "treatment",
        title,
        Link(t("web.treatments.title"), url_for("reading.treatments")),
        what=found.labels.text(language),
        earlier=found.earlier.text(language) if found.earlier else None,
        told=found.told,
        subject=found.subject,
        sees_subject=look(Listing).may(Permission.SEE_SUBJECTS),
    )
    response = make_response(page)
    response.headers["Cache-Control"] = KEPT_NOWHERE
    return response
