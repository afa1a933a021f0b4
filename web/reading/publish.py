"""Publishing a study file: upload or paste, see the difference in plain words, then sign.

The file waits in a draft; signing and publishing are those of every deed.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from core import drafts
from core.access.roles import Permission
from core.errors import InvalidInput, NotFound
from core.messages import Message
from core.study.amendment import check_amendment
from core.study.diff import diff
from core.study.listing import VersionsListing
from core.study.problems import Problem, Severity
from core.study.read import digest, review
from core.study.versions import UNPUBLISHED, newest_version
from web.db import close, connection, the_core
from web.reading.common import Link, look, show
from web.session import current, signed_in
from web.words import t

NAME = "publish"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a file would do: `before` is the version that holds now, 0 for none."""

    before: int
    changes: tuple[Message, ...]
    stopping: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    same: bool


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/publish", "publish", signed_in(form))
    pages.add_url_rule("/publish", "upload", signed_in(upload), methods=["POST"])
    pages.add_url_rule("/publish/<draft_id>", "difference", signed_in(difference))


def _check_may() -> None:
    """Raises NotFound for those who do not publish here."""
    me = current()
    if not me.actor.may(Permission.PUBLISH, me.study.code, None):
        raise NotFound


def _way() -> Link:
    return Link(t("web.menu.versions"), url_for("reading.versions"))


def form() -> str:
    """Choose a file, or paste its text."""
    _check_may()
    return show("publish", t("web.publish.title"), _way(), problem=request.args.get("problem"))


def upload() -> AnyResponse:
    """Keep the file in a draft and go on to the difference."""
    _check_may()
    me = current()
    text = _text()
    if not text.strip():
        return redirect(url_for("reading.publish", problem="empty"), 303)
    close()
    draft = drafts.begin(the_core(), me.session.token, me.study.code, None, NAME, {"file": text})
    return redirect(url_for("reading.difference", draft_id=draft), 303)


def _text() -> str:
    """The file's text, or what was pasted; a browser pastes lines that end in CR LF."""
    sent = request.files.get("file")
    raw = sent.read() if sent is not None and sent.filename else b""
    if not raw:
        return request.form.get("text", "").replace("\r\n", "\n")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("file", Message("error.study_utf8")) from None


def difference(draft_id: str) -> str:
    """What the file would change, its warnings, and what stops it; then the way to sign."""
    _check_may()
    me = current()
    draft = drafts.find(the_core(), connection(), draft_id, me.actor.user_id)
    if draft.transaction != NAME or draft.study != me.study.code or "file" not in draft.given:
        raise NotFound
    text = draft.given["file"]
    found = _compare(text)
    return show(
        "difference",
        t("web.difference.title", study=me.study.code),
        _way(),
        Link(t("web.publish.title"), url_for("reading.publish")),
        found=found,
        digest=digest(text),
        draft_id=draft_id,
    )


def _compare(text: str) -> Comparison:
    db, core, code = connection(), the_core(), current().study.code
    before = newest_version(db, code) or UNPUBLISHED
    reviewed = review(text)
    stopping = reviewed.of(Severity.ERROR, Severity.PUBLISH)
    warnings = reviewed.of(Severity.WARNING)
    config = reviewed.config
    if config is None:
        return Comparison(before, (), stopping, warnings, False)
    if config.code != code:
        other = Problem("study.code", Message("error.other_study", {"code": config.code}))
        return Comparison(before, (), (*stopping, other), warnings, False)
    if before == UNPUBLISHED:
        return Comparison(before, (), stopping, warnings, False)
    old = core.config(db, code, before)
    known, _ = look(VersionsListing).get_version(before)
    return Comparison(
        before,
        diff(old, config),
        (*stopping, *check_amendment(old, config)),
        warnings,
        known.digest == digest(text),
    )
