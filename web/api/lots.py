"""What became of a lot, and the packager's list: for who may read kit types, and on record."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from core.supply.packaging import in_csv, read_packaging_list
from core.supply.trace import read_trace
from core.transaction import Channel
from web.api.operations import Answer, Call, Operation, study_of
from web.api.schema import NUMBER
from web.api.shapes import ref

_JSON: Final = "json"
_CSV: Final = "text/csv"


def show_trace(call: Call) -> Answer:
    """The trace of a lot; that it was read is on record before it is sent."""
    found = read_trace(
        call.core, call.actor, study_of(call), call.path["number"], channel=Channel.API
    )
    return Answer(asdict(found))


def show_packaging_list(call: Call) -> Answer:
    """The packaging list, of one lot or all; that it was read is on record before it is sent."""
    packed = read_packaging_list(
        call.core, call.actor, study_of(call), call.query.get("lot"), channel=Channel.API
    )
    if call.query.get("format", _JSON) == _JSON:
        return Answer({"kits": [asdict(one) for one in packed]})
    headers = {"Content-Disposition": 'attachment; filename="packaging-list.csv"'}
    return Answer(None, headers=headers, content=in_csv(packed).encode(), media=_CSV)


OPERATIONS: Final = (
    Operation(
        "show_trace",
        "get",
        "/studies/{study}/lots/{number}/trace",
        "What became of a lot: its kits, and the sites, shipments and subjects they came to",
        show_trace,
        {200: ("The trace.", ref("Trace"))},
        "records",
        description="For supply and quality. That it was read is on record, with the subjects.",
        refusals=(404,),
    ),
    Operation(
        "show_packaging_list",
        "get",
        "/studies/{study}/packaging-list",
        "What to print on which carton, and what to put into it",
        show_packaging_list,
        {200: ("The list, or the file asked for.", ref("PackagingList"))},
        "records",
        description="For supply managers, who hand it to the packager. The reading is on record.",
        query={
            "lot": NUMBER,
            "format": {"type": "string", "enum": [_JSON, "csv"], "default": _JSON},
        },
        refusals=(400, 404),
        files=(_CSV,),
    ),
)
