"""Published versions: which one holds where."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, func, select

from core.db.models import site_version, study_version
from core.errors import NotFound

if TYPE_CHECKING:
    from core.runtime import Core
    from core.study.schema import StudyConfig


UNPUBLISHED: Final = 0
"""The version of a study of which nothing has been published yet."""


def newest_version(db: Connection, study: str) -> int | None:
    """The number of the newest published version, or None."""
    newest: int | None = db.scalar(
        select(func.max(study_version.c.version)).where(study_version.c.study == study)
    )
    return newest


def latest_version(db: Connection, study: str) -> int:
    """The number of the newest published version. Raises NotFound for an unknown study."""
    number = newest_version(db, study)
    if number is None:
        raise NotFound
    return number


def latest_config(db: Connection, core: Core, study: str) -> StudyConfig:
    """The newest published version. Raises NotFound for an unknown study."""
    return core.config(db, study, latest_version(db, study))


def site_version_on(db: Connection, study: str, site: str, day: dt.date) -> int | None:
    """The version in effect at a site on a local day, or None before the first."""
    number = db.scalar(
        select(site_version.c.version)
        .where(
            site_version.c.study == study,
            site_version.c.site == site,
            site_version.c.effective_on <= day,
        )
        .order_by(site_version.c.effective_on.desc(), site_version.c.version.desc())
        .limit(1)
    )
    return None if number is None else int(number)
