"""What a person may see of a study's record: the same for every arm, to every reader.

Kit types, lots and arms are not in it: a lot or an expiry can tell the treatment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Table, func, select

from core.access.roles import Actor, Permission
from core.db.models import kit, lot, shipment, site, study, subject, visit
from core.db.stock import shipment_kit
from core.errors import NotFound
from core.facts import Record, is_keyed, zone_of
from core.ledger import signed
from core.ledger.signed import Signed
from core.sight import Sight
from core.study.versions import latest_config, latest_version, site_version_on
from core.subjects.levels import corrected_levels, randomized_levels
from core.subjects.responses import find_response
from core.supply.lifecycle import state_of
from core.supply.shipment_sight import is_shipment_seen

if TYPE_CHECKING:
    from core.runtime import Core

Shown = dict[str, Any]


class Reader:
    """One person's view of one study. Raises NotFound for whatever the person may not see."""

    def __init__(self, core: Core, db: Connection, actor: Actor, code: str) -> None:
        self._sight = Sight(core, db, actor, code)
        self._core, self._db, self._actor, self._study = core, db, actor, code

    def show(self, what: str, number: str) -> Shown:
        """A subject, kit, shipment or site by its number, or the study by its code."""
        return _SHOW[what](self, number)

    def subject(self, number: str) -> Shown:
        """A subject with visits and kits."""
        row = self._one(subject, number, Permission.SEE_SUBJECTS)
        visits = self._db.execute(
            select(visit).where(visit.c.subject_id == row.id).order_by(visit.c.id)
        )
        kits = self._db.execute(
            select(kit).where(kit.c.subject_id == row.id).order_by(kit.c.dispensed_at, kit.c.number)
        )
        answered = find_response(self._db, row.id)
        return {
            **subject_fields(row, answered),
            "visits": [visit_fields(one) for one in visits],
            "kits": [_kit(one) for one in kits],
            "signatures": _signatures(signed.of_subject(self._db, self._study, number)),
        }

    def kit(self, number: str) -> Shown:
        """A kit: where it is and what has become of it."""
        row = self._one(kit, number, Permission.SEE_STOCK)
        return {
            **_kit(row),
            "site": row.site,
            "depot": row.depot,
            "custody": row.custody,
            "quality": row.quality,
            "state": self._state(row),
            "shipment": self._shipment_of(row.shipment_id),
            "subject": self._owner(row.subject_id),
        }

    def shipment(self, number: str) -> Shown:
        """A shipment, planned and done, and the numbers of the kits that it was made with. `why` is
        a message as JSON has it, the same whatever is in the shipment."""
        query = select(shipment).where(shipment.c.study == self._study, shipment.c.number == number)
        row = self._db.execute(query).one_or_none() if is_keyed(number) else None
        if row is None or not is_shipment_seen(self._actor, self._study, row):
            raise NotFound
        kits = (
            select(kit.c.number)
            .join(shipment_kit, shipment_kit.c.kit_id == kit.c.id)
            .where(shipment_kit.c.shipment_id == row.id)
            .order_by(kit.c.number)
        )
        return {
            **{name: getattr(row, name) for name in SHIPMENT},
            "loggers": (row.loggers or "").split(),
            "why": json.loads(row.why) if row.why else None,
            "kits": list(self._db.scalars(kits)),
            "signatures": _signatures(
                signed.of_shipment(self._db, self._study, number, row.created_at)
            ),
        }

    def site(self, number: str) -> Shown:
        """A site with its counts."""
        row = self._one(site, number, None)
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
            "signatures": _signatures(signed.of_site(self._db, self._study, number)),
        }

    def study(self, code: str) -> Shown:
        """The study with counts over the sites that the person sees."""
        if code != self._study:
            raise NotFound
        row = self._db.execute(select(study).where(study.c.code == code)).one()
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

    def _one(self, table: Table, number: str, permission: Permission | None) -> Record:
        """The row of that number, at a site where the person may see it. A kit at no site is seen
        by those who see the whole study."""
        query = select(table).where(table.c.study == self._study, table.c.number == number)
        found = self._db.execute(query).one_or_none() if is_keyed(number) else None
        if found is None:
            raise NotFound
        if permission is None:
            seen = self._actor.sees_site(self._study, number)
        else:
            sites = self._actor.sites_where(permission, self._study)
            seen = sites is None or found.site in sites
        if not seen:
            raise NotFound
        return found

    def _state(self, row: Record) -> str:
        """What a kit's facts come to today, where it is."""
        query = (
            select(kit.c.disposition, kit.c.custody, kit.c.quality, kit.c.labelled_until)
            .add_columns(lot.c.expiry, site.c.timezone)
            .join(lot, lot.c.id == kit.c.lot_id)
            .outerjoin(site, (site.c.study == kit.c.study) & (site.c.number == kit.c.site))
            .where(kit.c.id == row.id)
        )
        found = self._db.execute(query).one()
        return state_of(found, self._core.now().astimezone(zone_of(found.timezone or "UTC")).date())

    def _owner(self, subject_id: int | None) -> str | None:
        """Whose a kit is, for those who may see that subject."""
        query = select(subject.c.number, subject.c.site).where(subject.c.id == subject_id)
        found = self._db.execute(query).one_or_none()
        sites = self._actor.sites_where(Permission.SEE_SUBJECTS, self._study)
        if found is None or not (sites is None or found.site in sites):
            return None
        return str(found.number)

    def _shipment_of(self, shipment_id: int | None) -> str | None:
        number: str | None = self._db.scalar(
            select(shipment.c.number).where(shipment.c.id == shipment_id)
        )
        return number

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


def subject_fields(row: Record, answered: Record | None) -> Shown:
    """What is told of a subject to whoever sees it; `answered` is the row of its response."""
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
        "levels": randomized_levels(row),
        "corrected": corrected_levels(row),
        "randomized_in_error_at": row.in_error_at,
        "code_broken_at": row.code_broken_at,
        "cohort": row.cohort,
        "phase": row.phase,
        "phase_entered_on": row.phase_on,
        "dose": row.dose,
        "dose_held_on": row.dose_held_on,
        "response": answered.answer if answered else None,
        "response_assessed_on": answered.on if answered else None,
        "ended_on": row.ended_on,
    }


def _signatures(found: tuple[Signed, ...]) -> list[Shown]:
    """Signatures as values: the moment in UTC and at the site, the meaning as it is named."""
    return [{**asdict(one), "at_local": one.at_local.isoformat()} for one in found]


def visit_fields(row: Record) -> Shown:
    """What is told of a visit that happened."""
    return {
        "visit": row.code,
        "status": row.status,
        "on": row.on,
        "deviation_days": row.deviation_days,
        "dose": row.dose,
    }


def _kit(row: Record) -> Shown:
    return {
        "number": row.number,
        "disposition": row.disposition,
        "dispensed_at": row.dispensed_at,
        "confirmed_at": row.confirmed_at,
        "replaced_by": row.replaced_by,
    }


SHIPMENT: Final = (
    *("number", "kind", "site", "depot", "from_site", "to_depot", "status", "created_at"),
    *("confirmed_at", "leaves_on", "due_on", "courier", "waybill"),
    *("dispatched_on", "received_on", "logger"),
)
"""The columns of a shipment that everybody who sees it may read."""
_SHOW: Final[dict[str, Callable[[Reader, str], Shown]]] = {
    "subject": Reader.subject,
    "kit": Reader.kit,
    "shipment": Reader.shipment,
    "site": Reader.site,
    "study": Reader.study,
}
