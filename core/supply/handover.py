"""Hand-over: the carton in the hand is the one assigned, by its last four digits."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import select

from core.access.roles import Permission
from core.context import Context
from core.db.models import receipt
from core.errors import KitNotUsable, WrongCarton
from core.facts import Facts, Record, is_keyed
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits, set_kits
from core.supply.lots import check_kits_not_recalled
from core.transaction import (
    Answers,
    Channel,
    Kind,
    Notice,
    Outcome,
    Question,
    Transaction,
    When,
)

CARTONS_MAX: Final = 9
GIVING: Final = ("dispense", "unscheduled", "replace", "give_rest")
"""The transactions that assign kits to a subject."""


def waiting(facts: Facts, found: Record) -> tuple[Record, ...]:
    """The kits that are assigned to the subject and not confirmed, oldest first."""
    return tuple(
        row
        for row in facts.kits_of(found.id)
        if row.disposition == "dispensed" and row.confirmed_at is None
    )[:CARTONS_MAX]


def given_under(facts: Facts, found: Record, confirmation: str) -> tuple[Record, ...]:
    """The subject's kits that were assigned under this confirmation number; none if it is not of
    a deed that assigned kits to this subject."""
    query = select(receipt.c.result).where(
        receipt.c.study == facts.study,
        receipt.c.subject == found.number,
        receipt.c.confirmation == confirmation,
        receipt.c.outcome == "done",
        receipt.c.transaction.in_(GIVING),
    )
    result = facts.db.scalar(query)
    numbers = json.loads(result)["facts"]["kits"] if result else ()
    return tuple(row for row in facts.kits_of(found.id) if row.number in numbers)


def _expected(facts: Facts, answers: Answers) -> tuple[Record, ...]:
    """The kits whose cartons are asked for: all that wait, or those of one confirmation."""
    found = facts.the_subject(answers)
    if "confirmation" not in answers:
        return waiting(facts, found)
    given = given_under(facts, found, str(answers["confirmation"]))
    numbers = {row.number for row in given}
    return tuple(row for row in waiting(facts, found) if row.number in numbers)


def _check_waiting(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if not waiting(facts, facts.the_subject({"subject": value})):
        raise KitNotUsable(Message("error.nothing_to_hand_over", {"subject": Digits(value)}))
    return None


def _check_confirmation(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.the_subject(answers)
    if not is_keyed(value) or not given_under(facts, found, value):
        return Message("error.confirmation_unknown", {"number": Digits(value[:20])})
    if not _expected(facts, {**answers, "confirmation": value}):
        raise KitNotUsable(Message("error.nothing_to_hand_over", {"subject": Digits(found.number)}))
    return None


def _is_expected(place: int) -> When:
    def when(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
        return len(_expected(facts, answers)) >= place

    return when


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, and the last four digits on each carton, in any order.

    With the confirmation number of a deed that assigned kits, only those kits are handed over.
    """
    return (
        Question("subject", Kind.SUBJECT, check=_check_waiting, digits=(1, 16)),
        Question("confirmation", Kind.TEXT, check=_check_confirmation, optional=True),
        *(
            Question(f"carton_{place}", Kind.CARTON, when=_is_expected(place), digits=(4, 4))
            for place in range(1, CARTONS_MAX + 1)
        ),
    )


def wrong_carton(number: str, site: str) -> WrongCarton:
    """The refusal "do not give" for a subject of a site, which alerts pharmacist and monitor."""
    params = {"subject": Digits(number), "site": Digits(site)}
    alert = Notice(
        Message("sms.wrong_carton", params),
        roles=("pharmacist", "unblinded_pharmacist", "monitor"),
    )
    return WrongCarton(notices=(alert,), subject=Digits(number))


def run(context: Context, answers: Answers) -> Outcome:
    """Confirm the kits, or say "do not give" and alert pharmacist and monitor."""
    found = context.facts.the_subject(answers)
    expected = _expected(context.facts, answers)
    locked = lock_kits(context.db, context.study, [row.number for row in expected])
    keyed = sorted(str(value) for name, value in answers.items() if name.startswith("carton_"))
    if keyed != sorted(row.number[-4:] for row in locked):
        raise wrong_carton(found.number, found.site)
    check_kits_not_recalled(context.db, locked)
    set_kits(context.db, [row.id for row in locked], confirmed_at=context.now)
    said = Message("said.hand_over", {"subject": Digits(found.number), "count": len(locked)})
    facts = {"kits": [row.number for row in expected], "confirmed": True}
    return Outcome(said, facts, subject=found.number)


HAND_OVER = Transaction(
    "hand_over",
    "62",
    Permission.DRUG,
    questions,
    run,
    EVERYWHERE | {Channel.SMS},
    used=dispenses,
)
