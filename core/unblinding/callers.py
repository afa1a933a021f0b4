"""Emergency calls that an operator has taken, and the numbers at which a caller is called back.

Only a number on record is called back, never one that the caller gives: the site's own, or an
investigator's registered mobile. The caller's name is sealed: it is no part of the audit trail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, or_, select, update

from core.access.contacts import open_mobile
from core.db.blind import emergency_call
from core.db.models import grant, person, site
from core.facts import Facts
from core.sealed import Keys, Sealed
from core.sites.bulk import phone_about
from core.transaction import Channel
from core.unblinding.failures import failed

if TYPE_CHECKING:
    from core.runtime import Core

LASTS: Final = dt.timedelta(hours=12)
"""For how long a call that was taken may end in a code break: a shift."""
SETTLED: Final = dt.timedelta(days=1)
"""How old a new mobile must be before anybody is called back there."""
NONE_REACHABLE: Final = "none_reachable"
SITE_PHONE: Final = "site"


@dataclass(frozen=True, slots=True)
class OnRecord:
    """A number to call back: `value` is what is answered and kept (site, or a user ID)."""

    value: str
    name: str
    telephone: str = ""


def caller_about(study: str, number: str) -> str:
    """What a caller's name is bound to."""
    return f"{study}|emergency_call|{number}"


def card_about(study: str, number: str) -> str:
    """What the code of a caller's card is bound to."""
    return f"{study}|emergency_call|{number}|card"


def card_of(keys: Keys, row: Any) -> str | None:
    """What is on the sealed card, opened: for the operator who took the call. None: no card."""
    if row.card_code is None:
        return None
    return keys.open(Sealed(row.card_code, card_about(row.study, row.number)))


def caller_of(keys: Keys, row: Any) -> str:
    """The caller's name, opened: for the operator who took the call."""
    return keys.open(Sealed(row.caller, caller_about(row.study, row.number)))


def open_calls(facts: Facts) -> Sequence[Any]:
    """The calls that this operator took and has not closed, of the last hours, newest first."""
    query = (
        select(emergency_call)
        .where(
            emergency_call.c.study == facts.study,
            emergency_call.c.operator == facts.actor.user_id,
            emergency_call.c.outcome.is_(None),
            emergency_call.c.taken_at > facts.now - LASTS,
        )
        .order_by(emergency_call.c.id.desc())
    )
    return facts.db.execute(query.with_for_update() if facts.locking else query).all()


def sweep(core: Core) -> int:
    """Close the calls that can end in a code break no more, and that nobody has closed: each is on
    record and told, for a caller was perhaps left without help. Returns how many there were."""
    now = core.now()
    late = emergency_call.c.outcome.is_(None) & (emergency_call.c.taken_at <= now - LASTS)
    with core.reading() as db:
        rows = db.execute(select(emergency_call).where(late).order_by(emergency_call.c.id)).all()
    for row in rows:
        with core.writing() as db:
            mine = update(emergency_call).where(late, emergency_call.c.id == row.id)
            if db.execute(mine.values(outcome="lapsed", closed_at=now)).rowcount != 1:
                continue  # another worker was there first
            failed(
                *(core, db, row.study, "left_open"), actor=row.operator, channel=Channel.SYSTEM,
                site=row.site, subject=row.subject, deed="break_for_caller", call=row.number,
                at=now,
            )  # fmt: skip
    return len(rows)


def numbers_on_record(
    db: Connection, keys: Keys, study: str, number: str, now: dt.datetime
) -> tuple[OnRecord, ...]:
    """Where a caller from the site of this number may be called back: the site, then its
    investigators."""
    at = db.execute(
        select(site.c.name, site.c.phone).where(site.c.study == study, site.c.number == number)
    ).one_or_none()
    found = []
    if at is not None and at.phone is not None:
        telephone = keys.open(Sealed(at.phone, phone_about(study, number)))
        found.append(OnRecord(SITE_PHONE, at.name, telephone))
    query = (
        select(person.c.user_id, person.c.name, person.c.mobile)
        .join(grant, grant.c.user_id == person.c.user_id)
        .where(
            grant.c.role == "investigator",
            or_(grant.c.study.is_(None), grant.c.study == study),
            or_(grant.c.site.is_(None), grant.c.site == number),
            grant.c.starts_at <= now,
            or_(grant.c.ends_at.is_(None), grant.c.ends_at > now),
            person.c.status.in_(("active", "locked")),
            person.c.mobile.is_not(None),
            or_(person.c.mobile_set_at.is_(None), person.c.mobile_set_at <= now - SETTLED),
        )
        .distinct()
        .order_by(person.c.user_id)
    )
    for row in db.execute(query):
        found.append(OnRecord(row.user_id, row.name, open_mobile(keys, row.user_id, row.mobile)))
    return tuple(found)
