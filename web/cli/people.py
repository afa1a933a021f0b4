"""`ixrs user …`: a person's first sign-in."""

from __future__ import annotations

import click

from web.cli.base import SOURCE, json_option, open_core, read_line, result


@click.group()
def user() -> None:
    """People."""


@user.command()
@click.option(
    "--code", required=True, help='The activation code; "-" reads it from standard input.'
)
@click.option(
    "--secret-stdin", is_flag=True, required=True, help="Read two lines: new PIN, new password."
)
@json_option
def activate(code: str, secret_stdin: bool, as_json: bool) -> None:
    """Set PIN and password with an activation code."""
    from core.access.activation import activate as set_secrets
    from core.transaction import Channel

    if code == "-":
        code = read_line("activation code")
    pin, password = read_line("PIN"), read_line("password")
    with open_core() as core:
        actor = set_secrets(
            core,
            code.replace(" ", ""),
            pin,
            password=password,
            source=SOURCE,
            channel=Channel.COMMAND,
        )
    result(as_json, {"user_id": actor.user_id}, f"User ID {actor.user_id} is active.")
