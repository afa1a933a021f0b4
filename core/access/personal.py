"""What everyone may do for themselves: a new PIN or password, the last confirmation again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from core.access.roles import Permission
from core.access.secrets import KEPT, hash_secret, is_same, open_kept
from core.access.sessions import end_all
from core.context import Context
from core.db.models import person, receipt
from core.errors import InvalidInput, NothingToRepeat, Refused
from core.messages import Digits, Message, Param
from core.receipts import receipt_of
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK, EVERYWHERE
from core.transaction import Answers, Kind, Notice, Outcome, Question, Transaction


def pin_questions(config: StudyConfig) -> tuple[Question, ...]:
    """The new PIN."""
    return (Question("new_pin", Kind.PIN, digits=(6, 6)),)


def password_questions(config: StudyConfig) -> tuple[Question, ...]:
    """The new password."""
    return (Question("new_password", Kind.PASSWORD),)


def run_change_pin(context: Context, answers: Answers) -> Outcome:
    """Replace the PIN; the ledger says that it was changed, and nothing of it. Raises InvalidInput
    for the one that there is."""
    hashed = _hashed(context, "new_pin", str(answers["new_pin"]))
    return _replaced(context, {"pin_hash": hashed, "pin_set_at": context.now}, "change_pin")


def run_change_password(context: Context, answers: Answers) -> Outcome:
    """Replace the password (or set the first one), as `run_change_pin` does the PIN."""
    hashed = _hashed(context, "new_password", str(answers["new_password"]))
    values = {"password_hash": hashed, "password_set_at": context.now}
    return _replaced(context, values, "change_password")


def _hashed(context: Context, name: str, secret: str) -> str:
    user_id = context.actor.user_id
    column = person.c.pin_hash if name == "new_pin" else person.c.password_hash
    old = context.db.scalar(select(column).where(person.c.user_id == user_id))
    if old is not None and is_same(context.keys, old, user_id, secret):
        raise InvalidInput(name, Message("error.secret_same"))
    if secret.startswith(KEPT):
        return open_kept(context.keys, user_id, secret)
    return hash_secret(context.keys, user_id, secret)


def _replaced(context: Context, values: dict[str, Any], deed: str) -> Outcome:
    user_id = context.actor.user_id
    context.db.execute(update(person).where(person.c.user_id == user_id).values(**values))
    end_all(context.db, user_id, context.now)
    notice = Notice(Message(f"sms.{deed}"), people=(user_id,))
    return Outcome(Message(f"said.{deed}"), {"user_id": user_id}, notices=(notice,))


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
CHANGE_PASSWORD = Transaction(
    "change_password",
    "",
    Permission.PERSONAL,
    password_questions,
    run_change_password,
    AT_A_DESK,
    signed=True,
    site=False,
)
REPEAT = Transaction(
    "repeat", "65", Permission.PERSONAL, no_questions, run_repeat, EVERYWHERE, site=False
)
