"""The first of two signatures: the deed is kept for a second person, who runs it by approving."""

from __future__ import annotations

import json

from sqlalchemy import insert

from core.access.contacts import keep_number, mobile_token
from core.codes import checked_number
from core.context import Context
from core.db.models import proposal
from core.messages import Digits, Message
from core.receipts import Request
from core.telephone import phone_of
from core.transaction import Kind, Outcome


def propose(context: Context, request: Request) -> Outcome:
    """Keep the deed for a second person, who runs it by approving."""
    number = checked_number(context.entropy, 7)
    context.db.execute(
        insert(proposal),
        {
            "study": request.study,
            "number": number,
            "transaction": request.transaction.name,
            "site": request.site,
            "answers": json.dumps(_to_wait(context, request)),
            "proposer": request.actor.user_id,
            "proposed_at": context.now,
        },
    )
    said = Message("said.proposed", {"proposal": Digits(number)})
    facts = {
        "proposal": number,
        "proposed": request.transaction.name,
        "answers": _for_the_record(context, request),
    }
    return Outcome(said, facts, subject=request.given.get("subject"))


def _of_kind(context: Context, request: Request, kind: Kind) -> set[str]:
    asked = request.transaction.questions(context.config)
    return {question.name for question in asked if question.kind is kind}


def _to_wait(context: Context, request: Request) -> dict[str, str]:
    """The answers as they were given, a telephone number sealed."""
    numbers = _of_kind(context, request, Kind.MOBILE)
    return {
        name: keep_number(context.keys, context.study, phone_of(value) or "")
        if name in numbers
        else value
        for name, value in request.given.items()
    }


def _for_the_record(context: Context, request: Request) -> dict[str, str]:
    """The answers as they were given, kits by number: somebody who knows their types may have
    named them type by type. Of a telephone number the keyed digest."""
    several = _of_kind(context, request, Kind.KITS)
    numbers = _of_kind(context, request, Kind.MOBILE)
    return {
        name: ",".join(sorted(part.strip() for part in value.split(",") if part.strip()))
        if name in several
        else mobile_token(context.keys, phone_of(value) or "")
        if name in numbers
        else value
        for name, value in request.given.items()
    }
