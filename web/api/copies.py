"""Copies of the record, audit included: one document, or a file."""

from __future__ import annotations

from typing import Final

from core.export.copy import read_copy
from core.messages import Message
from core.transaction import Channel
from web.api.operations import Answer, Call, Operation, study_of
from web.api.problems import tell
from web.api.shapes import ref
from web.export.files import FORMS, file_of


def export_study(call: Call) -> Answer:
    """What the person may see of the study, on record as read before it is sent."""

    def say(message: Message) -> str:
        return tell(message, call.language)

    form = call.query.get("format", "json")
    copy = read_copy(call.core, call.actor, study_of(call), form=form, channel=Channel.API)
    made = file_of(copy, form, say)
    headers = {"Content-Disposition": f'attachment; filename="{made.name}"'}
    return Answer(None, headers=headers, content=made.content, media=made.media)


OPERATIONS: Final = (
    Operation(
        "export_study",
        "get",
        "/studies/{study}/export",
        "A copy of the record: subjects, visits, kits, shipments, the ledger",
        export_study,
        {200: ("The copy.", ref("Copy"))},
        "records",
        description="All that the token's owner may see and nothing more, the audit trail "
        "included. `csv` is a ZIP archive of tables, `odm` CDISC ODM 1.3.2, `pdf` the record on "
        "paper. Each copy is on record as read.",
        query={"format": {"type": "string", "enum": list(FORMS), "default": "json"}},
        refusals=(400, 404),
        files=tuple(one.media for name, one in FORMS.items() if name != "json"),
    ),
)
