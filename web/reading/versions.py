"""Published versions of the study file, and where each holds."""

from __future__ import annotations

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.errors import NotFound
from core.facts import is_keyed
from core.ledger import signed
from core.study.listing import VersionsListing
from web.reading.common import Link, after, chosen, first, look, show, site_words
from web.reading.signed import signed_words
from web.session import current, signed_in
from web.words import t


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/versions", "versions", signed_in(all_versions))
    pages.add_url_rule("/versions/<number>", "version", signed_in(one_version))


def all_versions() -> str:
    """The versions, the newest first."""
    me = current()
    page = look(VersionsListing).list_versions(chosen("after"))
    return show(
        "versions",
        t("web.menu.versions"),
        page=page,
        after=after(page),
        first=first(),
        may_publish=me.actor.may(Permission.PUBLISH, me.study.code, None),
    )


def one_version(number: str) -> str:
    """A version: who published it, its hash and text, from which day it holds at which site."""
    lists = look(VersionsListing)
    if not is_keyed(number) or len(number) > 9:
        raise NotFound
    found, text = lists.get_version(int(number))
    page = lists.list_adoptions(found.version, chosen("after"))
    return show(
        "version",
        t("web.version.title", version=found.version),
        Link(t("web.menu.versions"), url_for("reading.versions")),
        version=found,
        text=text,
        page=page,
        after=after(page),
        first=first(),
        state=site_words,
        signatures=signed_words(signed.of_version(lists.db, lists.study, found.version)),
    )
