"""Roles and what they may do, by study and site (the table of docs/ROLES.md, once)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, or_, select

from core.db.models import grant, person
from core.db.prepared import Prepared
from core.errors import NotFound


class Permission(StrEnum):
    """What a transaction asks of the person who does it."""

    PERSONAL = "personal"  # one's own PIN, one's own last confirmation: everyone
    SUBJECTS = "subjects"  # screen, randomize, visits, ends
    DRUG = "drug"  # dispense, replace, confirm hand-over
    STOCK = "stock"  # receive, damaged or missing
    CORRECTIONS = "corrections"  # to sign what was wrong about a subject
    CODE_BREAK = "code_break"
    CODE_VIEW = "code_view"  # to read a treatment for safety, which changes nothing for the subject
    OPERATE = "operate"  # to break a code for a caller who was identified
    UNBLIND = "unblind"  # one of the two who open the treatments of the study, as planned
    SEE_BREAKS = "see_breaks"  # that codes were broken, by whom and why: never what was read
    ASSESS = "assess"  # to say what a code break means for the study
    REVIEW = "review"  # to look over the audit trail
    CLOSE_OUT = "close_out"  # to sign that a site is settled, or what is not
    SITES = "sites"  # activate, pause, close, approve a version, move a subject
    PUBLISH = "publish"
    SUPPLY = "supply"  # lots, kits, shipments
    DISPATCH = "dispatch"
    QUARANTINE = "quarantine"  # to put kits aside anywhere, until quality decides
    QUALITY = "quality"
    DEVIATIONS = "deviations"  # to approve what a site says went wrong with a kit
    VERIFY = "verify"  # to count what was returned, before it is destroyed
    LISTS = "lists"
    ACTIVATE = "activate"  # to be the second person who opens a list
    ESCROW = "escrow"  # to hold one of the two halves of the seed
    COHORTS = "cohorts"  # to decide what follows a cohort of a dose escalation
    HOLDS = "holds"  # to stop screening, randomization or dispensing, and let it go on
    USERS = "users"  # accounts and roles of a study
    RESET = "reset"
    LOCK = "lock"  # to lock a person out at once: unlocking takes a code to the person's own mobile
    APPROVE = "approve"  # to see and decide proposals; each proposal names the permission it takes
    SEE_SUBJECTS = "see_subjects"  # subjects, their visits and kits
    SEE_STOCK = "see_stock"  # kits of a site
    SEE_SHIPMENTS = "see_shipments"  # shipments and the numbers in them
    SEE_LEDGER = "see_ledger"  # who did what: never without sight of the subjects
    SEE_PEOPLE = "see_people"  # accounts and roles, never a secret or a contact
    SEE_VERSIONS = "see_versions"  # study files: they tell block sizes, so not at sites


_SUPPLY_SEEN = frozenset({Permission.SEE_STOCK, Permission.SEE_SHIPMENTS})
_SEEN = _SUPPLY_SEEN | {Permission.SEE_SUBJECTS, Permission.SEE_LEDGER, Permission.SEE_BREAKS}
_OFFICE_SEEN = frozenset({Permission.SEE_PEOPLE, Permission.SEE_VERSIONS})
_LIST_KEEPERS = frozenset({Permission.ACTIVATE, Permission.ESCROW, Permission.APPROVE})
_SITE = _SEEN | {Permission.SUBJECTS, Permission.DRUG, Permission.STOCK}

ROLES: Final[Mapping[str, frozenset[Permission]]] = {
    "investigator": _SITE | {Permission.CORRECTIONS, Permission.CODE_BREAK, Permission.APPROVE},
    "coordinator": _SITE,
    "pharmacist": _SITE | {Permission.APPROVE},
    "unblinded_pharmacist": _SEEN | {Permission.DRUG, Permission.STOCK, Permission.APPROVE},
    "monitor": (
        _SEEN
        | {Permission.DEVIATIONS, Permission.VERIFY, Permission.APPROVE}
        | {Permission.ASSESS, Permission.REVIEW, Permission.CLOSE_OUT}
    ),
    "study_manager": (
        _SEEN
        | _OFFICE_SEEN
        | _LIST_KEEPERS
        | {Permission.SITES, Permission.PUBLISH, Permission.COHORTS}
        | {Permission.HOLDS, Permission.USERS, Permission.LOCK}
        | {Permission.UNBLIND, Permission.ASSESS, Permission.REVIEW}
    ),
    "supply_manager": (
        _SUPPLY_SEEN
        | {Permission.SUPPLY, Permission.DISPATCH, Permission.QUARANTINE, Permission.APPROVE}
    ),
    "depot": frozenset(
        {Permission.DISPATCH, Permission.QUARANTINE, Permission.APPROVE, Permission.SEE_SHIPMENTS}
    ),
    "quality": _SUPPLY_SEEN | {Permission.QUARANTINE, Permission.QUALITY, Permission.APPROVE},
    "statistician": _LIST_KEEPERS | {Permission.LISTS, Permission.SEE_VERSIONS, Permission.UNBLIND},
    "safety": frozenset({Permission.CODE_VIEW, Permission.SEE_BREAKS}),
    "emergency_operator": frozenset({Permission.OPERATE, Permission.SEE_BREAKS}),
    "helpdesk": frozenset({Permission.RESET, Permission.LOCK, Permission.SEE_PEOPLE}),
    "auditor": _SEEN | _OFFICE_SEEN | {Permission.REVIEW},
    "administrator": frozenset({Permission.USERS, Permission.LOCK, Permission.SEE_PEOPLE}),
}
_NIGHTLY: Final = "nightly"
_HELD: Final = {**ROLES, _NIGHTLY: frozenset({Permission.SUPPLY})}
"""With the role of `SYSTEM`, which nobody can be given."""
UNBLINDED: Final = frozenset(
    {"unblinded_pharmacist", "supply_manager", "depot", "quality", "statistician", "safety"}
)
SITE_PERMISSIONS: Final = frozenset(
    {Permission.SUBJECTS, Permission.DRUG, Permission.STOCK, Permission.CODE_BREAK}
)
_ANYWHERE: Final = frozenset(
    {Permission.PERSONAL, Permission.APPROVE, Permission.VERIFY, Permission.ASSESS}
    | {Permission.REVIEW, Permission.CLOSE_OUT}
)
"""Held for the study as a whole by a role at one site too: a proposal, a kit to be verified, a code
break to be assessed, and a site to be looked over or closed, says by itself where it belongs."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, in one study or all (None), at one site or all of the study (None); with `depot` at
    that depot, and at no site."""

    role: str
    study: str | None
    site: str | None
    depot: str | None = None

    def covers(self, permission: Permission, study: str | None, site: str | None) -> bool:
        """Whether this grant gives `permission` there; `site` None is the study as a whole."""
        if permission is not Permission.PERSONAL and permission not in _HELD[self.role]:
            return False
        if self.study is not None and self.study != study:
            return False
        return self.site is None or self.site == site or (site is None and permission in _ANYWHERE)


@dataclass(frozen=True)
class Actor:
    """A person who has signed in, with the grants in force at that moment."""

    user_id: str
    name: str
    language: str
    status: str
    grants: tuple[Grant, ...] = field(default=())

    def may(self, permission: Permission, study: str | None, site: str | None) -> bool:
        """Whether any grant gives `permission` in that study, at that site."""
        return any(grant.covers(permission, study, site) for grant in self.grants)

    def sees_study(self, study: str) -> bool:
        """Whether the study exists for this person."""
        return any(grant.study in (None, study) for grant in self.grants)

    def sees_site(self, study: str, site: str) -> bool:
        """Whether the site exists for this person."""
        return any(g.study in (None, study) and g.site in (None, site) for g in self.grants)

    def sites_where(self, permission: Permission, study: str) -> frozenset[str] | None:
        """The numbers of the sites at which a grant gives `permission`; None: all of them."""
        held = [g.site for g in self._giving(permission, study) if g.depot is None]
        return None if None in held else frozenset(site for site in held if site is not None)

    def depots_where(self, permission: Permission, study: str) -> frozenset[str] | None:
        """The codes of the depots at which a grant gives `permission`; None: all of them."""
        held = [g.depot for g in self._giving(permission, study) if g.site is None]
        return None if None in held else frozenset(depot for depot in held if depot is not None)

    def _giving(self, permission: Permission, study: str) -> tuple[Grant, ...]:
        return tuple(
            g for g in self.grants if g.study in (None, study) and permission in _HELD[g.role]
        )

    def roles_at(self, study: str, site: str | None) -> frozenset[str]:
        """The roles held there."""
        return frozenset(
            g.role for g in self.grants if g.study in (None, study) and g.site in (None, site)
        )


SYSTEM: Final = Actor("system", "IxRS", "en", "active", (Grant(_NIGHTLY, None, None),))
"""Who does the nightly work. No person: user IDs are digits, so nobody can sign in as it."""


_person = Prepared(
    select(
        person.c.user_id,
        person.c.name,
        person.c.language,
        person.c.status,
        grant.c.role,
        grant.c.study,
        grant.c.site,
        grant.c.depot,
    )
    .select_from(
        person.outerjoin(
            grant,
            (grant.c.user_id == person.c.user_id)
            & (grant.c.starts_at <= bindparam("now"))
            & or_(grant.c.ends_at.is_(None), grant.c.ends_at > bindparam("now")),
        )
    )
    .where(person.c.user_id == bindparam("user_id"))
)


def load_actor(db: Connection, user_id: str, now: dt.datetime) -> Actor:
    """The person with the grants in force now; SYSTEM has no row. Raises NotFound for an unknown,
    disabled or locked one."""
    if user_id == SYSTEM.user_id:
        return SYSTEM
    rows = _person.all(db, {"user_id": user_id, "now": now})
    if not rows or rows[0].status in ("disabled", "locked"):
        raise NotFound
    first = rows[0]
    grants = tuple(
        Grant(row.role, row.study, row.site, row.depot) for row in rows if row.role in ROLES
    )
    return Actor(first.user_id, first.name, first.language, first.status, grants)
