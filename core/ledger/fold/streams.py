"""Streams that an entry seals at their end: the turns of calls, the pages that were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from core.access.views import EVENT as PAGES_READ
from core.access.views import digest as pages_digest
from core.calls import turns_digest
from core.db.models import call, call_turn
from core.db.records import page_view
from core.ledger.append import INSTALLATION
from core.ledger.fold.book import Leftover, is_done

if TYPE_CHECKING:
    from core.runtime import Core

_CALL_ENDED: Final = "call_ended"
FOLLOWED: Final = frozenset({_CALL_ENDED, PAGES_READ})
Entry = Mapping[str, Any]


class StreamFold:
    """Follows the calls that ended and the sessions that were sealed, in one chain."""

    def __init__(self, core: Core, db: Connection, study: str) -> None:
        self._db = db
        self._study = None if study == INSTALLATION else study
        self._calls: dict[str, Entry] = {}
        self._pages: dict[int, Entry] = {}

    def take(self, entry: Entry, secret: Mapping[str, str]) -> None:
        """Take in an entry."""
        if is_done(entry) and entry["transaction"] == _CALL_ENDED:
            self._calls[entry["facts"]["call"]] = entry
        elif is_done(entry) and entry["transaction"] == PAGES_READ:
            self._pages[entry["sequence"]] = entry

    def leftovers(self) -> Iterator[Leftover]:
        """What the rows say otherwise."""
        yield from self._compare_calls()
        yield from self._compare_pages()

    def _compare_calls(self) -> Iterator[Leftover]:
        turns: dict[str, list[Any]] = {}
        columns = call_turn.c.turn, call_turn.c.heard, call_turn.c.state, call_turn.c.receipt_id
        query = (
            select(call_turn.c.call_sid, *columns)
            .join(call, call.c.sid == call_turn.c.call_sid)
            .where(call.c.ended_at.is_not(None), call.c.study.is_not_distinct_from(self._study))
            .order_by(call_turn.c.call_sid, call_turn.c.turn)
        )
        for sid, *row in self._db.execute(query):
            turns.setdefault(sid, []).append(row)
        for sid, entry in self._calls.items():
            found = turns.pop(sid, [])
            told = entry["facts"]["turns"], entry["facts"]["digest"]
            if (len(found), turns_digest(found)) != told:
                yield Leftover(f"the turns of call {sid} are not those sealed", entry["sequence"])
        for sid in turns:
            yield Leftover(f"call {sid} is over, and no entry seals it")

    def _compare_pages(self) -> Iterator[Leftover]:
        read: dict[int, list[Any]] = {}
        query = (
            select(page_view)
            .where(
                page_view.c.sealed.is_not(None), page_view.c.study.is_not_distinct_from(self._study)
            )
            .order_by(page_view.c.id)
        )
        for row in self._db.execute(query):
            read.setdefault(row.sealed, []).append(row)
        for sequence, entry in self._pages.items():
            rows = read.pop(sequence, [])
            told = entry["facts"]["pages"], entry["facts"]["digest"]
            if (len(rows), pages_digest(rows)) != told:
                yield Leftover("what was read in a session is not what was sealed", sequence)
        for sequence in read:
            yield Leftover("readings are sealed by an entry that does not", sequence)
