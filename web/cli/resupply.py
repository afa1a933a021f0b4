"""`ixrs supply run`, `why` and `warnings`: what keeps sites in stock, and what threatens it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from web.cli.base import (
    json_option,
    open_core,
    person_options,
    read_secret,
    reader_options,
    result,
    sign_in,
    study_option,
    tell,
)

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.runtime import Core
    from core.supply.resupply.propose import Proposal


@click.command()
@study_option
@person_options
@click.option("--site", metavar="NO", help="Only this site; left out: every active one.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be ordered, and why.")
@json_option
def run(
    study: str, user: str, secret_stdin: bool, site: str | None, dry_run: bool, as_json: bool
) -> None:
    """Resupply the sites of a study now, as the nightly run does.

    A dry run names kit types: it is an unblinded reading, and on record as one.
    """
    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        found = _proposed(core, actor, study, site, shown=dry_run)
        if dry_run:
            sites = [_as_value(one) for one in found]
            lines = [line for one in found for line in _as_lines(one)]
            result(as_json, {"dry_run": True, "sites": sites}, *(lines or ["No active site."]))
            return
        done = [_resupply(core, actor, secret, study, one.site) for one in found if _is_order(one)]
    refused = [one for one in done if "error" in one]
    value = {"dry_run": False, "looked_at": len(found), "sites": done}
    fine = f"{len(found)} sites looked at, {len(done) - len(refused)} resupplied."
    result(as_json, value, *(one["said"] for one in done), fine)
    sys.exit(1 if refused else 0)


def _is_order(one: Proposal) -> bool:
    return one.decision.is_order


def _proposed(
    core: Core, actor: Actor, study: str, site: str | None, *, shown: bool
) -> tuple[Proposal, ...]:
    """What would be ordered; where it is shown, the reading goes on record first."""
    from core.access.roles import Permission
    from core.supply.resupply.propose import proposals
    from core.supply.unblinded import check_types, record_reading
    from core.transaction import Channel

    check_types(actor, study, permission=Permission.SUPPLY)
    with core.reading() as db:
        found = proposals(core, db, study, site)
    if shown:
        record_reading(core, actor, study, "resupply", channel=Channel.COMMAND, of=site)
    return found


def _as_value(one: Proposal) -> dict[str, Any]:
    from core.supply.resupply.why import for_supply

    return {
        "site": one.site,
        "first": one.position.is_first,
        "kits": dict(one.decision.kits),
        "why": {code: tell(message) for code, message in for_supply(one.decision)},
        "decision": one.decision.record(),
    }


def _as_lines(one: Proposal) -> list[str]:
    value = _as_value(one)
    kits = ", ".join(f"{count} of {code}" for code, count in value["kits"].items())
    return [f"Site {one.site}: {kits or '-'}", *(f"  {c}: {t}" for c, t in value["why"].items())]


def _resupply(core: Core, actor: Actor, secret: str, study: str, site: str) -> dict[str, Any]:
    """The receipt of one site, or its refusal: that one does not keep the others."""
    from core.errors import Refused
    from web.cli.deeds import act

    try:
        receipt = act(core, actor, secret, "resupply", study, None, {"to_site": site}, None)
    except Refused as refused:
        return {"site": site, "error": refused.code, "said": f"{site}: {tell(refused.message)}"}
    shipment = receipt.facts["shipment"]
    return {
        "site": site,
        "shipment": shipment,
        "confirmation": receipt.confirmation,
        "said": tell(receipt.said),
    }


@click.command()
@click.argument("number", metavar="SHIPMENT")
@study_option
@reader_options
@json_option
def why(number: str, study: str, user: str, secret_stdin: bool, as_json: bool) -> None:
    """Tell why a shipment was sent; by kit type to those who may know types."""
    from core.supply.resupply.reasons import why_of
    from core.supply.unblinded import record_reading
    from core.transaction import Channel

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        with core.reading() as db:
            found = why_of(core, db, actor, study, number)
        if found.types:
            record_reading(
                core, actor, study, "why", channel=Channel.COMMAND, site=found.site, of=number
            )
    told = tell(found.message) if found.message else None
    types = [
        {
            "kit_type": one.kit_type,
            "decided": one.decided,
            "sent": one.sent,
            "why": tell(one.message),
        }
        for one in found.types
    ]
    value = {"shipment": number, "kind": found.kind, "why": told, "types": types}
    lines = [f"{one['kit_type']}: {one['sent']}. {one['why']}" for one in types]
    result(as_json, value, told or "No reason is on record.", *lines)


@click.command()
@study_option
@reader_options
@click.option("--site", metavar="NO", help="Only of this site.")
@json_option
def warnings(study: str, user: str, secret_stdin: bool, site: str | None, as_json: bool) -> None:
    """List what threatens supply, the most urgent first, as far as it is this person's to know."""
    from core.supply.warnings import warnings_for

    secret = read_secret(secret_stdin)
    with open_core() as core:
        actor = sign_in(core, user, secret)
        with core.reading() as db:
            found = warnings_for(core, db, actor, study, site)
    listed = [
        {
            "kind": one.kind,
            "text": tell(one.message),
            "day": one.day,
            "site": one.site,
            "depot": one.depot,
            "shipment": one.shipment,
        }
        for one in found
    ]
    lines = [tell(one.message) for one in found]
    result(as_json, {"warnings": listed}, *(lines or ["Nothing threatens."]))
