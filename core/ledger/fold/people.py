"""Who may do what: roles given and ended, people, and what signs in for them.

A role written into the database by hand would let somebody do, see or unblind what nobody granted.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from core.ledger.append import INSTALLATION
from core.ledger.encoding import instant
from core.ledger.fold.book import Book, Leftover, as_instant, deed_of, is_done, rows_by

_GRANTS: Final = """SELECT user_id, role, site, depot, starts_at, ends_at FROM grant_role
WHERE {where}"""
_PEOPLE: Final = "SELECT user_id FROM person WHERE :study = :study"
_TOKENS: Final = """SELECT id, user_id, name, expires_at, revoked_at IS NOT NULL AS revoked
FROM api_token WHERE :study = :study"""
_SESSIONS: Final = "SELECT user_id, created_at FROM web_session"
_IMPORTED: Final = """SELECT sequence, body FROM ledger
WHERE "transaction" = 'import_users' AND outcome = 'done'"""
_DEPOT: Final = "depot"
Entry = Mapping[str, Any]
Place = tuple[str, str, str | None, str | None]
"""Who, which role, at which site, at which depot."""


@dataclass
class _Role:
    """A role as entries tell of it."""

    starts: str
    ends: str | None
    sequence: int


class PeopleFold:
    """Follows the roles of one study; in the installation's chain people and their tokens too."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._study = db, study
        self._roles: dict[Place, list[_Role]] = {}
        self._people, self._tokens = Book("person"), Book("token")
        self._sessions: set[tuple[str, str]] = set()
        self._sites: dict[str, str] | None = None

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if is_done(entry) and (handler := HANDLERS.get(deed_of(entry))) is not None:
            handler(self, entry)

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        yield from self._compare_roles()
        if self._study != INSTALLATION:
            return
        self._take_imported()
        yield from self._people.compare(rows_by(self._db, _PEOPLE, "", "user_id"))
        yield from self._tokens.compare(rows_by(self._db, _TOKENS, "", "id"))
        for row in self._db.execute(text(_SESSIONS)):
            if (str(row.user_id), as_instant(row.created_at)) not in self._sessions:
                yield Leftover(f"nobody signed in for a session of person {row.user_id}")

    # -- roles

    def _compare_roles(self) -> Iterator[Leftover]:
        where = "study = :study" if self._study != INSTALLATION else "study IS NULL"
        kept: dict[Place, list[tuple[str | None, str | None]]] = {}
        values = {} if self._study == INSTALLATION else {"study": self._study}
        for row in self._db.execute(text(_GRANTS.format(where=where)), values):
            place = str(row.user_id), str(row.role), row.site, row.depot
            ends = None if row.ends_at is None else as_instant(row.ends_at) or "never"
            kept.setdefault(place, []).append((as_instant(row.starts_at), ends))
        for place, told in self._roles.items():
            rows = kept.get(place, [])
            for one in told:
                if (one.starts, one.ends) in rows:
                    rows.remove((one.starts, one.ends))
                else:
                    why = f"the role {_words(place)} is gone, or says something else"
                    yield Leftover(why, one.sequence)
        for place, rows in kept.items():
            for _ in rows:
                yield Leftover(f"no entry gives the role {_words(place)}")

    def _give(
        self, entry: Entry, place: Place, starts: str | None = None, ends: str | None = None
    ) -> None:
        given = _Role(starts or entry["at"], ends, entry["sequence"])
        self._roles.setdefault(place, []).append(given)

    def granted(self, entry: Entry) -> None:
        facts = entry["facts"]
        place = facts["user_id"], facts["role"], facts["site"], facts["depot"]
        starts, ends = entry["at"], None
        if facts.get("starts_on") is not None:
            starts = max(starts, self._midnight(facts["starts_on"], facts["site"]))
        if facts.get("ends_on") is not None:
            ends = self._midnight(facts["ends_on"], facts["site"], days=1)
        self._give(entry, place, starts, ends)

    def ended(self, entry: Entry) -> None:
        facts, at = entry["facts"], entry["at"]
        place = facts["user_id"], facts["role"], facts["site"], facts["depot"]
        for one in self._roles.get(place, []):
            if one.ends is None or one.ends > at:
                one.ends, one.sequence = at, entry["sequence"]

    def imported(self, entry: Entry) -> None:
        for user_id, role, sites in entry["facts"]["roles"]:
            for number in sites.split() or [None]:
                at_depot = role == _DEPOT
                place = (user_id, role, None, number) if at_depot else (user_id, role, number, None)
                self._give(entry, place)

    def _midnight(self, day: str, site: str | None, days: int = 0) -> str:
        if self._sites is None:
            query = "SELECT number, timezone FROM site WHERE study = :study"
            rows = rows_by(self._db, query, self._study, "number")
            self._sites = {number: row["timezone"] for number, row in rows.items()}
        zone = ZoneInfo(self._sites.get(site or "", "UTC"))
        begins = dt.date.fromisoformat(day) + dt.timedelta(days)
        return instant(dt.datetime.combine(begins, dt.time(), zone))

    # -- the installation

    def set_up(self, entry: Entry) -> None:
        facts = entry["facts"]
        self._people.set(facts["user_id"], entry)
        self._give(entry, (facts["user_id"], facts["role"], None, None))

    def _take_imported(self) -> None:
        """People come with the import of a study: their entries are in its chain."""
        for row in self._db.execute(text(_IMPORTED)):
            try:
                people = json.loads(row.body)["facts"]["people"]
            except (ValueError, TypeError, KeyError):
                continue  # a wrong entry of its own chain
            for user_id in people:
                # Who is gone is missed, by no entry of this chain.
                self._people.set(user_id, {"sequence": None})

    def token_made(self, entry: Entry) -> None:
        facts = entry["facts"]
        expires = dt.datetime.fromisoformat(facts["expires_at"])
        values = {"name": facts["name"], "expires_at": instant(expires), "revoked": False}
        self._tokens.set(facts["token"], entry, user_id=entry["actor"], **values)

    def token_revoked(self, entry: Entry) -> None:
        self._tokens.set(entry["facts"]["token"], entry, revoked=True)

    def signed_in(self, entry: Entry) -> None:
        self._sessions.add((entry["facts"]["user_id"], entry["at"]))


def _words(place: Place) -> str:
    user_id, role, site, depot = place
    at = f" at {site or depot}" if site or depot else ""
    return f"{role}{at} to {user_id}"


HANDLERS: Final[Mapping[str, Callable[[PeopleFold, Entry], None]]] = {
    "set_up": PeopleFold.set_up,
    "import_users": PeopleFold.imported,
    "grant_role": PeopleFold.granted,
    "end_role": PeopleFold.ended,
    "token_made": PeopleFold.token_made,
    "token_revoked": PeopleFold.token_revoked,
    "signed_in": PeopleFold.signed_in,
}
FOLLOWED: Final = frozenset(HANDLERS)
