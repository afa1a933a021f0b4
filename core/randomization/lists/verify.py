"""Imported lists held against what the ledger published of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from core.db.drawing import allocator, list_row, list_version
from core.db.models import ledger
from core.errors import IntegrityBreach
from core.randomization.lists.importing import nonce_about
from core.randomization.lists.rows import ListedRow, canonical_list, list_commitment, listed_about
from core.sealed import Sealed

if TYPE_CHECKING:
    from core.runtime import Core


def list_problems(core: Core, db: Connection, study: str) -> Iterator[str]:
    """What is wrong with the study's imported lists, in words; never an arm.

    Each version opens, gives the commitment that its ledger entry published, is open only if the
    ledger says so, and lets no more rows be drawn than were opened.
    """
    imported, opened = _entries(db, study)
    versions = {
        row.version: row
        for row in db.execute(select(list_version).where(list_version.c.study == study))
    }
    if set(versions) != set(imported):
        yield "there are list versions other than those that entries tell of"
    for number, version in sorted(versions.items()):
        if (version.activated_at is not None) != (number in opened):
            yield f"list version {number} is open or closed other than the entries tell"
        try:
            nonce, text = open_list(core, db, study, number)
            committed = list_commitment(nonce, text)
        except (IntegrityBreach, ValueError, TypeError):
            yield f"list version {number} does not open"
            continue
        if committed != imported.get(number) or version.commitment != committed:
            yield f"list version {number} is not the one committed to"
    yield from _drawn_too_far(db, study, opened)


def _entries(db: Connection, study: str) -> tuple[dict[int, str], set[int]]:
    """Of the ledger: version to commitment as imported, and the versions that were opened."""
    query = (
        select(ledger.c.body)
        .where(
            ledger.c.study == study,
            ledger.c.outcome == "done",
            ledger.c.transaction.in_(("import_list", "approve")),
        )
        .order_by(ledger.c.sequence)
    )
    imported: dict[int, str] = {}
    opened: set[int] = set()
    for text in db.scalars(query):
        body: Mapping[str, Any] = json.loads(text)
        facts = body["facts"]
        if body["transaction"] == "import_list":
            imported[facts["list_version"]] = facts["list_commitment"]
        elif facts.get("approved") == "activate_list" and "list_version" in facts:
            opened.add(facts["list_version"])
    return imported, opened


def open_list(core: Core, db: Connection, study: str, version: int) -> tuple[bytes, str]:
    """The nonce and the canonical text of a list version. Both unblind.

    Raises IntegrityBreach for a row that is not what was written, or is elsewhere.
    """
    kept = db.scalar(
        select(list_version.c.nonce).where(
            list_version.c.study == study, list_version.c.version == version
        )
    )
    if kept is None:
        raise IntegrityBreach
    nonce = bytes.fromhex(core.keys.open(Sealed(kept, nonce_about(study, version))))
    rows = db.execute(
        select(list_row).where(list_row.c.study == study, list_row.c.list_version == version)
    )
    return nonce, canonical_list(
        ListedRow(
            row.domain.partition("|")[2],
            row.sequence,
            row.block,
            row.number,
            core.keys.open(Sealed(row.arm, listed_about(study, version, row.domain, row.sequence))),
        )
        for row in rows
    )


def _drawn_too_far(db: Connection, study: str, opened: set[int]) -> Iterator[str]:
    ends: dict[str, int] = defaultdict(int)
    listed: set[str] = set()
    rows = select(list_row.c.domain, list_row.c.sequence, list_row.c.list_version).where(
        list_row.c.study == study, list_row.c.list_version.is_not(None)
    )
    for domain, sequence, version in db.execute(rows):
        listed.add(domain)
        if version in opened:
            ends[domain] = max(ends[domain], sequence)
    kept = select(allocator.c.domain, allocator.c.rows).where(allocator.c.study == study)
    if any(domain in listed and rows != ends[domain] for domain, rows in db.execute(kept)):
        yield "a list may be drawn from further than two persons opened it"
