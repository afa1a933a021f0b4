"""Where people and sites are reached: sealed, and found only by a keyed token or by name."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, func, or_, select

from core.access.secrets import KEPT
from core.db.models import grant, person, study, telephone
from core.errors import IntegrityBreach
from core.sealed import Keys, Sealed

MAIN_LINE: Final = "main"


def seal_mobile(keys: Keys, user_id: str, number: str) -> bytes:
    """The mobile (E.164) as it is kept in `person.mobile`."""
    return keys.seal(mobile_about(user_id), number).token


def seal_email(keys: Keys, user_id: str, address: str) -> bytes:
    """The e-mail address as it is kept in `person.email`."""
    return keys.seal(email_about(user_id), address).token


def mobile_token(keys: Keys, number: str) -> str:
    """What `person.mobile_token` holds, to find who has this number (E.164)."""
    return keys.mac("mobile", number)


def keep_number(keys: Keys, study: str, number: str) -> str:
    """A mobile (E.164) as it waits in a proposal of the study for a second person: sealed."""
    token = keys.seal(f"proposal|{study}|mobile", number).token
    return KEPT + base64.urlsafe_b64encode(token).decode()


def open_number(keys: Keys, study: str, kept: str) -> str:
    """The number that `keep_number` sealed. Raises IntegrityBreach if it did not seal this."""
    try:
        token = base64.urlsafe_b64decode(kept.removeprefix(KEPT))
    except ValueError as broken:
        raise IntegrityBreach from broken
    return keys.open(Sealed(token, f"proposal|{study}|mobile"))


def open_mobile(keys: Keys, user_id: str, kept: bytes) -> str:
    """The mobile of `person.mobile`, E.164."""
    return keys.open(Sealed(kept, mobile_about(user_id)))


def email_about(user_id: str) -> str:
    """What a person's e-mail address is bound to."""
    return f"person|{user_id}|email"


def mobile_about(user_id: str) -> str:
    """What a person's mobile is bound to."""
    return f"person|{user_id}|mobile"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person to whom something can be sent; number and address are still sealed, if there are
    any."""

    user_id: str
    language: str
    mobile: Sealed | None
    email: Sealed | None


def find_recipient(db: Connection, user_id: str) -> Recipient | None:
    """Where the person is reached; None for an unknown or disabled one."""
    row = db.execute(
        select(person.c.language, person.c.mobile, person.c.email).where(
            person.c.user_id == user_id, person.c.status != "disabled"
        )
    ).one_or_none()
    if row is None:
        return None
    mobile = Sealed(row.mobile, mobile_about(user_id)) if row.mobile else None
    email = Sealed(row.email, email_about(user_id)) if row.email else None
    return Recipient(user_id, row.language, mobile, email)


def people_at(db: Connection, token: str) -> list[str]:
    """User IDs of the active people whose registered mobile it is, by its keyed token."""
    found = select(person.c.user_id).where(
        person.c.mobile_token == token, person.c.status == "active"
    )
    return list(db.scalars(found.order_by(person.c.user_id)))


def works_in_several(db: Connection, user_id: str, now: dt.datetime) -> bool:
    """Whether the person works in more than one study, and has to be told which."""
    mine = (
        (grant.c.user_id == user_id)
        & (grant.c.starts_at <= now)
        & or_(grant.c.ends_at.is_(None), grant.c.ends_at > now)
    )
    named, everywhere = db.execute(
        select(
            func.count(grant.c.study.distinct()),
            func.count().filter(grant.c.study.is_(None)),
        ).where(mine)
    ).one()
    if everywhere:
        named = db.scalar(select(func.count()).select_from(study)) or 0
    return int(named) > 1


def is_training(db: Connection, code: str) -> bool:
    """Whether everything in the study is practice."""
    return bool(db.scalar(select(study.c.training).where(study.c.code == code)))


def list_holders(
    db: Connection,
    roles: Sequence[str],
    study: str | None,
    site: str | None,
    now: dt.datetime,
    depot: str | None = None,
    *,
    by_mail: bool = False,
) -> list[str]:
    """User IDs of those who hold any of the roles now and can be reached, by SMS or by e-mail, in
    order.

    With a site: there or over the whole study; without one: anywhere in the study; without a study,
    whoever holds the role anywhere, since it is about the installation. With a depot: of those who
    work at depots those of this one.
    """
    places = []
    reached = person.c.email if by_mail else person.c.mobile
    if study is not None:
        places.append(or_(grant.c.study.is_(None), grant.c.study == study))
    if site is not None:
        places.append(or_(grant.c.site.is_(None), grant.c.site == site))
    if depot is not None:
        places.append(or_(grant.c.depot.is_(None), grant.c.depot == depot))
    found = db.scalars(
        select(person.c.user_id)
        .join(grant, grant.c.user_id == person.c.user_id)
        .where(
            grant.c.role.in_(roles),
            grant.c.starts_at <= now,
            or_(grant.c.ends_at.is_(None), grant.c.ends_at > now),
            and_(person.c.status == "active", reached.is_not(None)),
            *places,
        )
        .distinct()
        .order_by(person.c.user_id)
    )
    return list(found)


def find_sender(db: Connection, study: str | None, otherwise: str) -> str | None:
    """The number that messages come from: the study's main line, the installation's own
    (`otherwise`, may be empty), or the first main line there is; None before there is any."""
    numbers = select(telephone.c.number).where(telephone.c.line == MAIN_LINE)
    first = numbers.order_by(telephone.c.number).limit(1)
    own = db.scalar(first.where(telephone.c.study == study)) if study is not None else None
    return own or otherwise or db.scalar(first)
