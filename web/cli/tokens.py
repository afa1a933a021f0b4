"""`ixrs token …`: tokens of the API, made and revoked by their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from web.cli.base import json_option, open_core, person_options, read_secret, result, sign_in

if TYPE_CHECKING:
    from core.access.tokens import Token

DAYS_OTHERWISE: Final = 90


@click.group()
def token() -> None:
    """Tokens for the API."""


@token.command()
@click.argument("name")
@click.option("--days", type=int, default=DAYS_OTHERWISE, show_default=True, help="1 to 365.")
@person_options
@json_option
def make(name: str, days: int, user: str, secret_stdin: bool, as_json: bool) -> None:
    """Make a token; it is shown once, now."""
    from core.access import tokens
    from core.transaction import Channel

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        made, text = tokens.make(core, actor, name, days, channel=Channel.COMMAND)
    result(as_json, {**_shown(made), "token": text}, text)


@token.command("list")
@person_options
@json_option
def list_(user: str, secret_stdin: bool, as_json: bool) -> None:
    """List one's own tokens, revoked and expired ones too."""
    from core.access import tokens

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        with core.reading() as db:
            found = tokens.tokens_of(db, actor.user_id)
        now = core.now()
    lines = (
        f"{one.id}  {one.name}  until {one.expires_at:%Y-%m-%d}"
        + ("" if one.is_alive(now) else "  (revoked)" if one.revoked_at else "  (expired)")
        for one in found
    )
    result(as_json, {"tokens": [_shown(one) for one in found]}, *lines)


@token.command()
@click.argument("number", type=int)
@person_options
@json_option
def revoke(number: int, user: str, secret_stdin: bool, as_json: bool) -> None:
    """Revoke one of one's own tokens, by the number that `list` shows."""
    from core.access import tokens
    from core.transaction import Channel

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        tokens.revoke(core, actor, number, channel=Channel.COMMAND)
    result(as_json, {"revoked": number}, f"Token {number} is revoked.")


def _shown(one: Token) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "used_at": one.used_at.isoformat() if one.used_at else None,
        "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
    }
