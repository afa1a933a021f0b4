"""Who may do what: roles given and ended.

A role written into the database by hand would let somebody do, see or unblind what nobody granted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from core.ledger.append import INSTALLATION
from core.ledger.encoding import instant
from core.ledger.fold.book import Leftover, as_instant, deed_of, is_done

_GRANTS: Final = """SELECT user_id, role, site, depot, starts_at, ends_at FROM grant_role
WHERE {where}"""
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
    """Follows the roles of one study, or of the whole installation in its own chain."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._study = db, study
        self._roles: dict[Place, list[_Role]] = {}

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if is_done(entry) and (handler := HANDLERS.get(deed_of(entry))) is not None:
            handler(self, entry)

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
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
        starts, ends = (_instant(facts.get(name)) for name in ("starts_at", "ends_at"))
        self._give(entry, place, starts, ends)

    def ended(self, entry: Entry) -> None:
        facts, at = entry["facts"], entry["at"]
        place = facts["user_id"], facts["role"], facts["site"], facts["depot"]
        starts = _instant(facts.get("starts_at"))
        for one in self._roles.get(place, []):
            if starts in (None, one.starts) and (one.ends is None or one.ends > at):
                one.ends, one.sequence = at, entry["sequence"]

    def imported(self, entry: Entry) -> None:
        for user_id, role, sites in entry["facts"]["roles"]:
            for number in sites.split() or [None]:
                at_depot = role == _DEPOT
                place = (user_id, role, None, number) if at_depot else (user_id, role, number, None)
                self._give(entry, place)

    def set_up(self, entry: Entry) -> None:
        facts = entry["facts"]
        self._give(entry, (facts["user_id"], facts["role"], None, None))


def _instant(text_: str | None) -> str | None:
    return None if text_ is None else instant(dt.datetime.fromisoformat(text_))


def _words(place: Place) -> str:
    user_id, role, site, depot = place
    at = f" at {site or depot}" if site or depot else ""
    return f"{role}{at} to {user_id}"


HANDLERS: Final[Mapping[str, Callable[[PeopleFold, Entry], None]]] = {
    "set_up": PeopleFold.set_up,
    "import_users": PeopleFold.imported,
    "grant_role": PeopleFold.granted,
    "end_role": PeopleFold.ended,
}
FOLLOWED: Final = frozenset(HANDLERS)
