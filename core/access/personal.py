"""What everyone may do for themselves: change the PIN, hear the last confirmation again."""

from __future__ import annotations

from sqlalchemy import select, update

from core.access.roles import Permission
from core.access.secrets import KEPT, hash_secret, open_kept
from core.access.sessions import end_all
from core.context import Context
from core.db.models import person, receipt
from core.errors import NothingToRepeat, Refused
from core.messages import Digits, Message, Param
from core.receipts import receipt_of
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.transaction import Answers, Kind, Notice, Outcome, Question, Transaction


def pin_questions(config: StudyConfig) -> tuple[Question, ...]:
    """The new PIN."""
    return (Question("new_pin", Kind.PIN, digits=(6, 6)),)


def run_change_pin(context: Context, answers: Answers) -> Outcome:
    """Replace the PIN; the ledger says that it was changed, and nothing of it."""
    pin, user_id = str(answers["new_pin"]), context.actor.user_id
    if pin.startswith(KEPT):
        hashed = open_kept(context.keys, user_id, pin)
    else:
        hashed = hash_secret(context.keys, user_id, pin)
    mine = update(person).where(person.c.user_id == user_id)
    context.db.execute(mine.values(pin_hash=hashed, pin_set_at=context.now))
    end_all(context.db, user_id, context.now)
    notice = Notice(Message("sms.change_pin"), people=(user_id,))
    return Outcome(Message("said.change_pin"), {"user_id": user_id}, notices=(notice,))


def no_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Nothing is asked."""
    return ()


def run_repeat(context: Context, answers: Answers) -> Outcome:
    """The person's last deed in this study, told again."""
    query = (
        select(receipt)
        .where(
            receipt.c.study == context.study,
            receipt.c.actor == context.actor.user_id,
            receipt.c.outcome.in_(("done", "proposed")),
            receipt.c.transaction != "repeat",
        )
        .order_by(receipt.c.id.desc())
        .limit(1)
    )
    row = context.db.execute(query).one_or_none()
    last = receipt_of(row) if row is not None else None
    if last is None or isinstance(last, Refused):
        raise NothingToRepeat
    params: dict[str, Param] = {
        "said": last.said,
        "confirmation": Digits(last.confirmation),
        "transaction": Message(f"menu.{last.transaction}"),
    }
    facts = {"repeated": last.confirmation}
    return Outcome(Message("said.repeat", params), facts, subject=last.subject)


CHANGE_PIN = Transaction(
    "change_pin",
    "68",
    Permission.PERSONAL,
    pin_questions,
    run_change_pin,
    EVERYWHERE,
    signed=True,
    site=False,
)
REPEAT = Transaction(
    "repeat", "65", Permission.PERSONAL, no_questions, run_repeat, EVERYWHERE, site=False
)
