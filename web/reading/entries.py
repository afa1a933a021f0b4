"""Entries of the ledger in words: what a row of the page says of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.ledger.listing import LedgerRow
from core.messages import Message
from core.register import transactions
from core.unblinding.failures import WHY
from web.reading.common import zones
from web.reading.signed import SignedWords, reason_words, signed_words
from web.words import day, say, t

CHANNELS: Final[Mapping[str, str]] = {
    "telephone": "web.channel.telephone",
    "sms": "web.channel.sms",
    "web": "web.channel.web",
    "api": "web.channel.api",
    "command line": "web.channel.command",
    "system": "web.channel.system",
}
OUTCOMES: Final[Mapping[str, str]] = {
    "done": "web.outcome.done",
    "refused": "web.outcome.refused",
    "proposed": "web.outcome.proposed",
}
EVENTS: Final[Mapping[str, str]] = {
    "call_ended": "web.event.call_ended",
    "types_read": "web.event.types_read",
    "treatment_read": "web.event.treatment_read",
    "code_break_failed": "web.event.code_break_failed",
    "pages_read": "web.event.pages_read",
    "night_done": "web.event.night_done",
    "copied": "web.event.copied",
}
FACTS: Final[Mapping[str, str]] = {
    "visit": "web.fact.visit",
    "deviation_days": "web.fact.deviation_days",
    "randomization_number": "web.fact.randomization_number",
    "consent_date": "web.fact.consent_date",
    "received_date": "web.fact.received_date",
    "dispatch_date": "web.fact.dispatch_date",
    "approval_date": "web.fact.approval_date",
    "effective_date": "web.fact.effective_date",
    "end_date": "web.fact.end_date",
    "version": "web.fact.version",
    "phase": "web.col.phase",
    "cohort": "web.col.cohort",
    "proposal": "web.fact.proposal",
    "user_id": "web.fact.user_id",
    "role": "web.fact.role",
    "times": "web.treatments.told",
    "details": "web.fact.details",
    "source_document": "web.fact.source_document",
    "destroyed_date": "web.fact.destroyed_date",
    "certificate_number": "web.fact.certificate_number",
    "witness": "web.fact.witness",
    "upto": "web.fact.upto",
    "findings": "web.fact.findings",
    "remarks": "web.fact.remarks",
}
FIELDS: Final[Mapping[str, str]] = {
    "year_of_birth": "web.col.year_of_birth",
    "consent_on": "web.col.consent",
    "on": "web.col.day",
    "status": "web.col.state",
    "received_on": "web.col.received",
    "ended_on": "web.fact.end_date",
    "deviation_days": "web.fact.deviation_days",
}
"""What was corrected, in words."""
_DAYS: Final = frozenset(name for name in FACTS if name.endswith("_date"))


@dataclass(frozen=True, slots=True)
class Told:
    """An entry for a page; `zone` is that of the site where it was made, `site` that which
    it is about."""

    row: LedgerRow
    deed: str
    outcome: str
    channel: str
    person: str
    zone: str
    site: str | None
    kits: tuple[str, ...]
    shipment: str | None
    facts: tuple[tuple[str, str], ...]
    why: str | None
    signed: tuple[SignedWords, ...]
    reason: str | None


def deed_words(name: str) -> str:
    """The deed, or the event that is nobody's."""
    if name in {one.name for one in transactions()}:
        return say(Message(f"deed.{name}"))
    return t(EVENTS.get(name, "web.event.other"))


def told(rows: Iterable[LedgerRow]) -> tuple[Told, ...]:
    """The entries in words, each in the time zone of its site."""
    rows = tuple(rows)
    zone = zones(row.site for row in rows)
    return tuple(_told(row, zone.get(row.site, "UTC")) for row in rows)


def _told(row: LedgerRow, zone: str) -> Told:
    who = ", ".join(part for part in (row.actor_name, row.actor) if part)
    return Told(
        row,
        deed_words(row.transaction),
        t(OUTCOMES[row.outcome]),
        t(CHANNELS[row.channel]) if row.channel in CHANNELS else row.channel,
        who or t("web.nobody"),
        zone,
        row.site or row.facts.get("site"),
        _kits(row.facts),
        row.facts.get("shipment"),
        (
            *(
                (t(label), _value(name, row.facts[name]))
                for name, label in FACTS.items()
                if row.facts.get(name) not in (None, 0)
            ),
            *_changes(row.facts),
        ),
        _why(row),
        signed_words(_signed(row, zone)),
        reason_words(row.facts.get("reason") or row.facts.get("cause")),
    )


def _why(row: LedgerRow) -> str | None:
    """Why a deed was refused, or a try to open a treatment came to nothing."""
    if row.message:
        return say(row.message)
    why = row.facts.get("why")
    return say(Message(f"word.break_failed_{why}")) if why in WHY else None


def _changes(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a correction found and what it left: the old value stands beside the new one."""
    changes = facts.get("changes")
    for one in changes if isinstance(changes, list) else ():
        label = t(FIELDS[one["field"]]) if one["field"] in FIELDS else one["field"]
        yield label, t("web.fact.change", before=_plain(one["before"]), after=_plain(one["after"]))


def _plain(value: Any) -> str:
    try:
        return day(dt.date.fromisoformat(str(value)))
    except ValueError:
        return "–" if value is None else str(value)


def _signed(row: LedgerRow, zone: str) -> Iterator[Mapping[str, Any]]:
    for one in row.signatures:
        at = dt.datetime.fromisoformat(one["at"])
        same = {"deed": row.transaction, "proposed": False, "zone": zone, "reason": None}
        yield {**one, **same, "at": at}


def _kits(facts: Mapping[str, Any]) -> tuple[str, ...]:
    numbers: dict[str, None] = {}
    for name in ("kit", "kits", "damaged", "missing"):
        value = facts.get(name)
        found = value if isinstance(value, list) else [value]
        numbers |= dict.fromkeys(one for one in found if isinstance(one, str))
    return tuple(numbers)


def _value(name: str, value: Any) -> str:
    if name in _DAYS:
        return day(dt.date.fromisoformat(str(value)))
    return str(value)
