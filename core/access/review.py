"""The periodic look over who has access, signed: people, roles, last sign-ins, second factors."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from core.access.listing import GrantRow, PeopleListing, PersonRow
from core.access.roles import Permission
from core.context import Context
from core.facts import Facts
from core.messages import Message, Param
from core.records.reviews import ACCESS
from core.sight import PAGE_MAX
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK
from core.subjects.status import REASON_CHARACTERS_MAX
from core.transaction import Answers, Choice, Kind, Outcome, Question, Reviewed, Transaction

VERDICTS: Final = ("right", "changed", "to_change")
_IDLE_DAYS: Final = 90


def _verdicts(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.access_{value}"))
        for place, value in enumerate(VERDICTS, start=1)
    )


def _is_wrong(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("access_verdict") != "right"


def _questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whether everybody has the access that they should have, and what was found otherwise."""
    return (
        Question("access_verdict", Kind.CHOICE, choices=_verdicts),
        Question("findings", Kind.TEXT, when=_is_wrong, high=REASON_CHARACTERS_MAX),
    )


def _told(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What is signed for: how many people and roles, and how many have long not been here."""
    return (Message("warn.access", _counts(facts, _people(facts))),)


def _people(facts: Facts) -> list[PersonRow]:
    """Everybody who holds, held or will hold a role in the study."""
    listing = PeopleListing(facts.core, facts.db, facts.actor, facts.study)
    found: list[PersonRow] = []
    after = None
    while True:
        page = listing.list_people(after=after, limit=PAGE_MAX)
        found.extend(page.rows)
        after = page.next
        if after is None:
            return found


def _counts(facts: Facts, people: list[PersonRow]) -> dict[str, Param]:
    now = facts.now
    held = [one for one in people if any(grant.holds(now) for grant in one.grants)]
    idle = [
        one
        for one in held
        if one.signed_in_at is None or (now - one.signed_in_at).days >= _IDLE_DAYS
    ]
    roles = sum(grant.holds(now) for one in people for grant in one.grants)
    return {"people": len(held), "roles": roles, "idle": len(idle), "days": _IDLE_DAYS}


def _run(context: Context, answers: Answers) -> Outcome:
    """Keep the review with the digest of the list that it was about."""
    people = _people(context.facts)
    counts = _counts(context.facts, people)
    facts: dict[str, Any] = {
        "people": counts["people"],
        "roles": counts["roles"],
        "idle": counts["idle"],
        "list_sha256": _digest(people),
        "access_verdict": answers["access_verdict"],
        "findings": answers.get("findings"),
    }
    said = Message("said.review_access", counts)
    return Outcome(said, facts, review=Reviewed(ACCESS, context.facts.today))


def _digest(people: list[PersonRow]) -> str:
    """Over user ID, account and each role with its days, in the list's order."""
    rows = [[one.user_id, one.status, [_columns(each) for each in one.grants]] for one in people]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _columns(held: GrantRow) -> list[str | None]:
    until = held.ends_at.isoformat() if held.ends_at else None
    return [held.role, held.study, held.site, held.depot, held.starts_at.isoformat(), until]


REVIEW_ACCESS = Transaction(
    "review_access",
    "",
    Permission.USERS,
    _questions,
    _run,
    AT_A_DESK,
    signed=True,
    site=False,
    warns=_told,
)
