"""`ixrs treatment`: what is open to a person, told once it is on record that it was read."""

from __future__ import annotations

import click

from web.cli.base import (
    json_option,
    open_core,
    read_secret,
    reader_options,
    result,
    sign_in,
    study_option,
)


@click.command()
@click.argument("subject", required=False)
@click.option("--kit", metavar="NO", help="What is in this kit, in place of a subject.")
@click.option("--all", "everyone", is_flag=True, help="All subjects, after a planned unblinding.")
@study_option
@reader_options
@json_option
def treatment(
    subject: str | None,
    kit: str | None,
    everyone: bool,
    study: str,
    user: str,
    secret_stdin: bool,
    as_json: bool,
) -> None:
    """Tell the treatment of a subject, where a code break or view has opened it to this person.

    Each reading is on record before it is told, and so is one that finds nothing open.
    """
    from core.transaction import Channel
    from core.unblinding.reading import read_all, read_treatment

    if [subject is not None, kit is not None, everyone].count(True) != 1:
        raise click.UsageError("Name one subject, or --kit NO, or --all.")
    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        if everyone:
            found = read_all(core, actor, study, channel=Channel.COMMAND)
        else:
            one = read_treatment(
                core, actor, study, subject=subject, kit=kit, channel=Channel.COMMAND
            )
            found = (one,)
    rows = [
        {
            "subject": one.subject,
            "kit": one.kit,
            "treatment": one.labels.text(actor.language),
            "earlier": one.earlier.text(actor.language) if one.earlier else None,
            "basis": one.basis,
            "times": one.told,
        }
        for one in found
    ]
    lines = [f"{row['subject'] or row['kit']}: {row['treatment']}" for row in rows]
    result(as_json, {"items": rows} if everyone else rows[0], *lines)
