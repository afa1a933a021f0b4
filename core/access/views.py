"""What signed-in people looked at, on pages and by the API: who saw what, when.

A reading is one short row of a stream of its own, written before the answer leaves, so that it
never waits for the chain. One entry seals the rows of a session in each study's ledger when the
session ends, with their number and the SHA-256 of them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, bindparam, func, insert, or_, select, update

from core.access.roles import Permission
from core.access.sessions import IDLE, LIFETIME
from core.db.models import person, subject
from core.db.prepared import Prepared
from core.db.records import page_view
from core.errors import NotFound
from core.facts import is_keyed
from core.ledger.append import append_system
from core.sight import PAGE, Page, Sight, after_number, page_of, size_of

if TYPE_CHECKING:
    from core.runtime import Core

EVENT: Final = "pages_read"
"""The name in the ledger of the entry that seals a session's readings."""
SEALED_AT_ONCE: Final = 200
OF_CHARACTERS_MAX: Final = 40
_OF_LOTS: Final = frozenset({"lot", "trace", "packaging_list"})
"""Readings of a lot: which one it was is told to nobody, a lot can tell a treatment."""
_DIGESTED: Final = ("at", "user_id", "channel", "what", "of", "subject")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at: the kind of page, the number of its thing, the subject that it is about
    where there is one."""

    what: str
    of: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A reading. `sealed` is the entry of the study's ledger that seals it, None before that."""

    id: int
    at: dt.datetime
    user_id: str
    name: str | None
    channel: str
    what: str
    of: str | None
    subject: str | None
    sealed: int | None


_note = Prepared(
    insert(page_view).values(
        {one.name: bindparam(one.name) for one in page_view.c if one.name not in ("id", "sealed")}
    )
)


def note(
    core: Core, session: str, user_id: str, channel: str, study: str | None, seen: Seen
) -> None:
    """Put a reading on record, before it is shown. `session` is the digest of the browser's
    session, or a name for the API's token or for whoever reads by the command; `study` None is
    what belongs to no study."""
    row = {
        "session": session,
        "at": core.now(),
        "user_id": user_id,
        "channel": channel,
        "study": study,
        "what": seen.what,
        "of": seen.of,
        "subject": seen.subject,
    }
    with core.writing() as db:
        _note.run(db, row)


def seal(core: Core, session: str) -> int:
    """Seal what was looked at in a session: an entry for each study. Returns how many entries."""
    query = select(page_view.c.study).where(page_view.c.sealed.is_(None))
    with core.reading() as db:
        found = set(db.scalars(query.where(page_view.c.session == session).distinct()))
    return sum(_seal(core, session, study) for study in sorted(found, key=lambda one: one or ""))


def _seal(core: Core, session: str, study: str | None) -> bool:
    """Seal the rows of a session in one study, in a database transaction of its own: whoever locks
    the heads of two chains has to lock them in one order. False if another was first."""
    mine = page_view.c.sealed.is_(None) & (page_view.c.session == session)
    query = select(page_view).where(mine, page_view.c.study.is_not_distinct_from(study))
    with core.writing() as db:
        rows = db.execute(query.order_by(page_view.c.id).with_for_update()).all()
        if not rows:
            return False
        facts = {
            "session": session,
            "pages": len(rows),
            "digest": digest(rows),
            "since": rows[0].at,
            "until": rows[-1].at,
        }
        who, channel = rows[0].user_id, rows[0].channel
        sequence = append_system(db, core, study, EVENT, facts, actor=who, channel=channel)
        sealing = update(page_view).where(page_view.c.id == bindparam("row"))
        db.execute(sealing.values(sealed=sequence), [{"row": row.id} for row in rows])
    return True


def digest(rows: Sequence[Any]) -> str:
    """The SHA-256 of readings in the order of their ids, as their entry has it: rows of the table
    `page_view`, or of these columns of it."""
    text = json.dumps([[_plain(getattr(row, name)) for name in _DIGESTED] for row in rows])
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


def sweep(core: Core) -> int:
    """Seal the sessions that are over without a word: nothing was looked at for as long as a
    session may be idle, or one has lasted as long as it may. Returns how many entries."""
    now = core.now()
    over = (
        select(page_view.c.session)
        .where(page_view.c.sealed.is_(None))
        .group_by(page_view.c.session)
        .having(
            or_(
                func.max(page_view.c.at) < now - IDLE,
                func.min(page_view.c.at) < now - LIFETIME,
            )
        )
        .limit(SEALED_AT_ONCE)
    )
    with core.reading() as db:
        sessions = list(db.scalars(over))
    return sum(seal(core, session) for session in sessions)


class ViewsListing(Sight):
    """Who looked at what in one study. Raises NotFound for those who see no ledger there. People
    of some sites see who looked at the subjects that are there, and what they looked at
    themselves; those who see the ledger of the whole study see it all."""

    def list_views(
        self,
        *,
        subject_number: str | None = None,
        user_id: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> Page[ViewRow]:
        """The readings that fit, the newest first; `since` is inclusive, `until` exclusive."""
        size = size_of(limit)
        query = (
            select(page_view, person.c.name)
            .select_from(page_view.outerjoin(person, person.c.user_id == page_view.c.user_id))
            .where(page_view.c.study == self.study, *self._seen(subject_number))
            .where(*self._when(since, until))
        )
        if user_id is not None:
            query = query.where(page_view.c.user_id == user_id)
        if after is not None:
            query = query.where(page_view.c.id < after_number(after))
        rows = self.db.execute(query.order_by(page_view.c.id.desc()).limit(size + 1)).all()
        return page_of(rows, size, _row, lambda row: str(row.id))

    def _seen(self, number: str | None) -> tuple[ColumnElement[bool], ...]:
        sites = self.sites(Permission.SEE_LEDGER)
        here = select(subject.c.number).where(subject.c.study == self.study)
        if sites is not None:
            here = here.where(subject.c.site.in_(sorted(sites)))
        if number is not None:
            one = here.where(subject.c.number == number)
            if not is_keyed(number) or self.db.scalar(one) is None:
                raise NotFound
            return (page_view.c.subject == number,)
        if sites is None:
            return ()
        mine = page_view.c.user_id == self.actor.user_id
        return (or_(mine, page_view.c.subject.in_(here)),)

    def _when(
        self, since: dt.datetime | None, until: dt.datetime | None
    ) -> tuple[ColumnElement[bool], ...]:
        found: list[ColumnElement[bool]] = []
        if since is not None:
            found.append(page_view.c.at >= since)
        if until is not None:
            found.append(page_view.c.at < until)
        return tuple(found)


def _row(row: Any) -> ViewRow:
    of = None if row.what in _OF_LOTS else row.of
    return ViewRow(
        row.id,
        row.at,
        row.user_id,
        row.name,
        row.channel,
        row.what,
        of,
        row.subject,
        row.sealed,
    )
