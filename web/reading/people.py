"""People and their roles: who may do what since when, and until when."""

from __future__ import annotations

from flask import Blueprint, url_for

from core.access.listing import PeopleListing
from core.access.roles import ROLES, Permission
from core.errors import NotFound
from core.messages import Message
from web.reading.common import Link, after, chosen, first, look, show
from web.session import current, signed_in
from web.words import say, t

PERSON_STATES = {
    "invited": "web.person.invited",
    "active": "web.person.active",
    "locked": "web.person.locked",
    "disabled": "web.person.disabled",
}
_DEEDS = (
    (Permission.RESET, "send_code", "web.person.send_code"),
    (Permission.RESET, "change_mobile_for", "web.person.change_mobile"),
    (Permission.RESET, "reset_factors", "web.person.reset_factors"),
    (Permission.LOCK, "lock_person", "web.person.lock"),
)
"""What is done for, or to, a person, and who may do it."""


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/people", "people", signed_in(all_people))
    pages.add_url_rule("/people/<user_id>", "person", signed_in(one_person))


def role_words(role: str) -> str:
    """A role's name."""
    return say(Message(f"word.role_{role}")) if role in ROLES else role


def all_people() -> str:
    """The people of the study with the roles held now."""
    page = look(PeopleListing).list_people(site=chosen("site"), after=chosen("after"))
    return show(
        "people",
        t("web.menu.people"),
        page=page,
        after=after(page),
        first=first(),
        role=role_words,
        states=PERSON_STATES,
        now=current().now,
        chosen=chosen,
        may_grant=_may_grant(),
    )


def one_person(user_id: str) -> str:
    """A person with all roles in the study, those that have ended too."""
    page = look(PeopleListing).list_people(user_id=user_id)
    if not page.rows:
        raise NotFound
    (found,) = page.rows
    return show(
        "person",
        t("web.person.title", name=found.name, user_id=user_id),
        Link(t("web.menu.people"), url_for("reading.people")),
        person=found,
        role=role_words,
        state=t(PERSON_STATES[found.status]),
        now=current().now,
        may_grant=_may_grant(),
        deeds=[(name, text) for permission, name, text in _DEEDS if _may(permission)],
        study=current().study.code,
        sees_ledger=look(PeopleListing).may(Permission.SEE_LEDGER),
    )


def _may_grant() -> bool:
    return _may(Permission.USERS)


def _may(permission: Permission) -> bool:
    me = current()
    return me.actor.may(permission, me.study.code, None)
