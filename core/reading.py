"""What a person may see of a study's record: the same for every arm, to every reader.

Kit types, lots and arms are not in it: a lot or an expiry can tell the treatment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, select

from core.access.roles import Actor
from core.db.models import kit, shipment, site, study, subject, visit
from core.errors import NotFound
from core.facts import Record
from core.study.versions import latest_config, latest_version, site_version_on

if TYPE_CHECKING:
    from core.runtime import Core

Shown = dict[str, Any]


class Reader:
    """One person's view of one study. Raises NotFound for whatever the person may not see."""

    def __init__(self, core: Core, db: Connection, actor: Actor, code: str) -> None:
        if not actor.sees_study(code):
            raise NotFound
        self._core, self._db, self._actor, self._study = core, db, actor, code
        latest_version(db, code)

    def show(self, what: str, number: str) -> Shown:
        """A subject, kit, shipment or site by its number, or the study by its code."""
        return _SHOW[what](self, number)

    def subject(self, number: str) -> Shown:
        """A subject with visits and kits."""
        row = self._one(select(subject).where(self._of(subject), subject.c.number == number))
        self._check_site(row.site)
        visits = self._db.execute(
            select(visit).where(visit.c.subject_id == row.id).order_by(visit.c.id)
        )
        kits = self._db.execute(
            select(kit).where(kit.c.subject_id == row.id).order_by(kit.c.dispensed_at, kit.c.id)
        )
        return {
            "number": row.number,
            "site": row.site,
            "status": row.status,
            "treatment": row.treatment,
            "study_version": row.version,
            "consent_date": row.consent_on,
            "year_of_birth": row.year_of_birth,
            "rescreen_of": row.rescreen_of,
            "randomization_number": row.randomization_number,
            "randomized_on": row.randomized_on,
            "levels": json.loads(row.levels) if row.levels else {},
            "ended_on": row.ended_on,
            "visits": [_visit(one) for one in visits],
            "kits": [_kit(one) for one in kits],
        }

    def kit(self, number: str) -> Shown:
        """A kit: where it is and what has become of it."""
        row = self._one(select(kit).where(self._of(kit), kit.c.number == number))
        self._check_site(row.site)
        owner = self._db.scalar(select(subject.c.number).where(subject.c.id == row.subject_id))
        return {
            **_kit(row),
            "site": row.site,
            "depot": row.depot,
            "custody": row.custody,
            "quality": row.quality,
            "subject": owner,
        }

    def shipment(self, number: str) -> Shown:
        """A shipment and the numbers of its kits."""
        row = self._one(select(shipment).where(self._of(shipment), shipment.c.number == number))
        self._check_site(row.site)
        kits = select(kit.c.number).where(kit.c.shipment_id == row.id).order_by(kit.c.number)
        return {
            "number": row.number,
            "site": row.site,
            "depot": row.depot,
            "status": row.status,
            "dispatched_on": row.dispatched_on,
            "received_on": row.received_on,
            "logger": row.logger,
            "kits": list(self._db.scalars(kits)),
        }

    def site(self, number: str) -> Shown:
        """A site with its counts."""
        row = self._one(select(site).where(self._of(site), site.c.number == number))
        self._check_site(number)
        today = self._core.now().date()
        return {
            "number": row.number,
            "name": row.name,
            "country": row.country,
            "timezone": row.timezone,
            "language": row.language,
            "depot": row.depot,
            "status": row.status,
            "status_on": row.status_on,
            "study_version": site_version_on(self._db, self._study, number, today),
            "counts": self._counts([number]),
        }

    def study(self, code: str) -> Shown:
        """The study with counts over the sites that the person sees."""
        if code != self._study:
            raise NotFound
        row = self._one(select(study).where(study.c.code == code))
        config = latest_config(self._db, self._core, code)
        numbers = select(site.c.number).where(site.c.study == code).order_by(site.c.number)
        seen = [one for one in self._db.scalars(numbers) if self._actor.sees_site(code, one)]
        return {
            "code": code,
            "number": row.number,
            "title": dict(config.study.title),
            "training": row.training,
            "version": latest_version(self._db, code),
            "sites": seen,
            "counts": self._counts(seen),
        }

    def _of(self, table: Any) -> ColumnElement[bool]:
        found: ColumnElement[bool] = table.c.study == self._study
        return found

    def _one(self, query: Select[Any]) -> Record:
        found = self._db.execute(query).one_or_none()
        if found is None:
            raise NotFound
        return found

    def _check_site(self, number: str | None) -> None:
        """A kit at no site is seen by those who see the whole study."""
        if not self._actor.sees_site(self._study, number or ""):
            raise NotFound

    def _counts(self, sites: list[str]) -> dict[str, int]:
        """Ever screened, ever randomized, and how many stand in each state now."""
        here = (subject.c.study == self._study) & subject.c.site.in_(sites)
        ever = self._db.execute(
            select(func.count(subject.c.screened_at), func.count(subject.c.randomized_at)).where(
                here
            )
        ).one()
        states = self._db.execute(
            select(subject.c.status, func.count()).where(here).group_by(subject.c.status)
        )
        now = {f"now_{status}": count for status, count in states}
        return {"screened": ever[0], "randomized": ever[1], **now}


def _visit(row: Record) -> Shown:
    return {
        "visit": row.code,
        "status": row.status,
        "on": row.on,
        "deviation_days": row.deviation_days,
    }


def _kit(row: Record) -> Shown:
    return {
        "number": row.number,
        "disposition": row.disposition,
        "dispensed_at": row.dispensed_at,
        "confirmed_at": row.confirmed_at,
        "replaced_by": row.replaced_by,
    }


_SHOW: Final[dict[str, Callable[[Reader, str], Shown]]] = {
    "subject": Reader.subject,
    "kit": Reader.kit,
    "shipment": Reader.shipment,
    "site": Reader.site,
    "study": Reader.study,
}
