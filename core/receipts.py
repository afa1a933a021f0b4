"""Requests and receipts: the same request always meets the same receipt."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, select, update

from core.access.roles import Actor
from core.db.models import receipt
from core.db.prepared import Prepared
from core.db.upsert import InsertMissing
from core.errors import InvalidInput, NotFound, Refused, RequestReused
from core.interview import Given
from core.messages import Message, Param, message_from_json
from core.transaction import Channel, Receipt, Signature, Transaction

if TYPE_CHECKING:
    from core.runtime import Core

REQUEST_CHARACTERS_MAX: Final = 120
NEW_PIN: Final = "new_pin"
"""The one answer that is a secret. By its whole name: a study may ask for "spinal_level"."""
Also = Callable[[Connection, Receipt | Refused], None]
"""What a face stores of its own with a deed or a refusal, in the same database transaction."""


@dataclass(frozen=True)
class Request:
    """A deed asked for."""

    transaction: Transaction
    given: Given
    actor: Actor
    study: str
    site: str | None
    channel: Channel
    request_id: str
    signature: Signature | None
    also: Also | None

    def __post_init__(self) -> None:
        wanted = 0 < len(self.request_id) <= REQUEST_CHARACTERS_MAX
        if not (wanted and self.request_id.isprintable()):
            params: dict[str, Param] = {"most": REQUEST_CHARACTERS_MAX}
            raise InvalidInput("request_id", Message("error.text", params))

    def key(self) -> dict[str, str]:
        """What makes a request the same request."""
        return {
            "study": self.study,
            "actor": self.actor.user_id,
            "channel": self.channel.value,
            "transaction": self.transaction.name,
            "request_id": self.request_id,
        }


_insert = InsertMissing(
    receipt.c.study,
    receipt.c.actor,
    receipt.c.channel,
    receipt.c.transaction,
    receipt.c.request_id,
    receipt.c.digest,
    receipt.c.at,
    receipt.c.site,
)


_in_order = json.JSONEncoder(sort_keys=True)


def answers_digest(core: Core, request: Request) -> str:
    """A keyed digest of what was answered; a new PIN is left out before."""
    kept = {name: raw for name, raw in request.given.items() if name != NEW_PIN}
    return core.keys.mac("answers", _in_order.encode([request.site, kept]))


def claim(db: Connection, request: Request, mark: str, now: dt.datetime) -> int | None:
    """Take the request id, waiting for whoever is at it just now; None if it is taken."""
    values = {**request.key(), "digest": mark, "at": now, "site": request.site}
    return _insert(db, values)


settle = Prepared(
    update(receipt)
    .where(receipt.c.id == bindparam("claimed"))
    .values(
        sequence=bindparam("n"),
        outcome=bindparam("o"),
        confirmation=bindparam("c"),
        subject=bindparam("j"),
        result=bindparam("r"),
    )
)


def replay(db: Connection, request: Request, mark: str) -> Receipt | Refused:
    """What a request that was made before has led to. Raises RequestReused for other answers."""
    query = select(receipt).filter_by(**request.key())
    row = db.execute(query).one()
    if row.digest != mark:
        raise RequestReused
    known = receipt_of(row)
    if request.also:
        request.also(db, known)
    return known


def find_result(db: Connection, receipt_id: int) -> tuple[Any, Receipt | Refused]:
    """The stored row of a receipt, and what it says. Raises NotFound."""
    row = db.execute(select(receipt).where(receipt.c.id == receipt_id)).one_or_none()
    if row is None:
        raise NotFound
    return row, receipt_of(row)


def receipt_of(row: Any) -> Receipt | Refused:
    """A stored row of the receipt table as what it was when it was given."""
    result = json.loads(row.result)
    if "refused" in result:
        return refusal(result["refused"], message_from_json(result["message"]))
    return Receipt(
        row.id,
        row.study,
        row.sequence,
        row.transaction,
        row.confirmation,
        message_from_json(result["said"]),
        tuple(message_from_json(note) for note in result["notes"]),
        result["facts"],
        row.at,
        result["zone"],
        replayed=True,
        pending=row.outcome == "proposed",
        subject=row.subject,
        site=row.site,
    )


def refusal(code: str, message: Message) -> Refused:
    """The refusal of that stable code."""
    kinds = {kind.code: kind for kind in Refused.__subclasses__()}
    return kinds.get(code, Refused)(message)
