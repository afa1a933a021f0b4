"""The signatures on a record: printed name, moment, meaning, means and reason (21 CFR 11.50).

They stand in the entries of the ledger, inside what is hashed, and are read from there wherever
the record is shown: there is no second copy of a signature that could drift from it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, or_, select

from core.db.models import ledger
from core.db.models import site as sites
from core.facts import is_keyed

APPROVE: Final = "approve"
SHIPMENT_DEEDS: Final = (
    *("create_shipment", "ship_to_depot", "transfer_kits", "approve_shipment", "cancel_shipment"),
    *("acknowledge_shipment", "pack_shipment", "dispatch_shipment", "dispatch_transfer"),
    *("receive", "receive_at_depot", "shipment_lost", "judge_excursion", "correct_supply"),
    APPROVE,
)
"""Deeds whose entries may name a shipment."""
LOT_DEEDS: Final = ("release_lot", "extend_lot", "recall_lot", "generate_kits", APPROVE)
VERSION_DEEDS: Final = ("publish", "approve_version")
SITE_DEEDS: Final = ("activate_site", "pause_site", "close_site", "approve_version")
HOLD_DEEDS: Final = ("place_hold", "lift_hold")
LIST_DEED: Final = "activate_list"
_REFUSED: Final = "refused"
_SLACK: Final = dt.timedelta(hours=1)
"""An entry's moment is taken before its place in the chain: neighbours may stand crossed."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature. `deed` is what was done; one of two signatures is the proposer's (`proposed`),
    the other approves. `at` is UTC, `zone` that of the site where the deed belongs. `reason` is
    what was answered, a choice's value or a text; None where nothing was asked."""

    sequence: int
    deed: str
    proposed: bool
    user_id: str
    name: str
    meaning: str
    at: dt.datetime
    method: str
    reason: str | None
    site: str | None
    zone: str | None
    confirmation: str | None
    visit: str | None

    @property
    def at_local(self) -> dt.datetime:
        """The moment at the site."""
        return self.at.astimezone(ZoneInfo(self.zone or "UTC"))


def of_subject(db: Connection, study: str, number: str) -> tuple[Signed, ...]:
    """The signatures on what was done about a subject, the oldest first."""
    return _found(db, study, ledger.c.subject == number)


def of_shipment(db: Connection, study: str, number: str, since: dt.datetime) -> tuple[Signed, ...]:
    """The signatures on a shipment that was made at `since`: looked for from there on."""
    return _naming(db, study, "shipment", number, SHIPMENT_DEEDS, since)


def of_lot(db: Connection, study: str, number: str) -> tuple[Signed, ...]:
    """The signatures on a lot: for those who may read lots."""
    return _naming(db, study, "lot", number, LOT_DEEDS)


def of_version(db: Connection, study: str, version: int) -> tuple[Signed, ...]:
    """The signatures on a version: who published it, and who approved it for which site."""
    return _naming(db, study, "version", version, VERSION_DEEDS)


def of_site(db: Connection, study: str, number: str) -> tuple[Signed, ...]:
    """The signatures on a site's state and on the versions approved for it."""
    return _naming(db, study, "site", number, SITE_DEEDS)


def of_lists(db: Connection, study: str) -> tuple[Signed, ...]:
    """The signatures by which randomization was opened, and lists with it."""
    found = _found(db, study, ledger.c.transaction.in_((LIST_DEED, APPROVE)))
    return tuple(one for one in found if one.deed == LIST_DEED)


def of_holds(db: Connection, study: str, numbers: Sequence[str]) -> tuple[Signed, ...]:
    """The signatures by which these holds were placed and lifted."""
    if not numbers:
        return ()
    named = or_(*(_states("hold", number) for number in numbers))
    return _found(db, study, ledger.c.transaction.in_(HOLD_DEEDS), named)


def of_proposal(
    db: Connection, study: str, number: str, proposed_at: dt.datetime
) -> tuple[Signed, ...]:
    """The proposer's signature: the entry has the moment of the proposal."""
    at = (ledger.c.at == proposed_at, _states("proposal", number))
    return tuple(one for one in _found(db, study, *at) if one.proposed)


def of_entry(db: Connection, study: str, sequence: int) -> tuple[Signed, ...]:
    """The signatures of one entry."""
    return _found(db, study, ledger.c.sequence == sequence)


def of_entries(
    db: Connection, study: str, sequences: Sequence[int]
) -> dict[int, tuple[Signed, ...]]:
    """The signatures of these entries, by entry."""
    found: dict[int, tuple[Signed, ...]] = {}
    for one in _found(db, study, ledger.c.sequence.in_(sequences)):
        found[one.sequence] = (*found.get(one.sequence, ()), one)
    return found


def _naming(
    db: Connection,
    study: str,
    fact: str,
    value: str | int,
    deeds: Iterable[str],
    since: dt.datetime | None = None,
) -> tuple[Signed, ...]:
    if isinstance(value, str) and not is_keyed(value):
        return ()
    wanted: tuple[ColumnElement[bool], ...] = (
        ledger.c.transaction.in_(tuple(deeds)),
        _states(fact, value),
    )
    if since is not None:
        first = select(ledger.c.sequence).where(
            ledger.c.study == study, ledger.c.at >= since - _SLACK
        )
        place = db.scalar(first.order_by(ledger.c.at).limit(1)) or 0
        wanted = (ledger.c.sequence >= place, *wanted)
    return _found(db, study, *wanted)


def _states(fact: str, value: str | int) -> ColumnElement[bool]:
    """The entry has the fact, as the canonical encoding writes it."""
    written = f'"{fact}":{json.dumps(value)}'
    return or_(*(ledger.c.body.contains(written + end) for end in ",}"))


def _found(db: Connection, study: str, *where: ColumnElement[bool]) -> tuple[Signed, ...]:
    query = (
        select(
            ledger.c.sequence,
            ledger.c.transaction,
            ledger.c.outcome,
            ledger.c.site,
            ledger.c.confirmation,
            ledger.c.body,
            sites.c.timezone,
        )
        .select_from(
            ledger.outerjoin(
                sites, (sites.c.study == ledger.c.study) & (sites.c.number == ledger.c.site)
            )
        )
        .where(ledger.c.study == study, ledger.c.outcome != _REFUSED, *where)
        .order_by(ledger.c.sequence)
    )
    return tuple(one for row in db.execute(query) for one in _signatures(row))


def _signatures(row: Any) -> Iterator[Signed]:
    body = json.loads(row.body)
    facts = body["facts"]
    proposed = row.outcome == "proposed"
    answers = facts.get("answers") if proposed else None
    reason = (answers or facts).get("reason") or (answers or facts).get("cause")
    for one in body["signatures"]:
        yield Signed(
            row.sequence,
            facts.get("approved") or row.transaction,
            proposed,
            one["user_id"],
            one["name"],
            one["meaning"],
            dt.datetime.fromisoformat(one["at"]),
            one["method"],
            reason if isinstance(reason, str) else None,
            row.site,
            row.timezone,
            row.confirmation,
            facts.get("visit"),
        )
