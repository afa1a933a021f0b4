"""To whom a treatment is open: written with the deed that opened it, asked before each reading.

A row alone is not enough: the person must still hold what the deed was done by, and still see the
subject. Whose role has ended reads nothing any more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, insert, or_, select

from core.access.roles import Actor, Permission
from core.db.blind import opening
from core.db.models import kit as kits
from core.db.models import subject as subjects
from core.facts import Record, is_keyed
from core.transaction import Opens

CODE_BREAK: Final = "code_break"
CODE_VIEW: Final = "code_view"
FOR_CALLER: Final = "for_caller"
ANALYSIS: Final = "analysis"
END_OF_STUDY: Final = "end_of_study"
BASES: Final = (CODE_BREAK, CODE_VIEW, FOR_CALLER, ANALYSIS, END_OF_STUDY)
"""Kinds of deeds that open treatments."""
_AT_SITE: Final[Mapping[str, frozenset[Permission]]] = {
    CODE_BREAK: frozenset({Permission.CODE_BREAK}),
    END_OF_STUDY: frozenset({Permission.SEE_SUBJECTS}),
}
_STUDY_WIDE: Final[Mapping[str, frozenset[Permission]]] = {
    CODE_VIEW: frozenset({Permission.CODE_VIEW}),
    FOR_CALLER: frozenset({Permission.OPERATE}),
    ANALYSIS: frozenset({Permission.LISTS, Permission.CODE_VIEW}),
    END_OF_STUDY: frozenset({Permission.UNBLIND, Permission.CODE_VIEW}),
}
"""What one must still hold, at the place of the subject or in the whole study, to read by it."""
OF_ALL: Final = opening.c.subject.is_(None) & opening.c.kit.is_(None)
"""An opening of every subject that there was."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A treatment open to somebody. `told`: how often it was read by this opening."""

    id: int
    subject: str | None
    kit: str | None
    user_id: str | None
    basis: str
    sequence: int
    opened_at: dt.datetime
    ends_at: dt.datetime | None
    told: int


def open_to(db: Connection, study: str, opens: Opens, sequence: int, now: dt.datetime) -> int:
    """Write that a treatment is open, by the entry at `sequence` of the study's chain; the number
    of the row."""
    if opens.basis not in BASES:
        raise ValueError(opens.basis)
    row = {
        "study": study,
        "subject": opens.subject,
        "kit": opens.kit,
        "user_id": opens.user_id,
        "basis": opens.basis,
        "sequence": sequence,
        "opened_at": now,
        "ends_at": opens.ends_at,
        "told": 0,
    }
    made: int = db.execute(insert(opening).returning(opening.c.id), row).scalar_one()
    return made


def find_subject(db: Connection, study: str, number: str) -> Record | None:
    """The row of the subject, randomized or not."""
    if not is_keyed(number):
        return None
    query = select(subjects).where(subjects.c.study == study, subjects.c.number == number)
    return db.execute(query).one_or_none()


def find_kit(db: Connection, study: str, number: str) -> Record | None:
    """The row of the kit."""
    if not is_keyed(number):
        return None
    query = select(kits).where(kits.c.study == study, kits.c.number == number)
    return db.execute(query).one_or_none()


def covering(
    db: Connection,
    actor: Actor,
    study: str,
    now: dt.datetime,
    *,
    subject: str | None = None,
    kit: str | None = None,
    site: str | None = None,
    since: dt.datetime | None = None,
) -> Opening | None:
    """The newest opening by which this person may read this treatment now; `site` is where the
    subject or the kit is, `since` when the subject was randomized: whoever came later than an
    opening of all subjects is not among them."""
    about: tuple[ColumnElement[bool], ...] = (opening.c.kit == kit,)
    if kit is None:
        all_ = OF_ALL if since is None else OF_ALL & (opening.c.opened_at >= since)
        about = (or_(opening.c.subject == subject, all_),)
    found = db.execute(_own(actor, study, now, *about)).all()
    return next((_opening(one) for one in found if _holds(actor, study, one.basis, site)), None)


def covering_all(db: Connection, actor: Actor, study: str, now: dt.datetime) -> Opening | None:
    """The newest opening of all subjects by which this person may read now."""
    found = db.execute(_own(actor, study, now, OF_ALL)).all()
    return next((_opening(one) for one in found if _holds_anywhere(actor, study, one.basis)), None)


def subjects_of(db: Connection, actor: Actor, study: str, found: Opening) -> Sequence[Record]:
    """The subjects that an opening of all opens to this person: those there were, where they may
    be read, by number."""
    query = (
        select(subjects)
        .where(
            subjects.c.study == study,
            subjects.c.arm.is_not(None),
            subjects.c.randomized_at <= found.opened_at,
        )
        .order_by(subjects.c.site, subjects.c.number)
    )
    rows = db.execute(query).all()
    return [row for row in rows if _holds(actor, study, found.basis, row.site)]


def list_openings(db: Connection, actor: Actor, study: str, now: dt.datetime) -> Sequence[Opening]:
    """What is open to this person, the newest first; where everything is, one row says so."""
    found = []
    for row in db.execute(_own(actor, study, now)):
        held = find_subject(db, study, row.subject) if row.subject else None
        held = find_kit(db, study, row.kit) if row.kit else held
        if row.subject is None and row.kit is None:
            seen = _holds_anywhere(actor, study, row.basis)
        else:
            seen = held is not None and _holds(actor, study, row.basis, held.site)
        if seen:
            found.append(_opening(row))
    return found


def _own(actor: Actor, study: str, now: dt.datetime, *about: ColumnElement[bool]) -> Any:
    return (
        select(opening)
        .where(
            opening.c.study == study,
            or_(opening.c.user_id == actor.user_id, opening.c.user_id.is_(None)),
            or_(opening.c.ends_at.is_(None), opening.c.ends_at > now),
            *about,
        )
        .order_by(opening.c.id.desc())
    )


def _holds(actor: Actor, study: str, basis: str, site: str | None) -> bool:
    """Whether the person still holds a permission by which such an opening is read there."""
    here = site is not None and any(
        actor.may(one, study, site) for one in _AT_SITE.get(basis, frozenset())
    )
    return here or any(actor.may(one, study, None) for one in _STUDY_WIDE.get(basis, frozenset()))


def _holds_anywhere(actor: Actor, study: str, basis: str) -> bool:
    sites = [actor.sites_where(one, study) for one in _AT_SITE.get(basis, frozenset())]
    return any(one is None or one for one in sites) or _holds(actor, study, basis, None)


def _opening(row: Any) -> Opening:
    return Opening(
        row.id,
        row.subject,
        row.kit,
        row.user_id,
        row.basis,
        row.sequence,
        row.opened_at,
        row.ends_at,
        row.told,
    )
