"""The ledger by subject, kit, person, deed, site and time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

from flask import Blueprint

from core.access.roles import Permission
from core.errors import InvalidInput, NotFound
from core.ledger.listing import LedgerListing, Wanted
from core.messages import Message
from core.register import transactions
from core.sight import Page, T
from web.reading.common import after, chosen, first, look, same_filters, show, zones
from web.reading.entries import deed_words, told
from web.session import current, signed_in
from web.words import t


def add_to(pages: Blueprint) -> None:
    """Put the page at its address."""
    pages.add_url_rule("/ledger", "ledger", signed_in(ledger))


def ledger() -> str:
    """The entries that fit the filters, the newest first."""
    lists = look(LedgerListing)
    lists.sites(Permission.SEE_LEDGER)
    page, problem = found_or_wrong(lambda: lists.list_entries(wanted(), chosen("after")))
    return show(
        "ledger",
        t("web.menu.ledger"),
        page=page,
        entries=told(page.rows),
        after=after(page),
        first=first(),
        chosen=chosen,
        problem=problem,
        pdf=same_filters("reading.ledger_file"),
        deeds=sorted((deed_words(one.name), one.name) for one in transactions()),
    )


def found_or_wrong(
    ask: Callable[[], Page[T]],
) -> tuple[Page[T], tuple[str, Message] | None]:
    """The rows that the filters ask for, or the field that is wrong. A number that is not there,
    or not for these eyes, has no rows: both read the same."""
    try:
        return ask(), None
    except InvalidInput as wrong:
        if wrong.field == "after":
            raise
        return Page((), None), (wrong.field, wrong.message)
    except NotFound:
        return Page((), None), None


def wanted() -> Wanted:
    """What the filters of the page's address ask for. Raises InvalidInput."""
    site, me = chosen("site"), current()
    zone = zones([site]).get(site, me.zone) if site else me.zone
    since, until = span_asked(zone)
    return Wanted(
        subject=chosen("subject"),
        kit=chosen("kit"),
        person=chosen("person"),
        transaction=chosen("deed"),
        site=site,
        since=since,
        until=until,
    )


def span_asked(zone: str) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The moments between the days of the filter, both days included. Raises InvalidInput."""
    last = _day("until")
    following = last + dt.timedelta(days=1) if last else None
    return _start(_day("since"), zone), _start(following, zone)


def _day(name: str) -> dt.date | None:
    """A day of the filter. Raises InvalidInput."""
    text = chosen(name)
    if text is None:
        return None
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(name, Message("error.date")) from None
    if not 2000 <= found.year < 2200:
        raise InvalidInput(name, Message("error.date"))
    return found


def _start(day: dt.date | None, zone: str) -> dt.datetime | None:
    """The moment at which a local day begins, in UTC."""
    if day is None:
        return None
    return dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
