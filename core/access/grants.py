"""Roles given and taken back: who may do what, from when, until when; in advance, too."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from core.access.administer import AT_DEPOT
from core.access.roles import ROLES, Permission
from core.context import Context
from core.db.models import grant, person, site
from core.errors import Refused
from core.facts import Facts, Record, zone_of
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.transaction import Answers, Channel, Choice, Kind, Outcome, Question, Transaction

_CHANNELS: Final = frozenset({Channel.COMMAND, Channel.WEB, Channel.API})
USER_MAX: Final = 10**9 - 1
GRANTED: Final = tuple(role for role in ROLES if role != "administrator")
"""An administrator is made when the installation is."""


class OwnRole(Refused):
    """Nobody gives a role to themselves, or takes one of their own back."""

    code = "own_role"


class RoleHeld(Refused):
    """The person holds that role there already."""

    code = "role_held"


class RoleEnded(Refused):
    """The role was taken back already."""

    code = "role_ended"


def _check_known(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    query = select(person.c.user_id).where(person.c.user_id == str(value))
    if facts.db.execute(query).first() is None:
        return Message("error.person_unknown", {"number": Digits(str(value))})
    if str(value) == facts.actor.user_id:
        raise OwnRole
    return None


def _roles(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), role, Message(f"word.role_{role}"))
        for place, role in enumerate(GRANTED, start=1)
    )


def _is_at_site(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("role") != AT_DEPOT


def _is_at_depot(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("role") == AT_DEPOT and bool(config.depots)


def _depots(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            str(place),
            depot.code,
            Message("choice.depot", {"name": depot.name, "depot": Digits(depot.code)}),
        )
        for place, depot in enumerate(config.depots, start=1)
    )


def grant_questions(config: StudyConfig) -> tuple[Question, ...]:
    """To whom, which role, at which site or depot (left out: the whole study), and from which day
    up to and including which (left out: from now, until it is ended)."""
    return (
        Question("user_id", Kind.NUMBER, check=_check_known, low=1, high=USER_MAX),
        Question("role", Kind.CHOICE, choices=_roles),
        Question("to_site", Kind.SITE, when=_is_at_site, digits=(1, 11), optional=True),
        Question("to_depot", Kind.CHOICE, when=_is_at_depot, choices=_depots, optional=True),
        Question("starts_on", Kind.DATE, check=_check_start, optional=True),
        Question("ends_on", Kind.DATE, check=_check_end, optional=True),
    )


def _check_start(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """A delegation is never back-dated."""
    return _problem(value, _today(facts, answers))


def _check_end(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    first = answers.get("starts_on")
    if isinstance(first, dt.date) and value < first:
        return Message("error.ends_before", {"date": value, "first": first})
    return _problem(value, _today(facts, answers))


def _problem(value: dt.date, today: dt.date) -> Message | None:
    return Message("error.date_past", {"date": value, "today": today}) if value < today else None


def _today(facts: Facts, answers: Answers) -> dt.date:
    return facts.now.astimezone(_zone(facts, answers)).date()


def _zone(facts: Facts, answers: Answers) -> ZoneInfo:
    """Days begin and end where the person works."""
    where = (site.c.study == facts.study) & (site.c.number == answers.get("to_site"))
    return zone_of(facts.db.scalar(select(site.c.timezone).where(where)) or "UTC")


def _times(context: Context, answers: Answers) -> tuple[dt.datetime, dt.datetime | None]:
    """From when, until when (exclusive), UTC."""
    zone, starts, ends = _zone(context.facts, answers), context.now, None
    if isinstance(first := answers.get("starts_on"), dt.date):
        starts = max(starts, dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC))
    if isinstance(last := answers.get("ends_on"), dt.date):
        after = last + dt.timedelta(days=1)
        ends = dt.datetime.combine(after, dt.time(), zone).astimezone(dt.UTC)
    return starts, ends


def run_grant(context: Context, answers: Answers) -> Outcome:
    """The role holds in that time. Raises RoleHeld for one held in some of it."""
    user_id, role = str(answers["user_id"]), str(answers["role"])
    at_site = str(answers["to_site"]) if "to_site" in answers else None
    depot = str(answers["to_depot"]) if "to_depot" in answers else None
    starts, ends = _times(context, answers)
    # The person's row is the lock: the same role given twice at once is given once.
    context.db.execute(
        select(person.c.user_id).where(person.c.user_id == user_id).with_for_update()
    )
    held = select(grant.c.id).where(
        grant.c.user_id == user_id,
        grant.c.role == role,
        grant.c.study == context.study,
        grant.c.site.is_(None) if at_site is None else grant.c.site == at_site,
        grant.c.depot.is_(None) if depot is None else grant.c.depot == depot,
        grant.c.ends_at.is_(None) | (grant.c.ends_at > starts),
        *(() if ends is None else (grant.c.starts_at < ends,)),
    )
    if context.db.execute(held.limit(1)).first() is not None:
        raise RoleHeld(user_id=Digits(user_id), role=Message(f"word.role_{role}"))
    context.db.execute(
        insert(grant),
        {
            "user_id": user_id,
            "role": role,
            "study": context.study,
            "site": at_site,
            "depot": depot,
            "starts_at": starts,
            "ends_at": ends,
        },
    )
    facts = {
        "user_id": user_id,
        "role": role,
        "site": at_site,
        "depot": depot,
        "starts_at": starts.isoformat(),
        "ends_at": ends.isoformat() if ends else None,
    }
    return Outcome(_said("said.grant_role", user_id, role), facts)


def _find(facts: Facts, number: int, *, locking: bool = False) -> Record | None:
    query = select(grant).where(grant.c.id == number, grant.c.study == facts.study)
    found = facts.db.execute(query.with_for_update() if locking else query).one_or_none()
    return found


def _check_held(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    found = _find(facts, value)
    if found is None:
        return Message("error.grant_unknown", {"number": value})
    _check_may_end(facts, found)
    return None


def _check_may_end(facts: Facts, found: Record) -> None:
    if found.user_id == facts.actor.user_id:
        raise OwnRole
    if found.ends_at is not None and found.ends_at <= facts.now:
        raise RoleEnded


def end_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which grant, by the number that the list of people gives it."""
    return (Question("grant", Kind.NUMBER, check=_check_held, low=1, high=USER_MAX),)


def run_end(context: Context, answers: Answers) -> Outcome:
    """The role ends now, or never begins; what was done with it stays. Raises RoleEnded."""
    found: Any = _find(context.facts, int(str(answers["grant"])), locking=True)
    _check_may_end(context.facts, found)
    context.db.execute(update(grant).where(grant.c.id == found.id).values(ends_at=context.now))
    facts = {
        "user_id": found.user_id,
        "role": found.role,
        "site": found.site,
        "depot": found.depot,
        "starts_at": found.starts_at.isoformat(),
    }
    return Outcome(_said("said.end_role", found.user_id, found.role), facts)


def _said(id_: str, user_id: str, role: str) -> Message:
    return Message(id_, {"user_id": Digits(user_id), "role": Message(f"word.role_{role}")})


GRANT_ROLE = Transaction(
    "grant_role",
    "",
    Permission.USERS,
    grant_questions,
    run_grant,
    _CHANNELS,
    site=False,
)
END_ROLE = Transaction(
    "end_role",
    "",
    Permission.USERS,
    end_questions,
    run_end,
    _CHANNELS,
    site=False,
)
