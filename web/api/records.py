"""Reading: what `ixrs show` and the pages show, under the same sight."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from core.access.openings import open_studies
from core.db.models import site
from core.errors import NotFound
from core.facts import is_keyed
from core.ledger.listing import LedgerListing, LedgerRow, Wanted
from core.listing import Listing
from core.messages import message_from_json
from core.reading import Reader
from core.register import transactions
from core.sight import PAGE, PAGE_MAX, Page
from web.api.operations import Answer, Call, Operation, study_of
from web.api.problems import tell
from web.api.schema import NUMBER, Schema, read_moment
from web.api.shapes import page, ref, studies
from web.api.signed import signature

_TAG: Final = "records"
_WORD: Final[Schema] = {"type": "string", "pattern": "^[a-z_]{1,40}$"}
_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
_LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE}
_BY_SITE: Final = frozenset({"subjects", "kits"})
_FILTERS: Final[dict[str, dict[str, Schema]]] = {
    "sites": {},
    "subjects": {"site": NUMBER, "status": _WORD},
    "kits": {"site": NUMBER, "status": _WORD, "quality": _WORD},
    "shipments": {"site": NUMBER, "status": _WORD},
    "ledger": {
        "site": NUMBER,
        "subject": NUMBER,
        "actor": NUMBER,
        "kit": {"type": "string", "pattern": "^[0-9]{8}$"},
        "transaction": {"type": "string", "enum": [one.name for one in transactions()]},
        "from": _MOMENT,
        "to": _MOMENT,
    },
}


def _paging(call: Call) -> dict[str, Any]:
    return {"after": call.query.get("cursor"), "limit": call.query.get("limit", PAGE)}


def _page(found: Page[Any], made: Callable[[Any], dict[str, Any]] = dataclasses.asdict) -> Answer:
    return Answer({"items": [made(row) for row in found.rows], "next": found.next})


def list_studies(call: Call) -> Answer:
    """The studies that exist for this person."""
    with call.core.reading() as db:
        found = open_studies(db, call.core, call.actor)
    rows = [
        {
            "code": one.code,
            "number": one.number,
            "title": one.title.text(call.language),
            "training": one.training,
        }
        for one in found
    ]
    return Answer({"items": rows, "next": None})


def list_sites(call: Call) -> Answer:
    """The sites of a study."""
    with call.core.reading() as db:
        listing = Listing(call.core, db, call.actor, study_of(call))
        return _page(listing.list_sites(**_paging(call)))


def list_subjects(call: Call) -> Answer:
    """The subjects of a study."""
    wanted: dict[str, Any] = {"site": call.query.get("site"), "status": call.query.get("status")}
    with call.core.reading() as db:
        listing = Listing(call.core, db, call.actor, study_of(call))
        return _page(listing.list_subjects(**wanted, **_paging(call)))


def list_kits(call: Call) -> Answer:
    """The kits that are or were at sites; `status` is the disposition."""
    wanted: dict[str, Any] = {
        "site": call.query.get("site"),
        "disposition": call.query.get("status"),
        "quality": call.query.get("quality"),
    }
    with call.core.reading() as db:
        listing = Listing(call.core, db, call.actor, study_of(call))
        return _page(listing.list_kits(**wanted, **_paging(call)))


def list_shipments(call: Call) -> Answer:
    """The shipments of a study, the newest first."""
    wanted: dict[str, Any] = {"site": call.query.get("site"), "status": call.query.get("status")}
    with call.core.reading() as db:
        listing = Listing(call.core, db, call.actor, study_of(call))
        return _page(listing.list_shipments(**wanted, **_paging(call)))


def list_ledger(call: Call) -> Answer:
    """The entries of a study's ledger, the newest first."""
    asked = call.query
    since, until = asked.get("from"), asked.get("to")
    wanted = Wanted(
        subject=asked.get("subject"),
        kit=asked.get("kit"),
        person=asked.get("actor"),
        transaction=asked.get("transaction"),
        site=asked.get("site"),
        since=read_moment(since) if since else None,
        until=read_moment(until) if until else None,
    )
    code = study_of(call)
    with call.core.reading() as db:
        listing = LedgerListing(call.core, db, call.actor, code)
        found = listing.list_entries(wanted, **_paging(call))
        zones = _zones(db, code, {row.site for row in found.rows})
    return _page(found, lambda row: _entry(row, zones, call.language))


def _zones(db: Connection, code: str, numbers: set[str | None]) -> dict[str, str]:
    query = select(site.c.number, site.c.timezone).where(
        site.c.study == code, site.c.number.in_({one for one in numbers if one})
    )
    return {row.number: row.timezone for row in db.execute(query)}


def _entry(row: LedgerRow, zones: dict[str, str], language: str) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in row.__slots__ if name != "message"}
    zone = zones.get(row.site or "")
    local = row.at.astimezone(ZoneInfo(zone)).isoformat() if zone else None
    detail = tell(row.message, language) if row.message else None
    signatures = [signature(one, zone, language) for one in row.signatures]
    return {**told, "at_local": local, "detail": detail, "signatures": signatures}


def _show(what: str) -> Callable[[Call], Answer]:
    def show(call: Call) -> Answer:
        code = study_of(call)
        number = call.path.get("number", code)
        if what != "study" and not is_keyed(number):
            raise NotFound
        with call.core.reading() as db:
            found = Reader(call.core, db, call.actor, code).show(what, number)
        if found.get("why"):
            found["why"] = tell(message_from_json(found["why"]), call.language)
        for one in found.get("signatures", ()):
            one |= signature(one, one["zone"], call.language)
        return Answer(found)

    return show


def _list(plural: str, summary: str, row: str, handler: Callable[[Call], Answer]) -> Operation:
    return Operation(
        f"list_{plural}",
        "get",
        f"/studies/{{study}}/{plural}",
        summary,
        handler,
        {200: ("A page of the list.", page(row))},
        _TAG,
        query={**_FILTERS[plural], "limit": _LIMIT, "cursor": _cursor(plural)},
        refusals=(400, 404),
    )


def _cursor(plural: str) -> Schema:
    """Where a page begins: the `next` of the one before it, never made up."""
    pattern = "^[0-9]{1,18}-[0-9]{1,18}$" if plural in _BY_SITE else "^[0-9]{1,18}$"
    return {"type": "string", "pattern": pattern}


def _one(what: str, plural: str, summary: str) -> Operation:
    return Operation(
        f"show_{what}",
        "get",
        f"/studies/{{study}}/{plural}/{{number}}",
        summary,
        _show(what),
        {200: ("What the person may see of it.", ref("Record"))},
        _TAG,
        refusals=(400, 404),
    )


OPERATIONS: Final = (
    Operation(
        "list_studies", "get", "/studies", "The studies that exist for the token's owner",
        list_studies, {200: ("All of them.", studies())}, _TAG, refusals=(400,),
    ),
    Operation(
        "show_study", "get", "/studies/{study}", "A study with its counts", _show("study"),
        {200: ("What the person may see of it.", ref("Record"))}, _TAG, refusals=(400, 404),
    ),
    _list("sites", "Sites, by number", "SiteRow", list_sites),
    _one("site", "sites", "A site with its counts"),
    _list("subjects", "Subjects, by site and number", "SubjectRow", list_subjects),
    _one("subject", "subjects", "A subject with visits and kits"),
    _list("kits", "Kits at sites, by site and number", "KitRow", list_kits),
    _one("kit", "kits", "A kit: where it is and what has become of it"),
    _list("shipments", "Shipments, the newest first", "ShipmentRow", list_shipments),
    _one("shipment", "shipments", "A shipment and the numbers of its kits"),
    _list("ledger", "Ledger entries, the newest first", "LedgerEntry", list_ledger),
)  # fmt: skip
