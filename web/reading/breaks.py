"""Code breaks: who opened what, when and why, who stays blinded, what it means for the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.ledger.signed import of_entries
from core.messages import Message
from core.unblinding.callers import NONE_REACHABLE, SITE_PHONE
from core.unblinding.failures import WHY
from core.unblinding.list import BreakRow, BreaksListing
from web.reading.common import after, chosen, deeds, first, look, show, zones
from web.reading.entries import CHANNELS, deed_words
from web.reading.people import role_words
from web.reading.signed import reason_words, signed_words
from web.session import current, signed_in
from web.words import say, t

OUTCOMES: Final[Mapping[str, str]] = {
    "done": "web.outcome.done",
    "refused": "web.outcome.refused",
    "proposed": "web.outcome.proposed",
    "failed": "web.outcome.failed",
}
OFFERED: Final = (
    *("code_break", "code_view", "unblind_kit", "view_kit", "unblind_study"),
    *("take_emergency_call", "assess_break"),
)


def add_to(pages: Blueprint) -> None:
    """Put the page at its address."""
    pages.add_url_rule("/breaks", "breaks", signed_in(breaks))


def breaks() -> str:
    """Everything that opened a treatment or was to open one, the newest first."""
    me, lists = current(), look(BreaksListing)
    page = lists.list_breaks(chosen("after"), site=chosen("site"))
    signatures = of_entries(lists.db, lists.study, [row.sequence for row in page.rows])
    zone = zones(row.site for row in page.rows)
    here = me.site.number if me.site else None
    return show(
        "breaks",
        t("web.menu.breaks"),
        page=page,
        after=after(page),
        first=first(),
        chosen=chosen,
        zone=lambda row: zone.get(row.site, me.zone),
        signatures=lambda row: signed_words(signatures.get(row.sequence, ()), zone.get(row.site)),
        deed=deed_words,
        outcomes=OUTCOMES,
        channels=CHANNELS,
        reason=reason_words,
        why=why_words,
        called=called_words,
        blinded=lambda row: ", ".join(role_words(one) for one in row.still_blinded),
        may_assess=lists.may(Permission.ASSESS),
        deeds=deeds(here, {}, only=OFFERED),
        sees_subjects=lists.may(Permission.SEE_SUBJECTS),
        treatments=url_for("reading.treatments"),
    )


def why_words(row: BreakRow) -> str | None:
    """Why a try came to nothing, or an operator broke no code."""
    if row.why is None:
        return say(row.message) if row.message else None
    if row.why in WHY:
        return say(Message(f"word.break_failed_{row.why}"))
    return say(Message(f"choice.declined_{row.why}"))


def called_words(row: BreakRow) -> str | None:
    """Where an operator has called back: never the number itself."""
    known = {NONE_REACHABLE: "choice.none_reachable", SITE_PHONE: "web.breaks.site_phone"}
    if row.called_back is None:
        return None
    return t(known[row.called_back]) if row.called_back in known else row.called_back
