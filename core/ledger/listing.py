"""The ledger as people read it: by subject, kit, person, deed, site and time, newest first.

A reader sees the entries of the sites granted, and those about a subject who is there now. Of the
facts only those are told that say nothing of a treatment: lots and expiry dates stay behind.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select

from core.access.roles import Permission
from core.db.models import kit, ledger, ledger_kit, person, subject
from core.errors import NotFound
from core.facts import is_keyed
from core.messages import Message, message_from_json
from core.sight import PAGE, Page, Sight, after_number, page_of, size_of

TOLD: Final = (
    *("visit", "status", "on", "due", "deviation_days", "kit", "kits", "damaged", "missing"),
    *("shipment", "received_date", "dispatch_date", "logger", "held", "depot"),
    *("reason", "cause", "before", "after", "end_date", "consent_date", "rescreen_of"),
    *("randomization_number", "randomized_on", "version", "effective_date", "approval_date"),
    *("site", "user_id", "role", "file_sha256", "changes", "proposal", "approved", "proposed_by"),
    *("factor", "randomized", "details", "treatment_goes_on", "hold", "scope", "value", "stops"),
    *("phase", "entered_on", "answer", "assessed_before", "assessed_on", "cohort", "level"),
    *("treated", "toxic", "advice", "decision", "opened", "opened_level"),
    *("confirmed", "confirmed_by", "repeated", "starts_on", "ends_on", "grant"),
    *("still_blinded", "deed", "why", "basis", "opened_by", "times"),
    *("which_entry", "source_document", "destroyed_date", "method", "certificate_number"),
    *("witness", "certificate_digest", "first", "upto", "entries", "anything_found", "findings"),
    *("open", "records_filed", "drug_settled", "cards_collected", "remarks"),
)
"""The facts shown to any reader, in the order told; the others stay in the entry."""
_UNTOLD_PARAMS: Final = frozenset({"lot"})
_SLACK: Final = dt.timedelta(hours=1)
"""An entry's moment is taken before its place in the chain: neighbours may stand crossed."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry. `facts` hold only what any blinded reader may know; `message` is a refusal's."""

    sequence: int
    at: dt.datetime
    transaction: str
    outcome: str
    actor: str | None
    actor_name: str | None
    channel: str
    site: str | None
    subject: str | None
    confirmation: str | None
    facts: Mapping[str, Any]
    refused: str | None
    message: Message | None
    signed: bool
    signatures: tuple[Mapping[str, str], ...]
    hash: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; `since` is inclusive, `until` exclusive, both UTC moments."""

    subject: str | None = None
    kit: str | None = None
    person: str | None = None
    transaction: str | None = None
    site: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class LedgerListing(Sight):
    """The ledger of one study as one person may see it. Raises NotFound for what may not be seen,
    a subject or kit elsewhere included, and InvalidInput for an `after` that no page gave."""

    def list_entries(
        self, wanted: Wanted, after: str | None = None, limit: int = PAGE
    ) -> Page[LedgerRow]:
        """The entries that fit, the newest first."""
        size = size_of(limit)
        query = (
            select(ledger, person.c.name.label("actor_name"))
            .select_from(ledger.outerjoin(person, person.c.user_id == ledger.c.actor))
            .where(ledger.c.study == self.study, *self._seen(wanted), *self._when(wanted))
        )
        if wanted.kit is not None:
            query = self._of_kit(query, wanted.kit)
        if wanted.person is not None:
            query = query.where(ledger.c.actor == wanted.person)
        if wanted.transaction is not None:
            query = query.where(ledger.c.transaction == wanted.transaction)
        if after is not None:
            query = query.where(ledger.c.sequence < after_number(after))
        query = query.order_by(ledger.c.sequence.desc()).limit(size + 1)
        return page_of(self.db.execute(query).all(), size, _row, lambda row: str(row.sequence))

    def _seen(self, wanted: Wanted) -> tuple[ColumnElement[bool], ...]:
        """Where to look: a subject's entries go with the subject from site to site."""
        if wanted.subject is not None:
            self.sites(Permission.SEE_LEDGER, wanted.site)
            self._check_subject(wanted.subject)
            at = (ledger.c.site == wanted.site,) if wanted.site is not None else ()
            return (ledger.c.subject == wanted.subject, *at)
        return self.within(ledger.c.site, Permission.SEE_LEDGER, wanted.site)

    def _check_subject(self, number: str) -> None:
        query = select(subject.c.site).where(
            subject.c.study == self.study, subject.c.number == number
        )
        at = self.db.scalar(query) if is_keyed(number) else None
        seen = self.sites(Permission.SEE_LEDGER)
        if at is None or (seen is not None and at not in seen):
            raise NotFound

    def _of_kit(self, query: Select[Any], number: str) -> Select[Any]:
        at = select(kit.c.site).where(kit.c.study == self.study, kit.c.number == number)
        found = self.db.execute(at).one_or_none() if is_keyed(number) else None
        seen = self.sites(Permission.SEE_LEDGER)
        if found is None or (seen is not None and found.site not in seen):
            raise NotFound
        named = (ledger_kit.c.study == ledger.c.study) & (
            ledger_kit.c.sequence == ledger.c.sequence
        )
        return query.join(ledger_kit, named).where(ledger_kit.c.kit == number)

    def _when(self, wanted: Wanted) -> tuple[ColumnElement[bool], ...]:
        """The moments asked for, and between which places of the chain they lie: whatever else
        is asked, the entries are read along the chain."""
        found: list[ColumnElement[bool]] = []
        if wanted.since is not None:
            first = self._place(ledger.c.at >= wanted.since - _SLACK, newest=False)
            found += [ledger.c.at >= wanted.since, ledger.c.sequence >= (first or 0)]
        if wanted.until is not None:
            last = self._place(ledger.c.at < wanted.until + _SLACK, newest=True)
            found += [ledger.c.at < wanted.until, ledger.c.sequence <= (last or 0)]
        return tuple(found)

    def _place(self, bound: ColumnElement[bool], *, newest: bool) -> int | None:
        order = ledger.c.at.desc() if newest else ledger.c.at
        query = select(ledger.c.sequence).where(ledger.c.study == self.study, bound)
        place: int | None = self.db.scalar(query.order_by(order).limit(1))
        return place


def _row(row: Any) -> LedgerRow:
    body = json.loads(row.body)
    facts = body.get("facts") or {}
    return LedgerRow(
        row.sequence,
        row.at,
        row.transaction,
        row.outcome,
        row.actor,
        row.actor_name,
        row.channel,
        row.site,
        row.subject,
        row.confirmation,
        {name: facts[name] for name in TOLD if facts.get(name) not in (None, [], "")},
        facts.get("refused"),
        _message(facts),
        bool(body.get("signatures")),
        tuple(body.get("signatures") or ()),
        row.hash,
    )


def _message(facts: Mapping[str, Any]) -> Message | None:
    """The words of a refusal, unless they name a lot."""
    if "refused" not in facts or "message" not in facts:
        return None
    told = message_from_json(facts["message"])
    return None if _UNTOLD_PARAMS & set(told.params) else told
