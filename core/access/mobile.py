"""The mobile that codes go to: changed by its signed-in owner, or by two people.

Whoever has the mobile gets the codes, so no code goes to a new number for a day, and the old number
and the e-mail address are told at once.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from core.access.administer import check_person
from core.access.contacts import mobile_token, open_mobile, seal_mobile
from core.access.roles import Permission
from core.context import Context
from core.db.models import person
from core.errors import Refused
from core.facts import Facts
from core.messages import Digits, Message
from core.outbox import enqueue_to
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK
from core.transaction import (
    Answers,
    Choice,
    Kind,
    Notice,
    Outcome,
    Question,
    Transaction,
)

IDENTITY: Final = ("in_person", "site_phone", "colleague")
"""How it was made sure who asks: seen in person, called back at the site, known to a colleague."""


class OwnMobile(Refused):
    """One's own mobile is changed by oneself, signed in, and by nobody else."""

    code = "own_mobile"


def _questions(config: StudyConfig) -> tuple[Question, ...]:
    """The new number."""
    return (Question("new_mobile", Kind.MOBILE),)


def _run(context: Context, answers: Answers) -> Outcome:
    """The number is another one from now on."""
    facts = _change(context, context.actor.user_id, str(answers["new_mobile"]))
    return _changed(context.actor.user_id, "said.change_mobile", facts)


def _check_other(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    if str(value) == facts.actor.user_id:
        raise OwnMobile
    return check_person(config, facts, answers, value)


def _identities(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.identity_{value}"))
        for place, value in enumerate(IDENTITY, start=1)
    )


def _questions_for(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, the new number, and how the person was identified."""
    return (
        Question("user_id", Kind.NUMBER, check=_check_other, low=1, high=10**9 - 1),
        Question("new_mobile", Kind.MOBILE),
        Question("identity", Kind.CHOICE, choices=_identities),
    )


def _run_for(context: Context, answers: Answers) -> Outcome:
    """On approval by the second person: the number is another one from now on."""
    user_id = str(answers["user_id"])
    facts = _change(context, user_id, str(answers["new_mobile"]))
    return _changed(user_id, "said.change_mobile_for", {**facts, "identity": answers["identity"]})


def _change(context: Context, user_id: str, number: str) -> dict[str, object]:
    """Keep the number; a code on its way to the old one opens nothing any more. Facts, which hold
    the keyed digest of the number and never the number."""
    db, keys = context.db, context.keys
    old = db.scalar(select(person.c.mobile).where(person.c.user_id == user_id).with_for_update())
    token = mobile_token(keys, number)
    values = {
        "mobile": seal_mobile(keys, user_id, number),
        "mobile_token": token,
        "mobile_set_at": context.now,
        "code_token": None,
    }
    db.execute(update(person).where(person.c.user_id == user_id).values(**values))
    if old is not None:
        told = Message("sms.mobile_changed")
        enqueue_to(db, context.core, told, user_id, open_mobile(keys, user_id, old))
    return {"user_id": user_id, "mobile": token}


def _changed(user_id: str, said: str, facts: dict[str, object]) -> Outcome:
    notice = Notice(Message("sms.mobile_changed"), people=(user_id,), by_mail=True)
    return Outcome(Message(said, {"user_id": Digits(user_id)}), facts, notices=(notice,))


CHANGE_MOBILE = Transaction(
    "change_mobile",
    "",
    Permission.PERSONAL,
    _questions,
    _run,
    AT_A_DESK,
    signed=True,
    site=False,
)
CHANGE_MOBILE_FOR = Transaction(
    "change_mobile_for",
    "",
    Permission.RESET,
    _questions_for,
    _run_for,
    AT_A_DESK,
    signed=True,
    signers=(Permission.USERS,),
    site=False,
)
