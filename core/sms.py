"""What an SMS about a deed says, and the marks in front of it; never a treatment."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import Connection

from core.access.contacts import is_training, works_in_several
from core.messages import Digits, Message, Param
from core.transaction import Receipt

_RECEIVED: Final = {"said.receive": "sms.receive", "said.receive_held": "sms.receive_held"}


def marked(
    db: Connection, message: Message, study: str | None, user_id: str | None, now: dt.datetime
) -> Message:
    """The message with the study's name for who works in several, and TRAINING before all.

    A message about no study, such as one that holds a code, is left as it is.
    """
    if study is None:
        return message
    named = "study" in message.params
    if not named and user_id is not None and works_in_several(db, user_id, now):
        message = Message("sms.in_study", {"study": study, "text": message})
    return Message("sms.training", {"text": message}) if is_training(db, study) else message


def repeated(receipt: Receipt) -> Message:
    """The confirmation of a deed once more, in the words of the first one where it was sent one:
    only the first four digits of kits. It says that it is a repeat."""
    params: dict[str, Param] = {"confirmation": Digits(receipt.confirmation)}
    subject = Digits(receipt.subject or "")
    match receipt.transaction:
        case "dispense" | "unscheduled" | "replace" as name:
            kits = tuple(Digits(number[:4]) for number in receipt.facts["kits"])
            text = Message(f"sms.{name}", {**params, "subject": subject, "kits": kits})
        case "randomize":
            number = Digits(receipt.facts["randomization_number"])
            text = Message("sms.randomize", {**params, "subject": subject, "number": number})
        case "receive":
            id_ = _RECEIVED[receipt.said.id]
            text = Message(id_, {**params, **receipt.said.params})
        case _:
            text = _noticed(receipt, params)
    return Message("sms.repeat", {"text": text})


def _noticed(receipt: Receipt, params: dict[str, Param]) -> Message:
    """A deed that sends no confirmation, as a notice tells it."""
    deed = Message(f"sms.deed.{receipt.transaction}")
    about: dict[str, Param] = {**params, "study": receipt.study, "deed": deed}
    if receipt.subject:
        return Message("sms.notice_subject", {**about, "subject": Digits(receipt.subject)})
    if receipt.site:
        return Message("sms.notice_site", {**about, "site": Digits(receipt.site)})
    return Message("sms.notice", about)
