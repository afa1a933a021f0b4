"""What threatens supply, and why a shipment was sent."""

from __future__ import annotations

from typing import Final

from core.supply.resupply.reasons import why_of
from core.supply.unblinded import record_reading
from core.supply.warnings import warnings_for
from core.transaction import Channel
from web.api.operations import Answer, Call, Operation, study_of
from web.api.problems import tell
from web.api.schema import NUMBER
from web.api.shapes import ref


def list_warnings(call: Call) -> Answer:
    """What this person is warned of, most urgent first."""
    code = study_of(call)
    with call.core.reading() as db:
        found = warnings_for(call.core, db, call.actor, code, call.query.get("site"))
    items = [
        {
            "kind": one.kind,
            "text": tell(one.message, call.language),
            "day": one.day,
            "site": one.site,
            "depot": one.depot,
            "shipment": one.shipment,
        }
        for one in found
    ]
    return Answer({"items": items})


def show_why(call: Call) -> Answer:
    """Why a shipment was sent. What shows kit types is on record as read before it is sent."""
    code, number = study_of(call), call.path["number"]
    with call.core.reading() as db:
        found = why_of(call.core, db, call.actor, code, number)
    if found.types:
        record_reading(
            *(call.core, call.actor, code, "why"),
            channel=Channel.API,
            site=found.site,
            of=number,
        )
    types = [
        {
            "kit_type": one.kit_type,
            "decided": one.decided,
            "sent": one.sent,
            "why": tell(one.message, call.language),
        }
        for one in found.types
    ]
    why = tell(found.message, call.language) if found.message else None
    return Answer({"shipment": number, "kind": found.kind, "why": why, "types": types})


OPERATIONS: Final = (
    Operation(
        "list_warnings",
        "get",
        "/studies/{study}/warnings",
        "What threatens supply, most urgent first",
        list_warnings,
        {200: ("The warnings.", ref("Warnings"))},
        "records",
        description=(
            "Each person is told what concerns them. No warning names a kit type or a subject; "
            "that a visit will lack a kit is told only to those who may know types."
        ),
        query={"site": NUMBER},
        refusals=(400, 404),
    ),
    Operation(
        "show_why",
        "get",
        "/studies/{study}/shipments/{number}/why",
        "Why a shipment was sent",
        show_why,
        {200: ("The reason.", ref("Why"))},
        "records",
        description=(
            "`why` is the same whichever kit types were low. `types` is for unblinded roles only, "
            "of what a rule ordered; that they were read is on record."
        ),
        refusals=(400, 404),
    ),
)
