"""The account of drug: what became of every kit, as values or as a file."""

from __future__ import annotations

from typing import Any, Final

from core.messages import Message
from core.supply.accountability import read_accountability
from core.transaction import Channel
from web.accountability.files import FORMATS, MEDIA, file_of
from web.accountability.tables import OF_A_SITE, TABLES, tables
from web.api.operations import Answer, Call, Operation, study_of
from web.api.problems import tell
from web.api.schema import NUMBER
from web.api.shapes import ref

_JSON: Final = "json"


def show_accountability(call: Call) -> Answer:
    """The account of the sites that the person sees, or of one. What shows kit types is on record
    as read before it is sent."""
    found = read_accountability(
        call.core, call.actor, study_of(call), call.query.get("site"), channel=Channel.API
    )
    form = call.query.get("format", _JSON)
    if form != _JSON:

        def say(message: Message) -> str:
            return tell(message, call.language)

        made = file_of(found, form, say, call.query.get("table"))
        headers = {"Content-Disposition": f'attachment; filename="{made.name}"'}
        return Answer(None, headers=headers, content=made.content, media=made.media)
    rows: dict[str, Any] = dict.fromkeys(TABLES, ())
    for table in tables(found):
        if found.site is None and table.name in OF_A_SITE:
            continue
        rows[table.name] = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    as_of = found.at
    return Answer({"as_of": as_of, "closes": found.closes, "types": found.types, **rows})


OPERATIONS: Final = (
    Operation(
        "show_accountability",
        "get",
        "/studies/{study}/accountability",
        "What became of every kit: balances by site and lot, kits and subjects",
        show_accountability,
        {200: ("The account, or the file asked for.", ref("Account"))},
        "records",
        description=(
            "As JSON, kits and subjects are those of one site; the files have all. "
            "Kit types, and lots that tell them, are in it for unblinded roles only; that they "
            "were read is on record. `table` says what a CSV file holds: kits unless given."
        ),
        query={
            "site": NUMBER,
            "format": {"type": "string", "enum": [_JSON, *FORMATS], "default": _JSON},
            "table": {"type": "string", "enum": list(TABLES)},
        },
        refusals=(400, 404, 422),
        files=tuple(MEDIA.values()),
    ),
)
