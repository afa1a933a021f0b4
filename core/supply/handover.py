"""Hand-over: the carton in the hand is the one assigned, by its last four digits."""

from __future__ import annotations

from typing import Final

from core.access.roles import Permission
from core.context import Context
from core.errors import KitNotUsable, WrongCarton
from core.facts import Facts, Record
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits, set_kits
from core.transaction import Answers, Kind, Notice, Outcome, Question, Transaction, When

CARTONS_MAX: Final = 9


def waiting(facts: Facts, found: Record) -> tuple[Record, ...]:
    """The kits that are assigned to the subject and not confirmed, oldest first."""
    return tuple(
        row
        for row in facts.kits_of(found.id)
        if row.disposition == "dispensed" and row.confirmed_at is None
    )[:CARTONS_MAX]


def _check_waiting(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if not waiting(facts, facts.the_subject({"subject": value})):
        raise KitNotUsable(Message("error.nothing_to_hand_over", {"subject": Digits(value)}))
    return None


def _is_expected(place: int) -> When:
    def when(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
        return len(waiting(facts, facts.the_subject(answers))) >= place

    return when


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whom, and the last four digits on each carton, in any order."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_waiting, digits=(1, 16)),
        *(
            Question(f"carton_{place}", Kind.CARTON, when=_is_expected(place), digits=(4, 4))
            for place in range(1, CARTONS_MAX + 1)
        ),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Confirm the kits, or say "do not give" and alert pharmacist and monitor."""
    found = context.facts.the_subject(answers)
    expected = waiting(context.facts, found)
    locked = lock_kits(context.db, context.study, [row.number for row in expected])
    keyed = sorted(str(value) for name, value in answers.items() if name.startswith("carton_"))
    if keyed != sorted(row.number[-4:] for row in locked):
        params = {"subject": Digits(found.number), "site": Digits(found.site)}
        alert = Notice(
            Message("sms.wrong_carton", params),
            roles=("pharmacist", "unblinded_pharmacist", "monitor"),
        )
        raise WrongCarton(notices=(alert,), subject=Digits(found.number))
    set_kits(context.db, [row.id for row in locked], confirmed_at=context.now)
    said = Message("said.hand_over", {"subject": Digits(found.number), "count": len(locked)})
    facts = {"kits": [row.number for row in expected], "confirmed": True}
    return Outcome(said, facts, subject=found.number)


HAND_OVER = Transaction(
    "hand_over", "62", Permission.DRUG, questions, run, EVERYWHERE, used=dispenses
)
