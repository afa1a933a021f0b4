"""An order to a depot, for the depot's own system: as values or as a file."""

from __future__ import annotations

from typing import Final

from core.supply.orders import FORMATS, file_of, read_order
from web.api.operations import Answer, Call, Operation, study_of
from web.api.shapes import ref

_JSON: Final = "json"


def show_order(call: Call) -> Answer:
    """The order, for those who send from its depot."""
    code, number = study_of(call), call.path["number"]
    with call.core.reading() as db:
        found = read_order(call.core, db, call.actor, code, number)
    form = call.query.get("format", _JSON)
    if form == _JSON:
        return Answer(found.values())
    headers = {"Content-Disposition": f'attachment; filename="order-{found.order}.{form}"'}
    return Answer(None, headers=headers, content=file_of(found, form), media=FORMATS[form])


OPERATIONS: Final = (
    Operation(
        "show_order",
        "get",
        "/studies/{study}/shipments/{number}/order",
        "An order to a depot: where it goes, when, and which cartons",
        show_order,
        {200: ("The order, or the file asked for.", ref("Order"))},
        "records",
        description=(
            "For those who send from the depot. Cartons are named by what is printed on them, "
            "never by kit type. `acknowledge_shipment` tells that the depot has it."
        ),
        query={"format": {"type": "string", "enum": list(FORMATS), "default": _JSON}},
        refusals=(400, 404),
        files=tuple(media for form, media in FORMATS.items() if form != _JSON),
    ),
)
