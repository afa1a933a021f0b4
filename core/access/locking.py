"""A person locked out at once, and second factors taken away: what the helpdesk does by itself.

Neither lets anybody in. A lock is opened by a code that goes to the person's own mobile; without a
second factor there is still the PIN or password, which nobody but the person knows.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from core.access.administer import code_questions
from core.access.factors import forget_all
from core.access.roles import Permission
from core.access.sessions import end_all
from core.context import Context
from core.db.models import person
from core.errors import Refused
from core.facts import Facts
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK
from core.transaction import Answers, Choice, Kind, Notice, Outcome, Question, Transaction

LOCK_REASONS: Final = ("lost", "misuse", "left", "other")


class LockedAlready(Refused):
    """The person is locked out already."""

    code = "locked_already"


class NoFactors(Refused):
    """The person has no second factor."""

    code = "no_factors"


def _reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.lock_{value}"))
        for place, value in enumerate(LOCK_REASONS, start=1)
    )


def _lock_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, and why."""
    return (*code_questions(config), Question("reason", Kind.CHOICE, choices=_reasons))


def _run_lock(context: Context, answers: Answers) -> Outcome:
    """Nothing works for the person any more, on any channel, in any study; what is open is ended.
    Raises LockedAlready."""
    user_id = str(answers["user_id"])
    mine = person.c.user_id == user_id
    found = context.db.execute(
        select(person.c.status).where(mine, person.c.status == "active").with_for_update()
    ).one_or_none()
    if found is None:
        raise LockedAlready(user_id=Digits(user_id))
    context.db.execute(update(person).where(mine).values(status="locked", code_token=None))
    end_all(context.db, user_id, context.now)
    told = {"user_id": Digits(user_id)}
    notices = (
        Notice(Message("sms.locked_by_hand", told), roles=("administrator", "helpdesk")),
        Notice(Message("sms.you_are_locked"), people=(user_id,), by_mail=True),
    )
    facts = {"user_id": user_id, "reason": answers["reason"]}
    return Outcome(Message("said.lock_person", told), facts, notices=notices)


def _run_reset(context: Context, answers: Answers) -> Outcome:
    """The person signs in with PIN or password alone, until another second factor is set up.
    Raises NoFactors."""
    user_id = str(answers["user_id"])
    removed = forget_all(context.db, user_id)
    if not removed:
        raise NoFactors(user_id=Digits(user_id))
    end_all(context.db, user_id, context.now)
    notice = Notice(Message("sms.reset_factors"), people=(user_id,), by_mail=True)
    facts = {"user_id": user_id, "removed": list(removed)}
    said = Message("said.reset_factors", {"user_id": Digits(user_id)})
    return Outcome(said, facts, notices=(notice,))


LOCK_PERSON = Transaction(
    "lock_person", "", Permission.LOCK, _lock_questions, _run_lock, AT_A_DESK, site=False
)
RESET_FACTORS = Transaction(
    "reset_factors", "", Permission.RESET, code_questions, _run_reset, AT_A_DESK, site=False
)
