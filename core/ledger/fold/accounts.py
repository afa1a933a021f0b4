"""People and what signs in for them. An account belongs to no study, but some deeds on it are in
the chain of the study where they were done: so they are gathered from all chains, by time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from core.access.factors import APP, PASSKEY
from core.ledger.append import INSTALLATION
from core.ledger.encoding import instant
from core.ledger.fold.book import Book, Leftover, as_instant, deed_of, is_done, rows_by

_PEOPLE: Final = """SELECT p.user_id, p.status, p.mobile_token,
(SELECT count(*) FROM passkey k WHERE k.user_id = p.user_id) AS passkeys,
(SELECT count(*) FROM totp t WHERE t.user_id = p.user_id AND t.confirmed_at IS NOT NULL) AS apps
FROM person p WHERE :study = :study"""
_TOKENS: Final = """SELECT id, token, user_id, name, expires_at, revoked_at IS NOT NULL AS revoked
FROM api_token WHERE :study = :study"""
_SESSIONS: Final = "SELECT token, user_id, created_at FROM web_session"
_DEEDS: Final = """SELECT body FROM ledger WHERE outcome = 'done' AND ("transaction" IN
('import_users', 'lock_person', 'reset_factors', 'change_mobile') OR
"transaction" = 'approve' AND body LIKE '%"approved":"change_mobile_for"%' OR
study = 'installation' AND "transaction" IN
('set_up', 'activated', 'pin_reset', 'factor_added', 'factor_removed'))"""
_OF: Final = {PASSKEY: "passkeys", APP: "apps"}
Entry = Mapping[str, Any]


class AccountFold:
    """Follows people, their second factors, tokens and sessions, in the installation's chain."""

    def __init__(self, db: Connection, study: str) -> None:
        self._db, self._is_here = db, study == INSTALLATION
        self._people, self._tokens = Book("person"), Book("token")
        self._sessions: set[tuple[str, str, str]] = set()
        self._said: dict[str, tuple[str, str]] = {}

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if self._is_here and is_done(entry) and entry["transaction"] in _HERE:
            _HERE[entry["transaction"]](self, entry)

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        if not self._is_here:
            return
        for entry in sorted(self._gathered(), key=_order):
            _ON_PEOPLE[deed_of(entry)](self, entry)
        yield from self._people.compare(rows_by(self._db, _PEOPLE, "", "user_id"))
        yield from self._tokens.compare(rows_by(self._db, _TOKENS, "", "id"))
        for row in self._db.execute(text(_SESSIONS)):
            opened = str(row.token), str(row.user_id), as_instant(row.created_at)
            if opened not in self._sessions:
                yield Leftover(f"nobody signed in for a session of person {row.user_id}")

    def _gathered(self) -> Iterator[dict[str, Any]]:
        for body in self._db.scalars(text(_DEEDS)):
            try:
                entry = json.loads(body)
                entry["at"], entry["facts"]
            except (ValueError, TypeError, KeyError):
                continue
            # A wrong row about somebody concerns an entry here only if its chain is this one.
            here = entry["sequence"] if entry["study"] == INSTALLATION else None
            yield entry | {"sequence": here or 0, "told_here": here}

    def _say(self, user_id: str, entry: Entry, **values: Any) -> None:
        self._people.set(user_id, {"sequence": entry["told_here"]}, **values)
        at, study = self._said.get(user_id, ("", ""))
        if at == entry["at"] and study != entry["study"]:
            # In two chains at the same moment: nobody knows which was first.
            self._people.forget(user_id, *values)
        self._said[user_id] = entry["at"], entry["study"]

    def imported(self, entry: Entry) -> None:
        for user_id in entry["facts"]["people"]:
            self._begin(user_id, entry)

    def set_up(self, entry: Entry) -> None:
        self._begin(entry["facts"]["user_id"], entry)

    def _begin(self, user_id: str, entry: Entry) -> None:
        here = {"sequence": entry["told_here"]}
        self._people.set(user_id, here, status="invited", passkeys=0, apps=0)

    def activated(self, entry: Entry) -> None:
        self._say(entry["facts"]["user_id"], entry, status="active")

    def locked(self, entry: Entry) -> None:
        self._say(entry["facts"]["user_id"], entry, status="locked")

    def has_mobile(self, entry: Entry) -> None:
        self._say(entry["facts"]["user_id"], entry, mobile_token=entry["facts"]["mobile"])

    def factor(self, entry: Entry) -> None:
        user_id, column = entry["facts"]["user_id"], _OF[entry["facts"]["of"]]
        count = self._people.get(user_id, column) or 0
        count += 1 if entry["transaction"] == "factor_added" else -1
        self._say(user_id, entry, **{column: count})

    def without_factors(self, entry: Entry) -> None:
        self._say(entry["facts"]["user_id"], entry, passkeys=0, apps=0)

    def token_made(self, entry: Entry) -> None:
        facts = entry["facts"]
        expires = instant(dt.datetime.fromisoformat(facts["expires_at"]))
        values = {"name": facts["name"], "expires_at": expires, "revoked": False}
        values["token"] = facts["digest"]
        self._tokens.set(facts["token"], entry, user_id=entry["actor"], **values)

    def token_revoked(self, entry: Entry) -> None:
        self._tokens.set(entry["facts"]["token"], entry, revoked=True)

    def signed_in(self, entry: Entry) -> None:
        facts = entry["facts"]
        self._sessions.add((facts["session"], facts["user_id"], entry["at"]))


_FIRST: Final = ("set_up", "import_users")


def _order(entry: Entry) -> tuple[str, bool, int]:
    """By time; of one moment, first what made the account."""
    return entry["at"], entry["transaction"] not in _FIRST, entry["sequence"]


_HERE: Final[Mapping[str, Callable[[AccountFold, Entry], None]]] = {
    "token_made": AccountFold.token_made,
    "token_revoked": AccountFold.token_revoked,
    "signed_in": AccountFold.signed_in,
}
_ON_PEOPLE: Final[Mapping[str, Callable[[AccountFold, Entry], None]]] = {
    "set_up": AccountFold.set_up,
    "import_users": AccountFold.imported,
    "activated": AccountFold.activated,
    "pin_reset": AccountFold.activated,
    "lock_person": AccountFold.locked,
    "change_mobile": AccountFold.has_mobile,
    "change_mobile_for": AccountFold.has_mobile,
    "factor_added": AccountFold.factor,
    "factor_removed": AccountFold.factor,
    "reset_factors": AccountFold.without_factors,
}
FOLLOWED: Final = frozenset({*_HERE, *_ON_PEOPLE})
