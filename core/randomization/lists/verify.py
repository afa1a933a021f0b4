"""Imported lists held against what the ledger published of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select

from core.db.drawing import allocator, list_row, list_version, seed_share
from core.db.models import ledger, study_version
from core.errors import IntegrityBreach
from core.randomization.lists.importing import nonce_about
from core.randomization.lists.rows import ListedRow, canonical_list, list_commitment, listed_about
from core.sealed import Sealed

if TYPE_CHECKING:
    from core.runtime import Core


class ListProblem(NamedTuple):
    """What is wrong, in words and without an arm, and the ledger entry that says otherwise."""

    why: str
    sequence: int | None = None


def list_problems(core: Core, db: Connection, study: str) -> Iterator[ListProblem]:
    """What is wrong with the study's imported lists and its seed's keepers.

    Each version opens, gives the commitment that its ledger entry published, is open only if the
    ledger says so, and lets no more rows be drawn than were opened. Designs are open, and halves of
    the seed with those people, that the ledger names.
    """
    told = _entries(db, study)
    imported, opened = told.imported, told.opened
    versions = {
        row.version: row
        for row in db.execute(select(list_version).where(list_version.c.study == study))
    }
    if set(versions) != set(imported):
        gone = min((told.at[one] for one in imported if one not in versions), default=None)
        yield ListProblem("there are list versions other than those that entries tell of", gone)
    for number, version in sorted(versions.items()):
        if (version.activated_at is not None) != (number in opened):
            why = f"list version {number} is open or closed other than the entries tell"
            yield ListProblem(why, told.at.get(number))
        try:
            nonce, text = open_list(core, db, study, number)
            committed = list_commitment(nonce, text)
        except (IntegrityBreach, ValueError, TypeError):
            yield ListProblem(f"list version {number} does not open", told.at.get(number))
            continue
        if committed != imported.get(number) or version.commitment != committed:
            why = f"list version {number} is not the one committed to"
            yield ListProblem(why, told.at.get(number))
    yield from _drawn_too_far(db, study, opened)
    yield from _seed_problems(db, study, told)


@dataclass(slots=True)
class _Told:
    """Of the ledger: version to commitment and entry of its import, what was opened, who holds
    which half."""

    imported: dict[int, str] = field(default_factory=dict)
    at: dict[int, int] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)
    designs: set[int] = field(default_factory=set)
    shares: set[tuple[int, str]] = field(default_factory=set)


def _entries(db: Connection, study: str) -> _Told:
    query = (
        select(ledger.c.body)
        .where(
            ledger.c.study == study,
            ledger.c.outcome == "done",
            ledger.c.transaction.in_(("import_list", "approve", "take_seed_share")),
        )
        .order_by(ledger.c.sequence)
    )
    told = _Told()
    for text in db.scalars(query):
        body: Mapping[str, Any] = json.loads(text)
        facts = body["facts"]
        if body["transaction"] == "import_list":
            told.imported[facts["list_version"]] = facts["list_commitment"]
            told.at[facts["list_version"]] = body["sequence"]
        elif body["transaction"] == "take_seed_share":
            told.shares.add((facts["share"], facts["user_id"]))
        elif facts.get("approved") == "activate_list":
            if "list_version" in facts:
                told.opened.add(facts["list_version"])
            else:
                told.designs.add(facts["epoch"])
    return told


def _seed_problems(db: Connection, study: str, told: _Told) -> Iterator[ListProblem]:
    opened = select(study_version.c.version).where(
        study_version.c.study == study, study_version.c.activated_at.is_not(None)
    )
    if set(db.scalars(opened)) != told.designs:
        yield ListProblem("a design is open or closed other than the entries tell")
    held = select(seed_share.c.share, seed_share.c.user_id).where(seed_share.c.study == study)
    if {(share, user_id) for share, user_id in db.execute(held)} != told.shares:
        yield ListProblem("halves of the seed are with others than the entries tell")


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


def _drawn_too_far(db: Connection, study: str, opened: set[int]) -> Iterator[ListProblem]:
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
        yield ListProblem("a list may be drawn from further than two persons opened it")
