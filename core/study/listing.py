"""Published versions of a study file, and from which day each holds at which site."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from core.access.roles import Permission
from core.db.models import person, site, site_version, study_version
from core.errors import NotFound
from core.sight import PAGE, Page, Sight, after_number, page_of, size_of


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A published version; `sites` is at how many it was approved."""

    version: int
    digest: str
    published_at: dt.datetime
    published_by: str
    publisher: str | None
    sites: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """From which local day on a site goes by a version."""

    site: str
    name: str
    status: str
    version: int
    effective_on: dt.date


class VersionsListing(Sight):
    """The versions of a study. Raises NotFound for those who may not see study files there."""

    def list_versions(self, after: str | None = None, limit: int = PAGE) -> Page[VersionRow]:
        """The versions, the newest first."""
        size = size_of(limit)
        query = self._versions()
        if after is not None:
            query = query.where(study_version.c.version < after_number(after))
        query = query.order_by(study_version.c.version.desc()).limit(size + 1)
        return page_of(self.db.execute(query).all(), size, _row, lambda row: str(row.version))

    def get_version(self, version: int) -> tuple[VersionRow, str]:
        """One version and the text of its file. Raises NotFound."""
        query = self._versions().add_columns(study_version.c.source)
        found = self.db.execute(query.where(study_version.c.version == version)).one_or_none()
        if found is None:
            raise NotFound
        return _row(found), found.source

    def list_adoptions(
        self, version: int, after: str | None = None, limit: int = PAGE
    ) -> Page[Adoption]:
        """The sites by number with the day from which they go by `version`."""
        size = size_of(limit)
        query = (
            select(
                site_version.c.site,
                site.c.name,
                site.c.status,
                site_version.c.version,
                site_version.c.effective_on,
            )
            .join(
                site,
                (site.c.study == site_version.c.study) & (site.c.number == site_version.c.site),
            )
            .where(
                site_version.c.study == self.study,
                site_version.c.version == version,
                *self.within(site_version.c.site, Permission.SEE_VERSIONS),
            )
        )
        if after is not None:
            query = query.where(site_version.c.site > str(after_number(after)))
        query = query.order_by(site_version.c.site).limit(size + 1)
        rows = self.db.execute(query).all()
        return page_of(rows, size, lambda row: Adoption(*row), lambda row: str(row.site))

    def _versions(self) -> Select[Any]:
        self.sites(Permission.SEE_VERSIONS)
        adopted = (
            select(func.count())
            .select_from(site_version)
            .where(
                site_version.c.study == study_version.c.study,
                site_version.c.version == study_version.c.version,
            )
            .scalar_subquery()
        )
        return (
            select(
                study_version.c.version,
                study_version.c.digest,
                study_version.c.published_at,
                study_version.c.published_by,
                person.c.name,
                adopted.label("sites"),
            )
            .select_from(
                study_version.outerjoin(person, person.c.user_id == study_version.c.published_by)
            )
            .where(study_version.c.study == self.study)
        )


def _row(row: Any) -> VersionRow:
    return VersionRow(*row[:6])
