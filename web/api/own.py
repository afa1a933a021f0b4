"""What is the token's owner's own: who one is, one's tokens."""

from __future__ import annotations

import dataclasses
from typing import Final

from core.access import tokens
from core.errors import NotFound
from core.transaction import Channel
from web.api.operations import Answer, Call, Operation
from web.api.shapes import many, ref

_TAG: Final = "own"
_ID_DIGITS_MAX: Final = 9


def show_me(call: Call) -> Answer:
    """As whom the token acts."""
    actor = call.actor
    return Answer({"user_id": actor.user_id, "name": actor.name, "language": actor.language})


def list_tokens(call: Call) -> Answer:
    """One's own tokens, the newest first."""
    with call.core.reading() as db:
        found = tokens.tokens_of(db, call.actor.user_id)
    return Answer({"items": [dataclasses.asdict(one) for one in found]})


def revoke_token(call: Call) -> Answer:
    """End one of one's own tokens."""
    number = call.path["id"]
    if not (number.isascii() and number.isdigit() and len(number) <= _ID_DIGITS_MAX):
        raise NotFound
    tokens.revoke(call.core, call.actor, int(number), channel=Channel.API)
    return Answer(None, 204)


_LIST: Final = {
    "type": "object",
    "properties": {"items": many("Token")},
    "required": ["items"],
    "additionalProperties": False,
}
OPERATIONS: Final = (
    Operation(
        "show_me", "get", "/me", "As whom the token acts", show_me,
        {200: ("The token's owner.", ref("Person"))}, _TAG, refusals=(400,),
    ),
    Operation(
        "list_tokens", "get", "/tokens", "One's own tokens, without the tokens themselves",
        list_tokens, {200: ("All of them.", _LIST)}, _TAG, refusals=(400,),
    ),
    Operation(
        "revoke_token", "delete", "/tokens/{id}", "Revoke one of one's own tokens", revoke_token,
        {204: ("It opens nothing from now on.", None)}, _TAG, refusals=(400, 404),
    ),
)  # fmt: skip
