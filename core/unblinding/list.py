"""Codes broken, viewed and tried, as anybody who may know of them reads it: never a treatment."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select, union

from core.access.roles import Permission
from core.db.blind import assessment, opening
from core.db.models import ledger, person, subject
from core.messages import Message, message_from_json
from core.sight import PAGE, Page, Sight, after_number, page_of, size_of
from core.unblinding.assess import ASSESSED
from core.unblinding.failures import FAILED

DEEDS: Final = (
    *("code_break", "code_view", "unblind_kit", "view_kit"),
    *("take_emergency_call", "break_for_caller", "decline_caller", FAILED),
)
"""What is listed, whether done or refused; beside these whatever else has opened a treatment."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What somebody said that a code break means for the study."""

    by: str
    name: str | None
    at: dt.datetime
    text: str


@dataclass(frozen=True, slots=True)
class BreakRow:
    """One line. `deed` is what was done or tried. `why`: why a try came to nothing, a value of
    `failures.WHY`, or of an operator's answer one of `for_caller.DECLINED`; `refused`: the code of
    a refusal. `readings`: how often the treatment was read by it. `is_due`: it has to be assessed,
    and nobody has."""

    sequence: int
    at: dt.datetime
    deed: str
    outcome: str
    actor: str | None
    actor_name: str | None
    channel: str
    site: str | None
    subject: str | None
    kit: str | None
    confirmation: str | None
    reason: str | None
    details: str | None
    called_back: str | None
    repeated: bool
    still_blinded: tuple[str, ...]
    why: str | None
    refused: str | None
    signed: bool
    readings: int
    assessments: tuple[Assessment, ...]
    is_due: bool
    message: Message | None  # of a refusal, in words


class BreaksListing(Sight):
    """The code breaks of one study as one person may see them. Raises NotFound for who may see
    none, and InvalidInput for an `after` that no page gave."""

    def list_breaks(
        self, after: str | None = None, limit: int = PAGE, *, site: str | None = None
    ) -> Page[BreakRow]:
        """The newest first; of site staff those of their sites, and of the subjects there now."""
        size = size_of(limit)
        query = (
            select(
                ledger,
                person.c.name.label("actor_name"),
                func.coalesce(subject.c.site, ledger.c.site).label("at_site"),
            )
            .select_from(
                ledger.outerjoin(person, person.c.user_id == ledger.c.actor).outerjoin(
                    subject,
                    (subject.c.study == ledger.c.study) & (subject.c.number == ledger.c.subject),
                )
            )
            .where(ledger.c.study == self.study, ledger.c.sequence.in_(self._wanted()))
            .where(*self._where(site))
            .order_by(ledger.c.sequence.desc())
            .limit(size + 1)
        )
        if after is not None:
            query = query.where(ledger.c.sequence < after_number(after))
        found = self.db.execute(query).all()
        places = [row.sequence for row in found]
        read, judged = self._readings(places), self._assessments(places)
        return page_of(
            found,
            size,
            lambda row: _row(row, read.get(row.sequence, 0), judged.get(row.sequence, ())),
            lambda row: str(row.sequence),
        )

    def count_due(self) -> int:
        """How many code breaks wait for an assessment where this person may see them."""
        page = self.list_breaks(limit=200)
        return sum(row.is_due for row in page.rows)

    def _wanted(self) -> Any:
        """Places in the chain: of the deeds by name, and of what else opened a treatment."""
        named = select(ledger.c.sequence).where(
            ledger.c.study == self.study, ledger.c.transaction.in_(DEEDS)
        )
        opened = select(opening.c.sequence).where(opening.c.study == self.study)
        return select(union(named, opened).subquery().c.sequence)

    def _where(self, site: str | None) -> tuple[ColumnElement[bool], ...]:
        """Whose subjects, or whose own deeds. What belongs to no site is for the whole study."""
        seen = self.sites(Permission.SEE_BREAKS, site)
        if seen is None:
            return ()
        return (or_(subject.c.site.in_(sorted(seen)), ledger.c.site.in_(sorted(seen))),)

    def _readings(self, places: Sequence[int]) -> Mapping[int, int]:
        query = (
            select(opening.c.sequence, func.sum(opening.c.told))
            .where(opening.c.study == self.study, opening.c.sequence.in_(places))
            .group_by(opening.c.sequence)
        )
        return {sequence: int(told) for sequence, told in self.db.execute(query)}

    def _assessments(self, places: Sequence[int]) -> Mapping[int, tuple[Assessment, ...]]:
        query = (
            select(assessment, person.c.name)
            .join(person, person.c.user_id == assessment.c.by)
            .where(assessment.c.study == self.study, assessment.c.of.in_(places))
            .order_by(assessment.c.id)
        )
        found: dict[int, tuple[Assessment, ...]] = {}
        for row in self.db.execute(query):
            one = Assessment(row.by, row.name, row.assessed_at, row.text)
            found[row.of] = (*found.get(row.of, ()), one)
        return found


def _row(row: Any, readings: int, judged: tuple[Assessment, ...]) -> BreakRow:
    body = json.loads(row.body)
    facts = body["facts"]
    return BreakRow(
        row.sequence,
        row.at,
        facts.get("approved", facts.get("deed", row.transaction)),
        "failed" if row.transaction == FAILED else row.outcome,
        row.actor,
        row.actor_name,
        row.channel,
        row.at_site,
        row.subject,
        facts.get("kit"),
        row.confirmation,
        facts.get("reason", facts.get("purpose")),
        facts.get("details", facts.get("documented_in")),
        facts.get("called_back"),
        bool(facts.get("repeated")),
        tuple(facts.get("still_blinded") or ()),
        facts.get("why", facts.get("why_not")),
        facts.get("refused"),
        bool(body["signatures"]),
        readings,
        judged,
        row.outcome == "done" and row.transaction in ASSESSED and not judged,
        message_from_json(facts["message"]) if facts.get("refused") else None,
    )
