"""What is on record, as questions, checks and runs read it: loaded when asked for, once.

Inside `perform` the facts are `locking`: a subject is locked as it is read, first of all locks,
and whatever is decided afterwards is decided on what was read under it.
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, select

from core.access.roles import Permission, load_actor
from core.db.models import kit, lot, proposal, shipment, site, subject, visit
from core.db.prepared import Prepared
from core.errors import NotFound
from core.study.versions import UNPUBLISHED, newest_version, site_version_on

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.runtime import Core
    from core.study.schema import StudyConfig

Record = Row[Any]

_site = Prepared(
    select(site).where(site.c.study == bindparam("s"), site.c.number == bindparam("n"))
)
_by_number = select(subject).where(
    subject.c.study == bindparam("s"), subject.c.number == bindparam("n")
)
_subject = Prepared(_by_number)
_subject_locked = Prepared(_by_number.with_for_update())
_visits = select(visit).where(visit.c.subject_id == bindparam("i")).order_by(visit.c.id)
_kit = (
    select(kit, lot.c.expiry, lot.c.countries, lot.c.number.label("lot"))
    .join(lot, lot.c.id == kit.c.lot_id)
    .where(kit.c.study == bindparam("s"), kit.c.number == bindparam("n"))
)
_zones: dict[str, ZoneInfo] = {}
KEYED_DIGITS_MAX: Final = 20


def is_keyed(number: str) -> bool:
    """Whether this could be the number of anything: a database may stumble over other text."""
    return number.isascii() and number.isdigit() and len(number) <= KEYED_DIGITS_MAX


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that IANA name."""
    found = _zones.get(name)
    if found is None:
        found = _zones[name] = ZoneInfo(name)
    return found


class Facts:
    """The record of one study as one person at one site sees it, at one moment."""

    def __init__(
        self,
        db: Connection,
        core: Core,
        *,
        actor: Actor,
        study: str,
        site: str | None,
        now: dt.datetime,
        locking: bool = False,
    ) -> None:
        self.db, self.core, self.actor = db, core, actor
        self.study, self.site_number, self.now = study, site, now
        self.locking = locking
        self.holds: int | None = None  # ever placed or lifted, as of when the deed looked at them
        self.site = self.find_site(site) if site is not None else None
        if site is not None and self.site is None:
            raise NotFound
        self._subjects: dict[str, Record | None] = {}
        self._visits: dict[int, tuple[Record, ...]] = {}
        self._kits: dict[str, Record | None] = {}
        self._version: int | None = None

    @property
    def version(self) -> int:
        """The version that holds here: the subject's own, once one is named."""
        if self._version is None:
            self._version = self._version_here()
        return self._version

    def _version_here(self) -> int:
        """The version in effect at the site today; before the first, and for the study as a
        whole, the newest."""
        if self.site is not None:
            found = site_version_on(self.db, self.study, self.site.number, self.today)
            if found is not None:
                return found
        return newest_version(self.db, self.study) or UNPUBLISHED

    @property
    def config(self) -> StudyConfig:
        """The study file that holds here: the subject's own, once one is named."""
        return self.core.config(self.db, self.study, self.version)

    def settle(self, number: str | None) -> None:
        """Go by the version of the subject named, if there is one."""
        found = self.subject(number) if number else None
        if found is not None:
            self._version = int(found.version)

    @property
    def here(self) -> Record:
        """The site. Raises NotFound for the study as a whole."""
        if self.site is None:
            raise NotFound
        return self.site

    @property
    def zone(self) -> str:
        """The site's time zone; UTC for the study as a whole."""
        return self.site.timezone if self.site is not None else "UTC"

    @property
    def today(self) -> dt.date:
        """The date at the site."""
        return self.now.astimezone(zone_of(self.zone)).date()

    def today_at(self, number: str) -> dt.date:
        """The date at a site of the study, for those who decide about it from elsewhere."""
        found = self.find_site(number)
        zone = found.timezone if found is not None else self.zone
        return self.now.astimezone(zone_of(zone)).date()

    def today_at_depot(self, code: str) -> dt.date:
        """The date at a depot of the study."""
        zones = (depot.timezone for depot in self.config.depots if depot.code == code)
        return self.now.astimezone(zone_of(next(zones, "UTC"))).date()

    @cached_property
    def own_depots(self) -> frozenset[str] | None:
        """The depots at which this person works and at no others; None for those who see to the
        supply of the whole study, and for those who don't work at depots."""
        wide = (Permission.DISPATCH, Permission.SUPPLY, Permission.QUALITY)
        held = [self.actor.depots_where(one, self.study) for one in wide]
        if None in held:
            return None
        return frozenset[str]().union(*(one for one in held if one is not None)) or None

    def is_at_own_depot(self, *depots: str | None) -> bool:
        """Whether one of these depots is where this person works, or the person isn't bound to
        any."""
        own = self.own_depots
        return own is None or any(depot in own for depot in depots if depot is not None)

    def sends_from(self, depot: str | None) -> bool:
        """Whether this person sends and receives at the depot, whatever else the person does."""
        held = self.actor.depots_where(Permission.DISPATCH, self.study)
        return held is None or depot in held

    def is_investigator(self, user_id: str) -> bool:
        """Whether this is the user ID of an active investigator of the site."""
        try:
            found = load_actor(self.db, user_id, self.now)
        except NotFound:
            return False
        return "investigator" in found.roles_at(self.study, self.site_number)

    def find_site(self, number: str) -> Record | None:
        """A site of this study by its number."""
        if not is_keyed(number):
            return None
        found: Record | None = _site.first(self.db, {"s": self.study, "n": number})
        return found

    def subject(self, number: str) -> Record | None:
        """A subject by number, of this site (of any, for those who work for the whole study)."""
        if not is_keyed(number):
            return None
        if number not in self._subjects:
            query = _subject_locked if self.locking else _subject
            found = query.first(self.db, {"s": self.study, "n": number})
            if found is not None and self.site is not None and found.site != self.site.number:
                found = None
            self._subjects[number] = found
        return self._subjects[number]

    def the_subject(self, answers: Any) -> Record:
        """The subject that the answers name. Raises NotFound."""
        found = self.subject(str(answers["subject"]))
        if found is None:
            raise NotFound
        return found

    def visits(self, subject_id: int) -> tuple[Record, ...]:
        """What has happened at visits, in the order recorded."""
        if subject_id not in self._visits:
            rows = self.db.execute(_visits, {"i": subject_id}).all()
            self._visits[subject_id] = tuple(rows)
        return self._visits[subject_id]

    def kit(self, number: str) -> Record | None:
        """A kit of this study that is or was at this site, or was given to a subject who is here
        now, with its lot's number and expiry; for people of a depot one that is there."""
        if number not in self._kits:
            found = self.db.execute(_kit, {"s": self.study, "n": number}).one_or_none()
            if found is not None and self.site is not None and found.site != self.site.number:
                found = found if self._is_subject_here(found.subject_id) else None
            if found is not None and self.site is None and not self.is_at_own_depot(found.depot):
                found = None
            self._kits[number] = found
        return self._kits[number]

    def _is_subject_here(self, subject_id: int | None) -> bool:
        if subject_id is None:
            return False
        at: str | None = self.db.scalar(select(subject.c.site).where(subject.c.id == subject_id))
        return bool(at == self.here.number)

    def kits_of(self, subject_id: int) -> tuple[Record, ...]:
        """The kits assigned to a subject, oldest first, and by number: in the order of the table
        those of one lot stand together."""
        query = (
            select(kit, lot.c.expiry)
            .join(lot, lot.c.id == kit.c.lot_id)
            .where(kit.c.subject_id == subject_id)
            .order_by(kit.c.dispensed_at, kit.c.number)
        )
        return tuple(self.db.execute(query).all())

    def shipment(self, number: str) -> Record | None:
        """A shipment by number: to or from this site; to or from their depot for its people; of
        this study for the others who ship."""
        query = select(shipment).where(shipment.c.study == self.study, shipment.c.number == number)
        if self.locking:
            query = query.with_for_update()
        found = self.db.execute(query).one_or_none()
        if found is None:
            return None
        if self.site is not None:
            return found if self.site.number in (found.site, found.from_site) else None
        return found if self.is_at_own_depot(found.depot, found.to_depot) else None

    def shipment_kits(self, shipment_id: int) -> tuple[Record, ...]:
        """The kits of a shipment, by number."""
        query = select(kit).where(kit.c.shipment_id == shipment_id).order_by(kit.c.number)
        return tuple(self.db.execute(query).all())

    def lot(self, number: str) -> Record | None:
        """A lot of this study by its number."""
        query = select(lot).where(lot.c.study == self.study, lot.c.number == number)
        return self.db.execute(query).one_or_none()

    def proposal(self, number: str) -> Record | None:
        """A proposal of this study by its number."""
        query = select(proposal).where(proposal.c.study == self.study, proposal.c.number == number)
        if self.locking:
            query = query.with_for_update()
        return self.db.execute(query).one_or_none()
