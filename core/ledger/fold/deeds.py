"""Receipts and proposals: what people were told was done, and what waits for a second signature."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from core.access.contacts import mobile_token, open_number
from core.access.secrets import KEPT
from core.errors import IntegrityBreach
from core.ledger.append import INSTALLATION
from core.ledger.fold.book import Book, Leftover, as_instant, is_same, rows_by
from core.sealed import Keys

_RECEIPTS: Final = """SELECT sequence, "transaction", outcome, actor, channel, site, subject,
confirmation, result, at FROM receipt WHERE study = :study"""
_PROPOSALS: Final = """SELECT number, "transaction", site, proposer, proposed_at, decided_at,
answers FROM proposal WHERE study = :study"""
_SAME: Final = ("transaction", "outcome", "actor", "channel", "site", "subject", "confirmation")
FOLLOWED: Final[frozenset[str]] = frozenset()  # every one has a receipt
Entry = Mapping[str, Any]


class DeedFold:
    """Follows what has a receipt, and what was proposed, in one study."""

    def __init__(self, keys: Keys, db: Connection, study: str) -> None:
        self._keys, self._db, self._study = keys, db, study
        self._told: dict[int, Entry] = {}
        self._proposals = Book("proposal")
        self._answers: dict[str, tuple[int, Mapping[str, Any]]] = {}

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if entry["confirmation"] is not None or entry["outcome"] == "refused":
            self._told[entry["sequence"]] = entry
        facts = entry["facts"]
        if entry["outcome"] == "proposed":
            self._answers[facts["proposal"]] = entry["sequence"], facts["answers"]
            self._proposals.set(
                facts["proposal"],
                entry,
                transaction=facts["proposed"],
                site=entry["site"],
                proposer=entry["actor"],
                proposed_at=entry["at"],
                decided_at=None,
            )
        elif entry["outcome"] == "done" and facts.get("approved") is not None:
            self._proposals.set(facts["proposal"], entry, decided_at=entry["at"])

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        if self._study != INSTALLATION:
            yield from self._compare_receipts()
        rows = rows_by(self._db, _PROPOSALS, self._study, "number")
        yield from self._proposals.compare(rows)
        for number, (sequence, answers) in self._answers.items():
            if number in rows and not self._are_same_answers(answers, rows[number]["answers"]):
                yield Leftover(f"proposal {number} has other answers", sequence)

    def _are_same_answers(self, told: Mapping[str, Any], kept: Any) -> bool:
        """A telephone number waits sealed, and is on record as a keyed digest."""
        try:
            answers = {
                name: mobile_token(self._keys, open_number(self._keys, self._study, value))
                if str(value).startswith(KEPT)
                else value
                for name, value in json.loads(kept).items()
            }
        except (ValueError, TypeError, AttributeError, IntegrityBreach):
            return False
        return _in_order(told) == _in_order(answers)

    def _compare_receipts(self) -> Iterator[Leftover]:
        told = dict(self._told)
        for found in self._db.execute(text(_RECEIPTS), {"study": self._study}).mappings():
            row = dict(found)
            if row["sequence"] is None:
                yield Leftover("there is a receipt that belongs to no entry")
                continue
            entry = told.pop(row["sequence"], None)
            if entry is None or not _is_of(entry, row):
                yield Leftover("a receipt says other than the entry", row["sequence"])
        for sequence in told:
            yield Leftover("the receipt of the entry is gone", sequence)


def _is_of(entry: Entry, row: Mapping[str, Any]) -> bool:
    """Whether a receipt tells what its entry does."""
    if not all(is_same(entry[name], row[name]) for name in _SAME):
        return False
    if as_instant(row["at"]) != entry["at"]:
        return False
    try:
        result = json.loads(row["result"])
    except (ValueError, TypeError):
        return False
    if entry["outcome"] == "refused":
        return bool(result.get("refused") == entry["facts"]["refused"])
    facts = result.get("facts")
    return isinstance(facts, dict) and _are_same_facts(entry["facts"], facts)


def _are_same_facts(told: Any, kept: Any) -> bool:
    """Facts as the encoding and as a receipt writes them: only moments look different."""
    if isinstance(told, dict) and isinstance(kept, dict):
        return told.keys() == kept.keys() and all(
            _are_same_facts(value, kept[name]) for name, value in told.items()
        )
    if isinstance(told, list) and isinstance(kept, list):
        return len(told) == len(kept) and all(map(_are_same_facts, told, kept))
    return bool(told == kept) or (isinstance(told, str) and told == as_instant(kept))


def _in_order(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of numbers are in order on record."""
    return {
        name: sorted(part.strip() for part in str(value).split(",") if part.strip())
        for name, value in answers.items()
    }
