"""What comes back, as JSON Schema: the components of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from web.api.schema import Schema

TEXT: Final[Schema] = {"type": "string"}
MAYBE: Final[Schema] = {"type": ["string", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
YES_NO: Final[Schema] = {"type": "boolean"}
ANY: Final[Schema] = {"type": "object"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}


def ref(name: str) -> Schema:
    """A component by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _all(**members: Schema) -> Schema:
    """An object whose members are all there, and no others."""
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def _some(required: tuple[str, ...], **members: Schema) -> Schema:
    return {**_all(**members), "required": list(required)}


def many(name: str) -> Schema:
    """A list of a component."""
    return {"type": "array", "items": ref(name)}


def page(name: str) -> Schema:
    """A page of a list, and where the next one begins."""
    return _all(items=many(name), next=MAYBE)


_SITE_ROW: Final = {
    "number": TEXT,
    "name": TEXT,
    "country": TEXT,
    "timezone": TEXT,
    "status": TEXT,
    "status_on": MAYBE,
}
_ORDERED_KIT: Final = {"kit_number": TEXT, "label_lot": TEXT, "expiry": TEXT, "group": TEXT}
_ORDER: Final = {
    **dict.fromkeys(("order", "kind", "study", "status", "ordered_at"), TEXT),
    **dict.fromkeys(("acknowledged_at", "leaves_on", "due_on"), MAYBE),
    **dict.fromkeys(("from_depot", "from_name", "to_name"), TEXT),
    **dict.fromkeys(("to_site", "to_depot", "to_country"), MAYBE),
    "kits": {"type": "array", "items": _all(**_ORDERED_KIT)},
}
_TRACED_KIT: Final = {
    **dict.fromkeys(("number", "state"), TEXT),
    **dict.fromkeys(("depot", "site", "visit", "dispensed_at", "confirmed_at"), MAYBE),
    **dict.fromkeys(("shipments", "subjects"), TEXTS),
}
_TRACE: Final = {
    **dict.fromkeys(("lot", "kit_type", "label_lot", "expiry", "stable_until", "status"), TEXT),
    "kits": {"type": "array", "items": _all(**_TRACED_KIT)},
    **dict.fromkeys(("sites", "shipments", "subjects"), TEXTS),
}
_PACKED: Final = {
    **dict.fromkeys(("kit_number", "kit_type", "lot", "label_lot", "expiry", "depot"), TEXT),
    "sequence": COUNT,
}
_KIT: Final = {
    "number": TEXT,
    "site": MAYBE,
    "disposition": TEXT,
    "quality": TEXT,
    "custody": TEXT,
    "subject": MAYBE,
    "dispensed_at": MAYBE,
    "confirmed_at": MAYBE,
    "state": TEXT,
}
_SHIPMENT: Final = {
    "number": TEXT,
    "kind": TEXT,
    "site": MAYBE,
    "depot": MAYBE,
    "from_site": MAYBE,
    "to_depot": MAYBE,
    "status": TEXT,
    "created_at": TEXT,
    "confirmed_at": MAYBE,
    "leaves_on": MAYBE,
    "due_on": MAYBE,
    "dispatched_on": MAYBE,
    "received_on": MAYBE,
}
_QUESTION: Final = {
    "name": TEXT,
    "kind": TEXT,
    "text": TEXT,
    "optional": YES_NO,
    "sometimes": YES_NO,
    "schema": ANY,
}
_RECEIPT: Final = {
    "transaction": TEXT,
    "study": TEXT,
    "site": MAYBE,
    "subject": MAYBE,
    "sequence": COUNT,
    "confirmation": TEXT,
    "facts": ANY,
    "said": TEXT,
    "notes": TEXTS,
    "treatment": MAYBE,
    "share": MAYBE,
    "at": TEXT,
    "at_local": TEXT,
    "signatures": many("Signature"),
    "pending": YES_NO,
    "replayed": YES_NO,
}
_ENTRY: Final = {
    "sequence": COUNT,
    "at": TEXT,
    "at_local": MAYBE,
    "transaction": TEXT,
    "outcome": TEXT,
    "actor": MAYBE,
    "actor_name": MAYBE,
    "channel": TEXT,
    "site": MAYBE,
    "subject": MAYBE,
    "confirmation": MAYBE,
    "facts": ANY,
    "refused": MAYBE,
    "detail": MAYBE,
    "signed": YES_NO,
    "signatures": many("Signature"),
    "hash": TEXT,
}
_PROBLEM: Final = {
    "type": TEXT,
    "title": TEXT,
    "status": COUNT,
    "code": TEXT,
    "detail": TEXT,
    "field": TEXT,
    "errors": {"type": "array", "items": _all(field=TEXT, detail=TEXT)},
}
_SUBJECT_ROW: Final = {
    "number": TEXT,
    "site": TEXT,
    "status": TEXT,
    "treatment": TEXT,
    "consent_on": MAYBE,
    "randomization_number": MAYBE,
    "randomized_on": MAYBE,
    "ended_on": MAYBE,
    "in_error_at": MAYBE,
}
_OPENING: Final = {
    **dict.fromkeys(("subject", "kit", "ends_at"), MAYBE),
    **dict.fromkeys(("basis", "opened_at"), TEXT),
    **dict.fromkeys(("sequence", "told"), COUNT),
    "all": YES_NO,
}
_TREATMENT: Final = {
    **dict.fromkeys(("subject", "kit", "earlier"), MAYBE),
    **dict.fromkeys(("treatment", "basis"), TEXT),
    "times": COUNT,
}
_BREAK: Final = {
    **dict.fromkeys(("at", "deed", "outcome", "channel"), TEXT),
    **dict.fromkeys(("actor", "actor_name", "site", "subject", "kit", "confirmation"), MAYBE),
    **dict.fromkeys(("reason", "details", "called_back", "why", "refused", "detail"), MAYBE),
    **dict.fromkeys(("repeated", "signed", "is_due"), YES_NO),
    **dict.fromkeys(("sequence", "readings"), COUNT),
    "still_blinded": TEXTS,
    "assessments": {"type": "array", "items": _all(by=TEXT, name=MAYBE, at=TEXT, text=TEXT)},
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    "Problem": _some(("type", "title", "status", "code", "detail"), **_PROBLEM),
    "Person": _all(user_id=TEXT, name=TEXT, language=TEXT),
    "Token": _all(
        id=COUNT, name=TEXT, created_at=TEXT, expires_at=TEXT, used_at=MAYBE, revoked_at=MAYBE
    ),
    "StudyRow": _all(code=TEXT, number=TEXT, title=TEXT, training=YES_NO),
    "SiteRow": _all(**_SITE_ROW),
    "SubjectRow": _all(**_SUBJECT_ROW),
    "KitRow": _all(**_KIT),
    "ShipmentRow": _all(**_SHIPMENT),
    "Signature": _all(
        **dict.fromkeys(("user_id", "name", "meaning", "meaning_text", "at", "at_local"), TEXT),
        method=TEXT,
    ),
    "LedgerEntry": _all(**_ENTRY),
    # The rows are those of the CSV files, by the names of their columns.
    "Account": _all(
        **{one: {"type": "array", "items": ANY} for one in ("sites", "lots", "kits", "subjects")},
        as_of=TEXT,
        closes=YES_NO,
        types=YES_NO,
    ),
    # A table that is not for the reader is not there; rows are by the names of the columns.
    "Copy": _some(
        ("format", "format_version", "study", "made_at", "ledger", "tables"),
        **dict.fromkeys(("format", "study", "made_at"), TEXT),
        **dict.fromkeys(("format_version", "study_version"), COUNT),
        training=YES_NO,
        made_for=_all(user_id=TEXT, name=TEXT),
        ledger=_all(upto=COUNT, hash=TEXT),
        tables=ANY,
    ),
    "Order": _all(**_ORDER),
    "Trace": _all(**_TRACE),
    "PackagingList": _all(kits={"type": "array", "items": _all(**_PACKED)}),
    "Warning": _all(kind=TEXT, text=TEXT, day=MAYBE, site=MAYBE, depot=MAYBE, shipment=MAYBE),
    "Warnings": _all(items=many("Warning")),
    "TypeWhy": _all(kit_type=TEXT, decided=COUNT, sent=COUNT, why=TEXT),
    "Why": _all(shipment=TEXT, kind=TEXT, why=MAYBE, types=many("TypeWhy")),
    # One record has whatever `ixrs show` tells of it.
    "Record": {"type": "object", "properties": {"number": TEXT}, "required": ["number"]},
    "CodeBreak": _all(**_BREAK),
    "Opening": _all(**_OPENING),
    "Treatment": _all(**_TREATMENT),
    "Choice": _all(value=TEXT, label=TEXT),
    "Question": _some(tuple(_QUESTION), **_QUESTION, choices=many("Choice")),
    "Offer": _all(name=TEXT, title=TEXT, signed=YES_NO, site=MAYBE, questions=many("Question")),
    "Check": _some(
        ("status",),
        status={"type": "string", "enum": ["ask", "wrong", "complete"]},
        question=ref("Question"),
        field=TEXT,
        detail=TEXT,
        read_back=TEXTS,
        warnings=TEXTS,
        signed=YES_NO,
    ),
    "Receipt": _all(**_RECEIPT),
}


def studies() -> dict[str, Any]:
    """The list of studies, which has one page."""
    return dict(page("StudyRow"))
