"""What waits for a person today: visits, hand-overs, shipments, proposals, results not heard.

A handful of queries whatever the size of the site; the same lists for every reader of a site, and
nothing in them that tells a treatment.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, select

from core.access.places import Place
from core.access.roles import Actor, Permission
from core.calls import Untold, untold_to
from core.db.drawing import cohort, response
from core.db.models import kit, person, proposal, subject, visit
from core.facts import zone_of
from core.messages import Labels
from core.records.reviews import Overdue, overdue_for
from core.register import find
from core.subjects.holds import held_at
from core.subjects.schedule import plan
from core.subjects.status import (
    DISCONTINUED,
    RANDOMIZED,
    SCREENED,
    anchor_day,
    is_awaiting,
)
from core.supply.waiting import Coming, Held, coming, held
from core.supply.warnings import Warned, warnings_for
from core.unblinding.assess import breaks_at

if TYPE_CHECKING:
    from core.runtime import Core

SOON_DAYS: Final = 7
ROWS_MAX: Final = 30
_BESIDE: Final = frozenset({"overdue", "late", "draft"})
"""Kinds of warnings that the list of shipments tells already."""


@dataclass(frozen=True, slots=True)
class VisitDue:
    """A subject's next visit. `state` is overdue, open or soon; days are the site's, inclusive."""

    subject: str
    visit: Labels
    opens: dt.date
    due: dt.date
    closes: dt.date
    state: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """Kits assigned to a subject that nobody has confirmed to have handed over."""

    subject: str
    kits: tuple[str, ...]
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Proposed:
    """A deed that waits for this person's signature, the second one."""

    number: str
    transaction: str
    proposer: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class CohortOpen:
    """The cohort that is open: subjects randomized in it, and those with a response on record."""

    number: int
    randomized: int
    answered: int


@dataclass(frozen=True)
class Today:
    """Everything that waits; each list is cut at `ROWS_MAX`, most urgent first."""

    visits: tuple[VisitDue, ...]
    hand_overs: tuple[HandOver, ...]
    shipments: tuple[Coming, ...]
    proposals: tuple[Proposed, ...]
    untold: tuple[Untold, ...]
    answers: tuple[str, ...] = ()  # subjects of the open cohort without a response on record
    cohort: CohortOpen | None = None  # for those who decide what follows
    on_hold: tuple[str, ...] = ()  # what may be refused at the site: screening, randomization …
    held: tuple[Held, ...] = ()  # kits to judge, decide on, relabel or verify
    warnings: tuple[Warned, ...] = ()
    reviews: tuple[Overdue, ...] = ()  # that this person may sign, late
    to_assess: int = 0  # code breaks that wait for this person's assessment

    @property
    def is_empty(self) -> bool:
        """Nothing waits."""
        return not (
            self.visits
            or self.hand_overs
            or self.shipments
            or self.proposals
            or self.untold
            or self.answers
            or self.cohort
            or self.held
            or self.warnings
            or self.reviews
            or self.to_assess
        )


def today(core: Core, db: Connection, actor: Actor, place: Place) -> Today:
    """What waits for this person at this place. Visits and hand-overs are those of a site."""
    code, site, number = place.study.code, place.site, place.number
    now = core.now()
    return Today(
        _visits(core, db, code, site.number, now.astimezone(zone_of(site.zone)).date())
        if site
        else (),
        _hand_overs(db, code, site.number) if site else (),
        coming(core, db, actor, code, number)[:ROWS_MAX],
        _proposals(db, actor, code),
        untold_to(db, core, actor, ""),
        _unanswered(db, code, site.number) if site else (),
        _cohort(db, actor, code),
        held_at(db, code, site.number) if site else (),
        held(db, actor, code, number)[:ROWS_MAX],
        _warnings(core, db, actor, code, number)[:ROWS_MAX] if place.study.number else (),
        overdue_for(core, db, actor, code)[:ROWS_MAX] if place.study.number else (),
        _to_assess(db, actor, code),
    )


def _to_assess(db: Connection, actor: Actor, code: str) -> int:
    sites = actor.sites_where(Permission.ASSESS, code)
    return 0 if sites == frozenset() else len(breaks_at(db, code, sites, missing=True))


def _warnings(
    core: Core, db: Connection, actor: Actor, code: str, number: str | None
) -> tuple[Warned, ...]:
    """Of one site all that the person may know; of the study those that cost little to find."""
    found = warnings_for(core, db, actor, code, number, shortages=number is not None)
    return tuple(one for one in found if one.kind not in _BESIDE)


def _visits(
    core: Core, db: Connection, code: str, site: str, today: dt.date
) -> tuple[VisitDue, ...]:
    here = (subject.c.study == code) & (subject.c.site == site)
    active = subject.c.status.in_((SCREENED, RANDOMIZED, DISCONTINUED))
    people = db.execute(select(subject).where(here, active).order_by(subject.c.id)).all()
    recorded: defaultdict[int, dict[str, dt.date]] = defaultdict(dict)
    for row in db.execute(
        select(visit.c.subject_id, visit.c.code, visit.c.on)
        .join(subject, subject.c.id == visit.c.subject_id)
        .where(here, active)
    ):
        recorded[row.subject_id][row.code] = row.on
    found = [_next(core, db, one, recorded[one.id], today) for one in people]
    due = sorted((one for one in found if one), key=lambda one: (one.closes, one.subject))
    return tuple(due[:ROWS_MAX])


def _next(
    core: Core, db: Connection, row: Any, recorded: dict[str, dt.date], today: dt.date
) -> VisitDue | None:
    """The next visit of this subject, if its window is open, past or near."""
    config = core.config(db, row.study, row.version)  # read once in this process
    anchor = anchor_day(row)
    if anchor is None or (row.status == SCREENED and is_awaiting(config, row)):
        return None
    coming = plan(config, anchor, recorded, row.phase)
    if not coming or coming[0].opens > today + dt.timedelta(days=SOON_DAYS):
        return None
    first = coming[0]
    state = "overdue" if first.closes < today else "open" if first.opens <= today else "soon"
    return VisitDue(row.number, first.visit.labels, first.opens, first.due, first.closes, state)


def _hand_overs(db: Connection, code: str, site: str) -> tuple[HandOver, ...]:
    rows = db.execute(
        select(subject.c.number.label("subject"), kit.c.number, kit.c.dispensed_at)
        .join(subject, subject.c.id == kit.c.subject_id)
        .where(
            kit.c.study == code,
            subject.c.site == site,
            kit.c.disposition == "dispensed",
            kit.c.confirmed_at.is_(None),
        )
        .order_by(kit.c.dispensed_at, kit.c.number)
    ).all()
    by_subject: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_subject[row.subject].append(row)
    return tuple(
        HandOver(number, tuple(one.number for one in kits), kits[0].dispensed_at)
        for number, kits in list(by_subject.items())[:ROWS_MAX]
    )


def _unanswered(db: Connection, code: str, site: str) -> tuple[str, ...]:
    """Those for whom the next decision waits."""
    query = (
        select(subject.c.number)
        .join(cohort, (cohort.c.study == subject.c.study) & (cohort.c.number == subject.c.cohort))
        .outerjoin(response, response.c.subject_id == subject.c.id)
        .where(subject.c.study == code, subject.c.site == site)
        .where(cohort.c.closed_at.is_(None), response.c.subject_id.is_(None))
        .order_by(subject.c.id)
        .limit(ROWS_MAX)
    )
    return tuple(db.scalars(query))


def _cohort(db: Connection, actor: Actor, code: str) -> CohortOpen | None:
    if not actor.may(Permission.COHORTS, code, None):
        return None
    query = (
        select(cohort.c.number, cohort.c.randomized, func.count(response.c.subject_id))
        .outerjoin(
            subject, (subject.c.study == cohort.c.study) & (subject.c.cohort == cohort.c.number)
        )
        .outerjoin(response, response.c.subject_id == subject.c.id)
        .where(cohort.c.study == code, cohort.c.closed_at.is_(None))
        .group_by(cohort.c.number, cohort.c.randomized)
    )
    found = db.execute(query).one_or_none()
    return CohortOpen(*found) if found else None


def _proposals(db: Connection, actor: Actor, code: str) -> tuple[Proposed, ...]:
    rows = db.execute(
        select(
            proposal.c.number,
            proposal.c.transaction,
            proposal.c.site,
            proposal.c.proposed_at,
            person.c.name,
        )
        .join(person, person.c.user_id == proposal.c.proposer)
        .where(
            proposal.c.study == code,
            proposal.c.decided_at.is_(None),
            proposal.c.proposer != actor.user_id,
        )
        .order_by(proposal.c.id)
    ).all()
    return tuple(
        Proposed(row.number, row.transaction, row.name, row.proposed_at)
        for row in rows
        if actor.may(find(row.transaction).signers[0], code, row.site)
    )[:ROWS_MAX]
