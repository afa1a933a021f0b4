"""A book of records: what entries say of each, which entry said so last, and the rows to match."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from core.ledger.encoding import instant


@dataclass(frozen=True, slots=True)
class Leftover:
    """What no entry accounts for; `sequence` is that of the entry that it concerns, if any."""

    why: str
    sequence: int | None = None


class Book:
    """Records of one kind by their key, as far as the entries tell of them."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._known: dict[Any, dict[str, Any]] = {}
        self._last: dict[Any, int | None] = {}

    def set(self, key: Any, entry: Mapping[str, Any], **values: Any) -> None:
        """An entry says this of a record, which may be new."""
        self._known.setdefault(key, {}).update(values)
        self._last[key] = entry["sequence"]

    def get(self, key: Any, name: str) -> Any:
        """What was said last, or None."""
        return self._known.get(key, {}).get(name)

    def forget(self, key: Any, *names: str) -> None:
        """Nothing can be said of these columns any more."""
        for name in names:
            self._known.get(key, {}).pop(name, None)

    def drop(self, key: Any) -> None:
        """The record is gone, as it should be."""
        self._known.pop(key, None)

    def __contains__(self, key: Any) -> bool:
        return key in self._known

    def __iter__(self) -> Iterator[Any]:
        """The records that there have to be."""
        return iter(tuple(self._known))

    def last(self, key: Any) -> int | None:
        """The entry that told of the record last."""
        return self._last.get(key)

    def compare(
        self, rows: Mapping[Any, Mapping[str, Any]], *, all_told: bool = True
    ) -> Iterator[Leftover]:
        """What is gone, what says something else, and (if `all_told`) what nobody told of."""
        for key, known in self._known.items():
            row = rows.get(key)
            if row is None:
                yield Leftover(f"{self._what} {_named(key)} is gone", self._last[key])
                continue
            wrong = [name for name, value in known.items() if not is_same(value, row[name])]
            if wrong:
                columns = ", ".join(wrong)
                why = f"{self._what} {_named(key)} says something else ({columns})"
                yield Leftover(why, self._last[key])
        if all_told:
            for key in rows:
                if key not in self._known:
                    yield Leftover(f"no entry tells of {self._what} {_named(key)}")


def _named(key: Any) -> str:
    return " ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)


def is_same(told: Any, kept: Any) -> bool:
    """Whether a value of an entry is the one in a row, as it lies there past the column types:
    SQLite hands out days and instants as text, truth as 0 and 1."""
    if told is None or kept is None:
        return told is None and kept is None
    if isinstance(told, bool):
        return kept in (told, int(told))
    if isinstance(told, str) and told.endswith("Z") and "T" in told:
        return told == as_instant(kept)
    if isinstance(kept, dt.date) and not isinstance(kept, dt.datetime):
        return str(told) == kept.isoformat()
    return str(told) == str(kept)


def as_instant(kept: Any) -> str | None:
    """A moment in a row as the encoding writes it; None for what is no moment."""
    if isinstance(kept, str):
        try:
            kept = dt.datetime.fromisoformat(kept)
        except ValueError:
            return None
    if not isinstance(kept, dt.datetime):
        return None
    return instant(kept.replace(tzinfo=dt.UTC) if kept.tzinfo is None else kept)


def rows_by(db: Connection, query: str, study: str, *key: str) -> dict[Any, Mapping[str, Any]]:
    """The rows of a query (`:study` stands for the study) by these columns, as they lie there. One
    that is there twice would hide behind the other: it has a key of its own, of which no entry
    tells."""
    found: dict[Any, Mapping[str, Any]] = {}
    for row in db.execute(text(query), {"study": study}).mappings():
        mine = tuple(row[name] for name in key)
        one = mine[0] if len(mine) == 1 else mine
        found[(*mine, "again") if one in found else one] = dict(row)
    return found


def deed_of(entry: Mapping[str, Any]) -> str:
    """What was done: of an approval, what was approved."""
    return str(entry["facts"].get("approved", entry["transaction"]))


def is_done(entry: Mapping[str, Any]) -> bool:
    """Whether the entry is of something that was done, not proposed or refused."""
    return bool(entry["outcome"] == "done")


def corrected(entry: Mapping[str, Any], *records: str) -> Iterator[Mapping[str, Any]]:
    """What a correction changed in records of these kinds, column by column."""
    for change in entry["facts"]["changes"]:
        if change["record"] in records:
            yield change
