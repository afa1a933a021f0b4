"""What is open to the token's owner: told one by one, each on record before it is sent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from core.sight import PAGE, PAGE_MAX, Sight
from core.transaction import Channel
from core.unblinding.list import BreakRow, BreaksListing
from core.unblinding.openings import list_openings
from core.unblinding.reading import Treatment, read_all, read_treatment
from web.api.operations import Answer, Call, Operation, study_of
from web.api.problems import tell
from web.api.schema import NUMBER
from web.api.shapes import page, ref

_TAG: Final = "unblinding"


def show_openings(call: Call) -> Answer:
    """Which treatments are open; none of them is told by it."""
    with call.core.reading() as db:
        here = Sight(call.core, db, call.actor, study_of(call))
        found = list_openings(db, call.actor, here.study, call.core.now())
    rows = [{**asdict(one), "user_id": None} for one in found]
    for row in rows:
        row["all"] = row["subject"] is None and row["kit"] is None
        for name in ("id", "user_id"):
            del row[name]
    return Answer({"items": rows, "next": None})


def show_treatment(call: Call) -> Answer:
    """The treatment of one subject; the reading is on record before it is sent."""
    found = read_treatment(
        *(call.core, call.actor, study_of(call)),
        subject=call.path["number"],
        channel=Channel.API,
    )
    return Answer(_told(found, call.language))


def show_kit_treatment(call: Call) -> Answer:
    """What one kit is; the reading is on record before it is sent."""
    found = read_treatment(
        *(call.core, call.actor, study_of(call)), kit=call.path["number"], channel=Channel.API
    )
    return Answer(_told(found, call.language))


def list_treatments(call: Call) -> Answer:
    """The treatments of all subjects, where a planned unblinding has opened them."""
    found = read_all(call.core, call.actor, study_of(call), channel=Channel.API)
    return Answer({"items": [_told(one, call.language) for one in found], "next": None})


def list_code_breaks(call: Call) -> Answer:
    """Codes broken, viewed and tried, the newest first."""
    with call.core.reading() as db:
        breaks = BreaksListing(call.core, db, call.actor, study_of(call))
        found = breaks.list_breaks(
            call.query.get("cursor"), call.query.get("limit", PAGE), site=call.query.get("site")
        )
    return Answer({"items": [_break(row, call.language) for row in found.rows], "next": found.next})


def _break(row: BreakRow, language: str) -> dict[str, Any]:
    told = {name: value for name, value in asdict(row).items() if name != "message"}
    return {**told, "detail": tell(row.message, language) if row.message else None}


def _told(found: Treatment, language: str) -> dict[str, Any]:
    return {
        "subject": found.subject,
        "kit": found.kit,
        "treatment": found.labels.text(language),
        "earlier": found.earlier.text(language) if found.earlier else None,
        "basis": found.basis,
        "times": found.told,
    }


OPERATIONS: Final = (
    Operation(
        "list_code_breaks",
        "get",
        "/studies/{study}/code-breaks",
        "Codes broken, viewed and tried, the newest first",
        list_code_breaks,
        {200: ("A page of the list.", page("CodeBreak"))},
        _TAG,
        description="By whom, why and who stays blinded; never what was read.",
        query={
            "site": NUMBER,
            "limit": {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE},
            "cursor": {"type": "string", "pattern": "^[0-9]{1,18}$"},
        },
        refusals=(400, 404),
    ),
    Operation(
        "list_openings",
        "get",
        "/studies/{study}/openings",
        "Which treatments are open to the token's owner",
        show_openings,
        {200: ("All of them; none is told by it.", page("Opening"))},
        _TAG,
        refusals=(400, 404),
    ),
    Operation(
        "list_treatments",
        "get",
        "/studies/{study}/treatments",
        "The treatments of all subjects, after a planned unblinding",
        list_treatments,
        {200: ("All of them, by site and number.", page("Treatment"))},
        _TAG,
        description="One reading, on record with all the subjects before it is sent.",
        refusals=(400, 404),
    ),
    Operation(
        "show_treatment",
        "get",
        "/studies/{study}/treatments/{number}",
        "The treatment of one subject, if it is open to the token's owner",
        show_treatment,
        {200: ("The treatment.", ref("Treatment"))},
        _TAG,
        description="Each reading is on record before it is sent, and one that finds nothing "
        "open too; from the second one on, study manager, monitor and safety are told.",
        refusals=(400, 404),
    ),
    Operation(
        "show_kit_treatment",
        "get",
        "/studies/{study}/kits/{number}/treatment",
        "What one kit is, if that is open to the token's owner",
        show_kit_treatment,
        {200: ("What it is.", ref("Treatment"))},
        _TAG,
        description="On record like the treatment of a subject.",
        refusals=(400, 404),
    ),
)
