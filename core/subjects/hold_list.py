"""The holds of a study, in force and lifted, for those who place and lift them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from core.access.roles import Permission
from core.db.drawing import hold
from core.db.models import person
from core.sight import PAGE, Page, Sight, after_number, page_of, size_of
from core.subjects.holds import STRATUM


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold. `of` is the country, site, cohort or levels in words; none for the study, and for an
    arm, which is told to nobody."""

    number: str
    scope: str
    of: str | None
    stops: tuple[str, ...]
    placed_at: dt.datetime
    placed_by: str
    placer: str | None
    lifted_at: dt.datetime | None


class HoldsListing(Sight):
    """The holds of a study. Raises NotFound for those who may not hold anything there."""

    def list_holds(self, after: str | None = None, limit: int = PAGE) -> Page[HoldRow]:
        """The holds, the newest first."""
        self.sites(Permission.HOLDS)
        size = size_of(limit)
        query = (
            select(hold, person.c.name)
            .outerjoin(person, person.c.user_id == hold.c.placed_by)
            .where(hold.c.study == self.study)
        )
        if after is not None:
            query = query.where(hold.c.id < after_number(after))
        rows = self.db.execute(query.order_by(hold.c.id.desc()).limit(size + 1)).all()
        return page_of(rows, size, _row, lambda row: str(row.id))


def _row(row: Any) -> HoldRow:
    of = ", ".join(json.loads(row.value).values()) if row.scope == STRATUM else row.value
    stops = tuple(row.stops.split())
    return HoldRow(
        row.number,
        row.scope,
        of,
        stops,
        row.placed_at,
        row.placed_by,
        row.name,
        row.lifted_at,
    )
