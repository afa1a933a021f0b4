"""List versions and the halves of the seed, as the study's office sees them: never an arm."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from core.access.roles import Permission
from core.db.drawing import list_row, list_version, seed_share
from core.db.models import person, study, study_version
from core.sight import Sight


@dataclass(frozen=True, slots=True)
class ListRowSeen:
    """A list version; `strata` are so many that it has rows in."""

    version: int
    rows: int
    strata: int
    commitment: str
    test: bool
    imported_at: dt.datetime
    imported_by: str
    activated_at: dt.datetime | None
    activated_by: str | None


@dataclass(frozen=True, slots=True)
class DesignSeen:
    """A design that is drawn from the seed; `activated_at` where two persons had to open it."""

    version: int
    activated_at: dt.datetime | None
    activated_by: str | None


@dataclass(frozen=True, slots=True)
class ShareSeen:
    """Who holds a half of the seed since when; the half itself is nowhere."""

    share: int
    user_id: str
    name: str | None
    given_at: dt.datetime


class ListsListing(Sight):
    """Lists and seed of a study. Raises NotFound for those who may not see study files there."""

    def list_versions(self) -> tuple[ListRowSeen, ...]:
        """The list versions, the newest first."""
        self.sites(Permission.SEE_VERSIONS)
        strata = (
            select(func.count(func.distinct(list_row.c.domain)))
            .where(
                list_row.c.study == list_version.c.study,
                list_row.c.list_version == list_version.c.version,
            )
            .scalar_subquery()
        )
        query = (
            select(list_version, strata.label("strata"))
            .where(list_version.c.study == self.study)
            .order_by(list_version.c.version.desc())
        )
        return tuple(_seen(row) for row in self.db.execute(query))

    def commitment(self) -> str | None:
        """What was published of the seed with the first version."""
        self.sites(Permission.SEE_VERSIONS)
        query = select(study.c.commitment).where(study.c.code == self.study)
        found: str | None = self.db.scalar(query)
        return found

    def list_designs(self) -> tuple[DesignSeen, ...]:
        """The versions of the study file with which another design began, the newest first."""
        self.sites(Permission.SEE_VERSIONS)
        query = (
            select(
                study_version.c.version,
                study_version.c.activated_at,
                study_version.c.activated_by,
            )
            .where(
                study_version.c.study == self.study,
                study_version.c.version == study_version.c.epoch,
            )
            .order_by(study_version.c.version.desc())
        )
        return tuple(DesignSeen(*row) for row in self.db.execute(query))

    def list_shares(self) -> tuple[ShareSeen, ...]:
        """The halves that were taken."""
        self.sites(Permission.SEE_VERSIONS)
        query = (
            select(
                seed_share.c.share,
                seed_share.c.user_id,
                person.c.name,
                seed_share.c.given_at,
            )
            .outerjoin(person, person.c.user_id == seed_share.c.user_id)
            .where(seed_share.c.study == self.study)
            .order_by(seed_share.c.share)
        )
        return tuple(ShareSeen(*row) for row in self.db.execute(query))


def _seen(row: Any) -> ListRowSeen:
    return ListRowSeen(
        row.version,
        row.rows,
        row.strata,
        row.commitment,
        row.test,
        row.imported_at,
        row.imported_by,
        row.activated_at,
        row.activated_by,
    )
