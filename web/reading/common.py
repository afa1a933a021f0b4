"""What the reading pages share: who reads, the way back, the next page, words for states."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import render_template, request, url_for
from sqlalchemy import select

from core.access.openings import offered
from core.db.models import site
from core.errors import InvalidInput, NotFound, Refused
from core.interview import Wrong, advance
from core.messages import Message
from core.reading import Reader
from core.sight import Page, Sight
from core.study.versions import latest_config
from core.transaction import Channel
from web.db import connection, the_core
from web.session import current
from web.words import say, t

KIT_STATES: Final[Mapping[str, str]] = {
    "new": "web.kit.new",
    "available": "web.kit.available",
    "reserved": "web.kit.reserved",
    "in_transit": "web.kit.in_transit",
    "unavailable": "web.shelf.unavailable",
    "expired": "web.shelf.expired",
    "unconfirmed": "web.kit.unconfirmed",
    "dispensed": "web.kit.dispensed",
    "damaged": "web.kit.damaged",
    "missing": "web.kit.missing",
    "lost": "web.kit.lost",
    "misallocated": "web.shelf.misallocated",
    "returned": "web.kit.returned",
    "verified": "web.kit.verified",
    "to_destroy": "web.kit.to_destroy",
    "destroyed": "web.kit.destroyed",
    "pre_quarantined": "web.kit.pre_quarantined",
    "quarantined": "web.kit.quarantined",
    "rejected": "web.kit.rejected",
}
VISIT_STATES: Final[Mapping[str, str]] = {
    "planned": "web.visit.planned",
    "dispensed": "web.visit.dispensed",
    "unscheduled": "web.visit.unscheduled",
    "without_drug": "web.visit.without_drug",
    "missed": "web.visit.missed",
    "elsewhere": "web.visit.elsewhere",
}
SUBJECT_STATES: Final = (
    *("screened", "screen_failed", "randomized", "discontinued"),
    *("withdrawn", "lost", "completed"),
)
NEXT_WORDS: Final[Mapping[str, str]] = {
    "approve_shipment": "web.next.approve_shipment",
    "acknowledge_shipment": "web.next.acknowledge_shipment",
    "pack_shipment": "web.next.pack_shipment",
    "dispatch_shipment": "web.next.dispatch_shipment",
    "dispatch_transfer": "web.next.dispatch_transfer",
    "receive": "web.next.receive",
    "receive_at_depot": "web.next.receive_at_depot",
}
"""What is done next with a shipment, in a word."""
_FILTER: Final = re.compile("[a-z][a-z_]{0,39}")
SightT = TypeVar("SightT", bound=Sight)


@dataclass(frozen=True, slots=True)
class Link:
    """Where to, in words."""

    text: str
    url: str


def look(kind: type[SightT]) -> SightT:
    """The lists of the study that the person works in. Raises NotFound."""
    me = current()
    return kind(the_core(), connection(), me.actor, me.study.code)


def reader() -> Reader:
    """The record of the study that the person works in. Raises NotFound."""
    me = current()
    return Reader(the_core(), connection(), me.actor, me.study.code)


def show(template: str, title: str, *way: Link, **values: Any) -> str:
    """The page, with the way back from it: home first, itself last."""
    home = Link(t("web.way.home"), url_for("home.home"))
    return render_template(f"reading/{template}.html", title=title, crumbs=(home, *way), **values)


def chosen(name: str) -> str | None:
    """A filter of the page's address, or None."""
    return request.args.get(name, "").strip() or None


def same_filters(endpoint: str, after: str | None = None) -> str:
    """The address of a page with the filters of this one, from the place `after` on. What would be
    an order to `url_for` itself (another scheme, another host) is no filter."""
    asked = request.args.items()
    given = {name: value for name, value in asked if _FILTER.fullmatch(name) and name != "after"}
    given.pop("endpoint", None)
    return url_for(endpoint, **{**given, **(request.view_args or {})}, after=after)


def after(page: Page[Any]) -> str | None:
    """The address of the page that follows in a list."""
    if page.next is None or request.endpoint is None:
        return None
    return same_filters(request.endpoint, after=page.next)


def first() -> str | None:
    """The address of the first page of a list, unless this is it."""
    if "after" not in request.args or request.endpoint is None:
        return None
    return same_filters(request.endpoint)


def zones(numbers: Iterable[str | None]) -> dict[str | None, str]:
    """The time zones of these sites."""
    wanted = {number for number in numbers if number is not None}
    query = select(site.c.number, site.c.timezone).where(
        site.c.study == current().study.code, site.c.number.in_(sorted(wanted))
    )
    rows = connection().execute(query) if wanted else ()
    return {None: "UTC", **{row.number: row.timezone for row in rows}}


def status_words(status: str) -> str:
    """A subject's state."""
    return say(Message(f"word.status_{status}"))


def shipment_words(status: str) -> str:
    """A shipment's state."""
    return say(Message(f"word.shipment_{status}"))


def site_words(status: str) -> str:
    """A site's state."""
    return say(Message(f"word.site_{status}"))


def kit_state(kit: Any) -> str:
    """The one thing about a kit that matters most, as a key of KIT_STATES."""
    told = kit if isinstance(kit, Mapping) else {name: getattr(kit, name) for name in kit.__slots__}
    if told["state"] == "dispensed" and not told["confirmed_at"]:
        return "unconfirmed"
    return str(told["state"])


def kit_words(kit: Any) -> str:
    """How a kit stands."""
    return t(KIT_STATES[kit_state(kit)])


def deeds(
    at: str | None, given: Mapping[str, str], only: Container[str] | None = None
) -> tuple[Link, ...]:
    """What this person may do now with what the page is about, at the site where that is; of
    `only` these, if given, and in their order. A deed is left out where it is clear already that
    it would be refused.
    """
    me, core, db = current(), the_core(), connection()
    here = me.site.number if me.site else None
    config = latest_config(db, core, me.study.code)
    found = []
    for one in offered(core, db, me.actor, me.study.code, here, Channel.WEB):
        place = here if one.site else None
        names = {question.name for question in one.questions(config)}
        if only is not None and one.name not in only:
            continue
        if not set(given) <= names or (one.site and (here is None or here != at)):
            continue
        try:
            step = advance(core, db, one, me.actor, me.study.code, place, given)
        except (Refused, NotFound, InvalidInput):
            continue
        if not isinstance(step, Wrong):
            values: dict[str, Any] = {"name": one.name, **given}
            url = url_for("deed.start", **values)
            found.append((one.name, Link(say(Message(f"deed.{one.name}")), url)))
    if isinstance(only, tuple):
        found.sort(key=lambda each: only.index(each[0]))
    return tuple(link for _, link in found)
