"""What is open to a person: studies, sites, transactions. The menu of every channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from core.access.roles import ROLES, SITE_PERMISSIONS, Actor
from core.db.models import site, study
from core.messages import Labels
from core.study.versions import latest_config
from core.transaction import Channel, Transaction

if TYPE_CHECKING:
    from core.runtime import Core


@dataclass(frozen=True, slots=True)
class SiteRef:
    """A site that a person works for."""

    number: str
    name: str
    zone: str
    status: str


@dataclass(frozen=True, slots=True)
class StudyRef:
    """A study that a person works in. `whole`: also as one who works for the whole study."""

    code: str
    number: str
    title: Labels
    training: bool
    sites: tuple[SiteRef, ...]
    whole: bool


def open_studies(db: Connection, core: Core, actor: Actor) -> tuple[StudyRef, ...]:
    """The studies that exist for this person, each with the sites to choose from, by number.

    Sites are chosen by those who do something at a site; the rest work for the study as a whole.
    """
    query = select(study.c.code, study.c.number, study.c.training).order_by(study.c.number)
    if not any(grant.study is None for grant in actor.grants):
        query = query.where(study.c.code.in_({grant.study for grant in actor.grants}))
    return tuple(
        StudyRef(
            row.code,
            row.number,
            latest_config(db, core, row.code).study.labels,
            row.training,
            _sites(db, actor, row.code),
            _is_whole(actor, row.code),
        )
        for row in db.execute(query).all()
    )


def _works_at_sites(role: str) -> bool:
    return bool(ROLES[role] & SITE_PERMISSIONS)


def _sites(db: Connection, actor: Actor, code: str) -> tuple[SiteRef, ...]:
    mine = [g for g in actor.grants if g.study in (None, code) and _works_at_sites(g.role)]
    if not mine:
        return ()
    query = select(site.c.number, site.c.name, site.c.timezone, site.c.status).where(
        site.c.study == code
    )
    if not any(grant.site is None for grant in mine):
        query = query.where(site.c.number.in_({grant.site for grant in mine}))
    return tuple(SiteRef(*row) for row in db.execute(query.order_by(site.c.number)).all())


def _is_whole(actor: Actor, code: str) -> bool:
    return any(g.study in (None, code) and not _works_at_sites(g.role) for g in actor.grants)


def offered(
    core: Core, db: Connection, actor: Actor, code: str, number: str | None, channel: Channel
) -> tuple[Transaction, ...]:
    """What this person may do there on this channel, and the study has use for; in menu order."""
    from core.register import transactions

    config = latest_config(db, core, code)
    return tuple(
        transaction
        for transaction in transactions()
        if channel in transaction.channels
        and actor.may(transaction.permission, code, number if transaction.site else None)
        and transaction.is_used(config)
    )
