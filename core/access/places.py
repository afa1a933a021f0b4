"""Where a person works: one study, and one of its sites or the study as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from core.access.openings import SiteRef, StudyRef, offered, open_studies
from core.access.roles import Actor
from core.messages import Labels
from core.register import transactions
from core.transaction import Channel, Transaction

if TYPE_CHECKING:
    from core.runtime import Core


@dataclass(frozen=True, slots=True)
class Place:
    """A study and a site of it; no site is the study as a whole."""

    study: StudyRef
    site: SiteRef | None

    @property
    def number(self) -> str | None:
        """The site's number; None is the study as a whole."""
        return self.site.number if self.site is not None else None

    @property
    def zone(self) -> str:
        """The time zone that days are told in."""
        return self.site.zone if self.site is not None else "UTC"


def list_studies(db: Connection, core: Core, actor: Actor) -> tuple[StudyRef, ...]:
    """The studies that are open to a person, and those that wait for their first version."""
    published = open_studies(db, core, actor)
    known = {study.code for study in published}
    waiting = {g.study for g in actor.grants if g.study is not None} - known
    return (*published, *(unpublished(code) for code in sorted(waiting)))


def unpublished(code: str) -> StudyRef:
    """A study of which nothing has been published yet: only its code is known."""
    return StudyRef(code, "", Labels((("en", code),)), training=False, sites=(), whole=True)


def is_founder(actor: Actor) -> bool:
    """Whether the person works for every study, those that do not exist yet included."""
    return any(grant.study is None for grant in actor.grants)


def find_place(
    studies: Sequence[StudyRef], study: str | None, site: str | None, *, founder: bool = False
) -> Place | None:
    """The place of these codes, if it is one of this person's."""
    for one in studies:
        if one.code == study:
            if site is None:
                return Place(one, None) if one.whole or not one.sites else None
            found = [here for here in one.sites if here.number == site]
            return Place(one, found[0]) if found else None
    return Place(unpublished(study), None) if founder and study and site is None else None


def only_place(studies: Sequence[StudyRef]) -> Place | None:
    """The place of someone who has no choice."""
    if len(studies) != 1:
        return None
    (one,) = studies
    if len(one.sites) + one.whole > 1:
        return None
    return Place(one, one.sites[0] if one.sites else None)


def deeds_at(
    db: Connection, core: Core, actor: Actor, place: Place, channel: Channel
) -> tuple[Transaction, ...]:
    """What may be done there on this channel, in menu order. Where a site has to be chosen first
    for a deed, it is left out."""
    if not place.study.number:
        return tuple(
            one
            for one in transactions()
            if one.bare
            and channel in one.channels
            and actor.may(one.permission, place.study.code, None)
        )
    number = place.site.number if place.site else None
    return tuple(
        one
        for one in offered(core, db, actor, place.study.code, number, channel)
        if number is not None or not one.site
    )
