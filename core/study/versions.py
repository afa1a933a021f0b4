"""Published versions: which one holds where."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, bindparam, func, select

from core.db.models import site_version, study_version
from core.db.prepared import Prepared
from core.errors import NotFound

if TYPE_CHECKING:
    from core.runtime import Core
    from core.study.schema import StudyConfig


UNPUBLISHED: Final = 0
"""The version of a study of which nothing has been published yet."""


_newest = select(func.max(study_version.c.version)).where(study_version.c.study == bindparam("s"))
_on_day = Prepared(
    select(site_version.c.version)
    .where(
        site_version.c.study == bindparam("s"),
        site_version.c.site == bindparam("n"),
        site_version.c.effective_on <= bindparam("day"),
    )
    .order_by(site_version.c.effective_on.desc(), site_version.c.version.desc())
    .limit(1)
)


def newest_version(db: Connection, study: str) -> int | None:
    """The number of the newest published version, or None."""
    newest: int | None = db.scalar(_newest, {"s": study})
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
    number = _on_day.scalar(db, {"s": study, "n": site, "day": day})
    return None if number is None else int(number)
