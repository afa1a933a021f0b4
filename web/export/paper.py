"""The record on paper: subjects, visits, and the ledger in words with its signatures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final
from zoneinfo import ZoneInfo

from reportlab.platypus import Flowable

from core.access.roles import Actor
from core.export.copy import StudyCopy
from core.ledger.listing import LedgerRow
from core.messages import Message, Moment
from core.register import transactions
from web.accountability.paper import front, grid, heading, sheets
from web.accountability.tables import Say
from web.export.files import as_text
from web.reading.entries import CHANNELS, EVENTS, FACTS, OUTCOMES
from web.report.pdf import printed

ENTRIES_MAX: Final = 20_000
"""Entries on one paper, the newest: somebody waits for it."""
_SUBJECTS: Final = {
    "number": "web.col.subject",
    "site": "web.col.site",
    "status": "web.col.state",
    "consent_date": "web.col.consent",
    "randomization_number": "web.col.randomization_number",
    "randomized_on": "web.col.randomized_on",
    "ended_on": "web.copy.ended",
}
_VISITS: Final = {
    "subject": "web.col.subject",
    "visit": "web.col.visit",
    "status": "web.col.state",
    "on": "web.col.day",
    "deviation_days": "web.col.deviation",
}
_ENTRY_HEAD: Final = (
    *("web.copy.number", "web.col.when", "web.col.deed", "web.col.who", "web.col.site"),
    *("web.col.subject", "web.copy.confirmation", "web.copy.details", "web.copy.signed"),
)


def as_pdf(copy: StudyCopy, say: Say) -> bytes:
    """A4 across; the same bytes for the same copy."""
    words = say(Message("web.copy.of_study", {"study": copy.study}))
    return sheets(words, _story(copy, words, say), say)


def ledger_pdf(
    study: str,
    reader: Actor,
    at: dt.datetime,
    rows: Sequence[LedgerRow],
    zones: Mapping[str, str],
    say: Say,
    *,
    more: bool,
) -> bytes:
    """Entries of the ledger alone, the newest first; `more`: there are others before them."""
    words = say(Message("web.copy.ledger_of", {"study": study}))
    told = [say(Message("web.copy.made", {"at": Moment(at, "UTC"), "reader": _named(reader)}))]
    if more:
        told.append(say(Message("web.copy.more", {"count": len(rows)})))
    names = [one.name for one in fields(LedgerRow)]
    listed = [{name: getattr(row, name) for name in names} for row in rows]
    signatures = {row.sequence: list(row.signatures) for row in rows}
    story = (*front(words, told), entries_grid(listed, signatures, zones, say))
    return sheets(words, story, say)


def _named(reader: Actor) -> str:
    return f"{reader.name} {reader.user_id}"


def _story(copy: StudyCopy, words: str, say: Say) -> Iterator[Flowable]:
    yield from front(words, _notes(copy, say))
    zones = {row["number"]: row["timezone"] for row in copy.table("sites").dicts()}
    names = {one.name for one in copy.tables}
    if "subjects" in names:
        yield from _listed("web.menu.subjects", copy, "subjects", _SUBJECTS, say)
        yield from _listed("web.copy.visits", copy, "visits", _VISITS, say)
    if "ledger" in names:
        rows = list(copy.table("ledger").dicts())[-ENTRIES_MAX:]
        signatures: dict[int, list[Mapping[str, Any]]] = {}
        for one in copy.table("signatures").dicts():
            signatures.setdefault(one["sequence"], []).append(one)
        yield from heading(say(Message("web.menu.ledger")))
        yield entries_grid(rows, signatures, zones, say)


def _notes(copy: StudyCopy, say: Say) -> Iterator[str]:
    named = _named(copy.reader)
    yield say(Message("web.copy.made", {"at": Moment(copy.at, "UTC"), "reader": named}))
    yield say(Message("web.copy.upto", {"entry": copy.upto, "hash": copy.upto_hash}))
    if any(one.name == "ledger" and len(one.rows) > ENTRIES_MAX for one in copy.tables):
        yield say(Message("web.copy.cut", {"count": ENTRIES_MAX}))
    if copy.training:
        yield say(Message("web.drug.training"))


def _listed(
    title: str, copy: StudyCopy, name: str, columns: Mapping[str, str], say: Say
) -> Iterator[Flowable]:
    rows = [
        [printed(_state(one, column, say)) for column in columns]
        for one in copy.table(name).dicts()
    ]
    if rows:
        yield from heading(say(Message(title)))
        yield grid([say(Message(one)) for one in columns.values()], rows)


def _state(row: Mapping[str, Any], column: str, say: Say) -> str:
    if column == "status":
        family = "web.visit" if "visit" in row else "word"
        name = row["status"] if "visit" in row else f"status_{row['status']}"
        return say(Message(f"{family}.{name}"))
    return as_text(row[column], say)


def entries_grid(
    rows: Iterable[Mapping[str, Any]],
    signatures: Mapping[int, Sequence[Mapping[str, Any]]],
    zones: Mapping[str, str],
    say: Say,
) -> Flowable:
    """The entries in words, one a line, each in the time of its site."""
    deeds = {one.name for one in transactions()}
    made = []
    for row in rows:
        zone = zones.get(row["site"] or "", "UTC")
        signed = (_signed(one, zone, say) for one in signatures.get(row["sequence"], ()))
        who = " ".join(part for part in (row["actor_name"], row["actor"]) if part)
        channel = CHANNELS.get(row["channel"])
        how = say(Message(channel)) if channel else str(row["channel"])
        cells = (
            str(row["sequence"]),
            _local(row["at"], zone),
            _deed(row, deeds, say),
            f"{who}, {how}" if who else how,
            row["site"] or "",
            row["subject"] or "",
            row["confirmation"] or "",
            _details(row, say),
            "; ".join(signed),
        )
        made.append([printed(one) for one in cells])
    return grid([say(Message(one)) for one in _ENTRY_HEAD], made)


def _local(at: dt.datetime, zone: str) -> str:
    """The moment on the clock of that place, with the difference from UTC."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %z}"


def _deed(row: Mapping[str, Any], deeds: set[str], say: Say) -> str:
    name = row["transaction"]
    other = EVENTS.get(name, "web.event.other")
    words = say(Message(f"deed.{name}" if name in deeds else other))
    if row["outcome"] == "done":
        return words
    return f"{words} ({say(Message(OUTCOMES[row['outcome']]))})"


def _details(row: Mapping[str, Any], say: Say) -> str:
    """The facts by their names; those that pages have words for in these words."""
    told = []
    for name, value in row["facts"].items():
        label = say(Message(FACTS[name])) if name in FACTS else name.replace("_", " ")
        listed = isinstance(value, list) and all(isinstance(one, str) for one in value)
        told.append(f"{label}: {', '.join(value) if listed else as_text(value, say)}")
    if row["message"] is not None:
        told.append(say(row["message"]))
    return "; ".join(told)


def _signed(mark: Mapping[str, Any], zone: str, say: Say) -> str:
    """The signature as it has to stand wherever the record stands: name, moment, meaning."""
    at = dt.datetime.fromisoformat(str(mark["at"]))
    meaning = say(Message(f"meaning.{mark['meaning']}"))
    return f"{mark['name']}, {_local(at, zone)}, {meaning}"
