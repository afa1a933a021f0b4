"""`ixrs do` and `ixrs import`: any transaction, through the same questions as everywhere."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from web.cli.base import (
    Failed,
    json_option,
    open_core,
    person_options,
    progress,
    read_line,
    read_secret,
    read_text,
    result,
    sign_in,
    study_option,
    tell,
)
from web.cli.lists import import_list

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.interview import Ask, Complete
    from core.runtime import Core
    from core.transaction import Receipt, Transaction


@click.command()
@click.argument("transaction")
@click.argument("answers", nargs=-1, metavar="[NAME=VALUE]...")
@person_options
@study_option
@click.option("--site", metavar="NO", help="Site number; may be left out by who has only one.")
@click.option("--request-id", metavar="X", help="The same one never does anything twice.")
@json_option
def do(
    transaction: str,
    answers: tuple[str, ...],
    user: str,
    secret_stdin: bool,
    study: str,
    site: str | None,
    request_id: str | None,
    as_json: bool,
) -> None:
    """Do any transaction.

    A value may be given as "-": it is then read from standard input, after the secret. A file is
    given by its path.
    """
    from core.randomization.lists.escrow import tell_share

    given = _pairs(answers)
    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        receipt = act(core, actor, secret, transaction, study, site, given, request_id)
        treatment = _treatment(core, actor, receipt)
        share = tell_share(core, receipt.id, actor.user_id)
    print_receipt(receipt, as_json, treatment, share)


@click.group("import")
def import_() -> None:
    """Bulk set-up from CSV files: all of a file, or nothing."""


def _import_command(what: str) -> click.Command:
    @click.command(what, help=f"Import {what} from a CSV file.")
    @click.argument("file")
    @person_options
    @study_option
    @json_option
    def command(file: str, user: str, secret_stdin: bool, study: str, as_json: bool) -> None:
        name, secret = f"import_{what}", read_secret(secret_stdin)
        with open_core() as core:
            actor = sign_in(core, user, secret)
            with progress(name, as_json):
                receipt = act(core, actor, secret, name, study, None, {"file": file}, None)
        print_receipt(receipt, as_json)

    return command


for _what in ("sites", "users", "lots", "kits", "subjects"):
    import_.add_command(_import_command(_what))
import_.add_command(import_list)


def act(
    core: Core,
    actor: Actor,
    secret: str,
    name: str,
    study: str,
    site: str | None,
    given: Mapping[str, str],
    request_id: str | None,
) -> Receipt:
    """Do it as this person, signed with the same secret where it is signed.

    Raises the core's errors, and Failed for a file that can't be read.
    """
    from core.access.signin import sign
    from core.errors import InvalidInput, NotFound, Refused
    from core.perform import perform, refuse
    from core.register import find
    from core.transaction import Channel
    from web.cli.base import SOURCE

    try:
        transaction = find(name)
    except NotFound:
        raise Failed("not_found", f"There is no transaction {name!r}.") from None
    if Channel.COMMAND not in transaction.channels:
        raise Failed("not_found", f"{name} isn't done on the command line.")
    place = _site(core, actor, study, site) if transaction.site else None
    request: dict[str, Any] = {
        "actor": actor,
        "study": study,
        "site": place,
        "channel": Channel.COMMAND,
        "request_id": uuid.uuid4().hex if request_id is None else request_id,
    }
    filled = _fill_in(core, transaction, actor, study, place, given)
    try:
        complete = _complete(core, transaction, actor, study, place, filled)
    except Refused as refused:
        return refuse(core, transaction, filled, refused, **request)
    except (Failed, InvalidInput) as wrong:
        return _done_before(core, transaction, filled, request, wrong)
    for warning in complete.warnings:
        click.echo(tell(warning), err=True)
    signature = None
    if complete.signed:
        signature = sign(
            core, actor, secret, meaning=transaction.name, source=SOURCE, channel=Channel.COMMAND
        )
    return perform(core, transaction, filled, signature=signature, **request)


def _done_before(
    core: Core,
    transaction: Transaction,
    filled: Mapping[str, str],
    request: Mapping[str, Any],
    wrong: Exception,
) -> Receipt:
    """The receipt of a request that was done already, after which its answers fit no more (the
    visit is recorded). Raises `wrong` if it was not."""
    from core.errors import InvalidInput
    from core.perform import perform

    try:
        return perform(core, transaction, filled, **request)
    except InvalidInput:
        raise wrong from None


def _site(core: Core, actor: Actor, study: str, site: str | None) -> str | None:
    """The site named, or the only one that the person has in the study."""
    from core.access.openings import open_studies

    if site is not None:
        return site
    with core.reading() as db:
        sites = [
            place.number
            for opened in open_studies(db, core, actor)
            if opened.code == study
            for place in opened.sites
        ]
    return sites[0] if len(sites) == 1 else None


def _complete(
    core: Core,
    transaction: Transaction,
    actor: Actor,
    study: str,
    site: str | None,
    given: Mapping[str, str],
) -> Complete:
    """All the answers, checked. Raises InvalidInput for a missing or wrong one, and Refused."""
    from core.errors import InvalidInput
    from core.interview import Ask, Wrong, advance

    with core.reading() as db:
        found = advance(core, db, transaction, actor, study, site, given)
    if isinstance(found, Wrong):
        raise InvalidInput(found.name, found.message)
    if isinstance(found, Ask):
        raise _missing(found)
    return found


def _missing(asked: Ask) -> Failed:
    from core.messages import Message

    name = asked.question.name
    sentence = tell(Message("error.missing_answer", {"name": name}))
    offered = ", ".join(choice.value for choice in asked.choices)
    hint = f"{name}={offered or asked.question.kind.value}"
    return Failed("invalid_input", f"{sentence} ({hint})")


def _pairs(answers: tuple[str, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    for answer in answers:
        name, separator, value = answer.partition("=")
        if not separator or not name:
            raise click.UsageError(f"{answer!r} isn't of the form name=value")
        if name in given:
            raise click.UsageError(f"{name} is given twice")
        given[name] = value
    return given


def _fill_in(
    core: Core,
    transaction: Transaction,
    actor: Actor,
    study: str,
    site: str | None,
    given: Mapping[str, str],
) -> dict[str, str]:
    """The values that come from files and from standard input; a PIN comes only from there."""
    from core.facts import Facts
    from core.interview import check_sight
    from core.transaction import Kind

    check_sight(actor, transaction, study, site)
    with core.reading() as db:
        facts = Facts(db, core, actor=actor, study=study, site=site, now=core.now())
        kinds = {question.name: question.kind for question in transaction.questions(facts.config)}
    filled: dict[str, str] = {}
    for name, value in given.items():
        kind = kinds.get(name)
        if kind is Kind.FILE:
            filled[name] = read_text(value)
        elif value == "-":
            filled[name] = read_line(name)
        elif kind in (Kind.PIN, Kind.PASSWORD) and not core.settings.is_simulated:
            raise click.UsageError(
                f"a PIN or password isn't typed as an argument: give {name}=- instead"
            )
        else:
            filled[name] = value
    return filled


def _treatment(core: Core, actor: Actor, receipt: Receipt) -> str | None:
    """The treatment, where the one who randomized is told it: in an open-label study."""
    from core.treatment import treatment_of

    with core.reading() as db:
        found = treatment_of(core, db, receipt.id, actor.user_id)
    return found.text(actor.language) if found is not None else None


def print_receipt(
    receipt: Receipt, as_json: bool, treatment: str | None = None, share: str | None = None
) -> None:
    """Tell what was done; `treatment` and `share` only to the person who may know them."""
    said, notes = tell(receipt.said), [tell(note) for note in receipt.notes]
    result(
        as_json,
        {
            "transaction": receipt.transaction,
            "study": receipt.study,
            "site": receipt.site,
            "subject": receipt.subject,
            "sequence": receipt.sequence,
            "confirmation": receipt.confirmation,
            "facts": dict(receipt.facts),
            "said": said,
            "notes": notes,
            "at": receipt.at.isoformat(),
            "pending": receipt.pending,
            "replayed": receipt.replayed,
            **({"treatment": treatment} if treatment else {}),
            **({"share": share} if share else {}),
        },
        said,
        *((treatment,) if treatment else ()),
        *((share,) if share else ()),
        *notes,
        f"Confirmation number {receipt.confirmation}",
    )
