"""The sites of the study, and each of them."""

from __future__ import annotations

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.listing import Listing
from web.reading.common import Link, after, chosen, first, look, reader, show, site_words
from web.reading.signed import signed_words
from web.session import current, signed_in
from web.words import t


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/sites", "sites", signed_in(all_sites))
    pages.add_url_rule("/sites/<number>", "site", signed_in(one_site))


def all_sites() -> str:
    """The sites that the person sees."""
    page = look(Listing).list_sites(chosen("after"))
    return show(
        "sites", t("web.menu.sites"), page=page, after=after(page), first=first(), state=site_words
    )


def one_site(number: str) -> str:
    """A site: its state, its counts, and the way to what is there."""
    found = reader().site(number)
    title = t("web.site.title", number=number, name=str(found["name"]))
    return show(
        "site",
        title,
        Link(t("web.menu.sites"), url_for("reading.sites")),
        site=found,
        state=site_words(found["status"]),
        links=_links(number),
        signatures=signed_words(found["signatures"], found["timezone"]),
    )


def _links(number: str) -> tuple[Link, ...]:
    me = current()
    pages = (
        ("web.menu.subjects", "reading.subjects", Permission.SEE_SUBJECTS),
        ("web.menu.stock", "reading.stock", Permission.SEE_STOCK),
        ("web.menu.shipments", "reading.shipments", Permission.SEE_SHIPMENTS),
        ("web.menu.ledger", "reading.ledger", Permission.SEE_LEDGER),
        ("web.menu.people", "reading.people", Permission.SEE_PEOPLE),
    )
    links = []
    for text, page, permission in pages:
        seen = me.actor.sites_where(permission, me.study.code)
        if seen is None or number in seen:
            links.append(Link(t(text), url_for(page, site=number)))
    return tuple(links)
