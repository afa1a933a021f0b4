"""People and their roles, as those who look after accounts see them: no secret, no contact."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from core.access.factors import APP, PASSKEY
from core.access.roles import Permission
from core.db.factors import passkey, totp
from core.db.models import grant, person
from core.errors import InvalidInput
from core.facts import is_keyed
from core.messages import Message
from core.sight import PAGE, Page, Sight, page_of, size_of


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A role held from `starts_at` until `ends_at`, at a site or a depot; neither: all of the
    study, study None: the whole installation."""

    id: int
    role: str
    study: str | None
    site: str | None
    depot: str | None
    starts_at: dt.datetime
    ends_at: dt.datetime | None

    def holds(self, now: dt.datetime) -> bool:
        """Whether it is in force: begun, and not ended."""
        return self.starts_at <= now and (self.ends_at is None or self.ends_at > now)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person with the roles of this study, those that ended or will begin included; when the
    person signed in last, on any channel, and the kinds of second factors in use on the web."""

    user_id: str
    name: str
    language: str
    status: str
    grants: tuple[GrantRow, ...]
    signed_in_at: dt.datetime | None = None
    factors: tuple[str, ...] = ()


class PeopleListing(Sight):
    """Who works in a study. Raises NotFound for those who may not see people there."""

    def list_people(
        self,
        *,
        site: str | None = None,
        user_id: str | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> Page[PersonRow]:
        """People by user ID, each with all their roles in the study; `site` keeps those with a
        role there, `user_id` one person."""
        size = size_of(limit)
        held = self._held(site)
        people = select(person).where(person.c.user_id.in_(select(grant.c.user_id).where(*held)))
        if user_id is not None:
            people = people.where(person.c.user_id == user_id)
        if after is not None:
            if not is_keyed(after):
                raise InvalidInput("after", Message("error.page"))
            people = people.where(person.c.user_id > after)
        rows = self.db.execute(people.order_by(person.c.user_id).limit(size + 1)).all()
        shown = [row.user_id for row in rows[:size]]
        grants, factors = self._grants(shown, held), self._factors(shown)
        return page_of(
            rows,
            size,
            lambda row: PersonRow(
                row.user_id,
                row.name,
                row.language,
                row.status,
                grants.get(row.user_id, ()),
                row.signed_in_at,
                tuple(kind for kind, users in factors.items() if row.user_id in users),
            ),
            lambda row: str(row.user_id),
        )

    def _held(self, site: str | None) -> tuple[ColumnElement[bool], ...]:
        """The grants to look at: of this study or of all; those at the sites that one looks
        after, and those that hold at every site."""
        seen = self.sites(Permission.SEE_PEOPLE, site)
        here = or_(grant.c.study == self.study, grant.c.study.is_(None))
        if seen is None:
            return (here,)
        if site is not None:
            return (here, grant.c.site == site)
        return (here, or_(grant.c.site.in_(sorted(seen)), grant.c.site.is_(None)))

    def _factors(self, people: list[Any]) -> dict[str, set[str]]:
        app = select(totp.c.user_id).where(
            totp.c.user_id.in_(people), totp.c.confirmed_at.is_not(None)
        )
        keys = select(passkey.c.user_id).where(passkey.c.user_id.in_(people))
        return {APP: set(self.db.scalars(app)), PASSKEY: set(self.db.scalars(keys))}

    def _grants(
        self, people: list[Any], held: tuple[ColumnElement[bool], ...]
    ) -> dict[str, tuple[GrantRow, ...]]:
        columns = (grant.c[name] for name in GrantRow.__slots__)
        query = (
            select(*columns, grant.c.user_id)
            .where(grant.c.user_id.in_(people), *held)
            .order_by(grant.c.user_id, grant.c.starts_at, grant.c.id)
        )
        rows = self.db.execute(query).all()
        return {
            one: tuple(GrantRow(*row[:-1]) for row in group)
            for one, group in groupby(rows, key=lambda row: row.user_id)
        }
