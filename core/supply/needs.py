"""What the subjects on treatment will be given: the visits to come, and the kits of each.

Pure, but for the loader, which reads a whole study in two statements however large it is. What
comes out names kit types, so it is never for a blinded reader.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select

from core.db.models import subject, visit
from core.db.prepared import Prepared
from core.runtime import Core
from core.study.schema import StudyConfig
from core.subjects.phases import arm_now
from core.subjects.schedule import plan_in_turn
from core.subjects.status import RANDOMIZED, SCREENED, anchor_day, is_on_treatment


@dataclass(frozen=True, slots=True)
class Need:
    """A visit not done, with the days of its window and the kit types due, one for each kit."""

    visit: str
    opens: dt.date
    due: dt.date
    closes: dt.date
    kits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Treated:
    """A subject who is given kits: the study file that holds, the row, the visits done, the arm."""

    config: StudyConfig
    found: Any
    visits: Sequence[Any]
    arm: str | None

    @property
    def site(self) -> str:
        """The number of the site where the subject is."""
        return str(self.found.site)


_columns = [
    subject.c[name]
    for name in (
        *("id", "study", "number", "site", "status", "version", "consent_on"),
        *("randomized_at", "randomized_on", "arm", "phase", "phase_on", "phase_arm"),
        *("treatment", "dose", "dose_held_on"),
    )
]
_may_take = (
    subject.c.study == bindparam("s"),
    or_(subject.c.status == SCREENED, subject.c.status == RANDOMIZED),
    subject.c.dose_held_on.is_(None),
)
_taking = select(*_columns).where(*_may_take).order_by(subject.c.site, subject.c.number)
_done = (
    select(visit.c.subject_id, visit.c.code, visit.c.on)
    .join(subject, subject.c.id == visit.c.subject_id)
    .where(*_may_take)
    .order_by(visit.c.id)
)
_of_study = (Prepared(_taking), Prepared(_done))
_at_site = tuple(Prepared(one.where(subject.c.site == bindparam("n"))) for one in (_taking, _done))


def load_treated(
    core: Core, db: Connection, study: str, site: str | None = None
) -> Iterator[Treated]:
    """Everybody who is on treatment and not on a dose hold, by site and number: at one site, or in
    the whole study. Two statements; raises IntegrityBreach where an arm cannot be opened."""
    subjects, visits = _of_study if site is None else _at_site
    values = {"s": study} if site is None else {"s": study, "n": site}
    done: defaultdict[int, list[Any]] = defaultdict(list)
    for row in visits.all(db, values):
        done[row.subject_id].append(row)
    for found in subjects.all(db, values):
        config = core.config(db, study, found.version)
        if is_on_treatment(config, found):
            arm = arm_now(core.keys, study, found)
            yield Treated(config, found, done.get(found.id, ()), arm)


def upcoming(
    config: StudyConfig,
    found: Any,
    visits: Sequence[Any],
    arm: str | None,
    today: dt.date,
    until: dt.date,
) -> tuple[Need, ...]:
    """The visits with kits that are not done and whose windows open by `until`, in order, those
    overdue too; not those with a hard window that is over.

    `found` is a row of the subject table, `visits` are rows of its visits, `arm` is the one that
    the subject is on now. None for somebody who gets no drug: on a dose hold, off treatment, not
    randomized.
    """
    anchor = anchor_day(found)
    if anchor is None or found.dose_held_on is not None or not is_on_treatment(config, found):
        return ()
    recorded = {row.code: row.on for row in visits}
    coming = plan_in_turn(config, anchor, recorded, found.phase)
    # Visits are held in order: before the first that is too far off, none is left out.
    near = itertools.takewhile(lambda one: one.opens <= until, coming)
    needs = (
        Need(
            one.visit.code,
            one.opens,
            one.due,
            one.closes,
            config.kits_for(one.visit.code, arm, found.dose),
        )
        for one in near
        if one.visit.window == "soft" or today <= one.closes
    )
    return tuple(need for need in needs if need.kits)


def needs_of(
    config: StudyConfig,
    found: Any,
    visits: Sequence[Any],
    arm: str | None,
    today: dt.date,
    *until: dt.date,
) -> tuple[Counter[str], ...]:
    """How many kits of each type the visits of `upcoming` come to: for each of these days, those of
    the visits that open by then. One walk through the plan serves all of them."""
    coming = upcoming(config, found, visits, arm, today, max(until))
    return tuple(
        Counter(code for need in coming if need.opens <= day for code in need.kits) for day in until
    )
