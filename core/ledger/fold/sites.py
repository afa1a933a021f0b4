"""Sites, the versions of the study file in effect there, and the lines of the study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from core.ledger.fold.book import Book, Leftover, deed_of, is_done, rows_by

_SITES: Final = "SELECT number, status, status_on FROM site WHERE study = :study"
_VERSIONS: Final = "SELECT site, version, effective_on FROM site_version WHERE study = :study"
_PUBLISHED: Final = """SELECT version, digest, published_at, published_by FROM study_version
WHERE study = :study"""
Entry = Mapping[str, Any]


class SiteFold:
    """Follows the sites of one study, and which of its versions there are."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._study = db, study
        self._sites, self._versions = Book("site"), Book("version in effect at site")
        self._published = Book("version")

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if is_done(entry) and (handler := HANDLERS.get(deed_of(entry))) is not None:
            handler(self, entry)

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        for book, query, key in (
            (self._sites, _SITES, ("number",)),
            (self._versions, _VERSIONS, ("site", "version")),
            (self._published, _PUBLISHED, ("version",)),
        ):
            yield from book.compare(rows_by(self._db, query, self._study, *key))

    def published(self, entry: Entry) -> None:
        facts = entry["facts"]
        self._published.set(
            facts["version"],
            entry,
            digest=facts["file_sha256"],
            published_at=entry["at"],
            published_by=entry["actor"],
        )

    def imported(self, entry: Entry) -> None:
        for number in entry["facts"]["sites"]:
            self._sites.set(number, entry, status="pending", status_on=None)

    def changed(self, entry: Entry) -> None:
        facts = entry["facts"]
        site, on = facts["site"], facts["approval_date"]
        self._sites.set(site, entry, status=facts["after"], status_on=on)
        version = facts.get("version")
        if version is not None and (site, version) not in self._versions:
            self._versions.set((site, version), entry, effective_on=on)

    def adopted(self, entry: Entry) -> None:
        facts = entry["facts"]
        key = facts["site"], facts["version"]
        self._versions.set(key, entry, effective_on=facts["effective_date"])


HANDLERS: Final[Mapping[str, Callable[[SiteFold, Entry], None]]] = {
    "publish": SiteFold.published,
    "import_sites": SiteFold.imported,
    "activate_site": SiteFold.changed,
    "pause_site": SiteFold.changed,
    "close_site": SiteFold.changed,
    "approve_version": SiteFold.adopted,
}
FOLLOWED: Final = frozenset(HANDLERS)
