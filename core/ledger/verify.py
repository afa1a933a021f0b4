"""Proof: every chain recomputed from its bytes, every signature, every draw.

Works on damaged databases: a row that cannot be read is a wrong row. The first wrong row of a
chain is named; where an entry and its own hash were both rewritten, the entry after it still tells.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.errors import IntegrityBreach, Unavailable
from core.ledger import triggers
from core.ledger.again import DrawWrong
from core.ledger.append import INSTALLATION, about, seal_of
from core.ledger.draws import DrawCheck
from core.ledger.encoding import VERSION, canonical, digest, instant, secret_digest
from core.sealed import Keys, Sealed

if TYPE_CHECKING:
    from core.runtime import Core

_COLUMNS: Final = (
    "transaction",
    "outcome",
    "actor",
    "channel",
    "site",
    "subject",
    "confirmation",
)
# Read as it lies there, past the column types, which would stumble over damage.
_ROWS: Final = (
    'SELECT study, sequence, at, "transaction", outcome, actor, channel, site, subject, '
    "confirmation, body, secret, hash, seal FROM ledger {where}ORDER BY study, sequence"
)
_BESIDE: Final = """SELECT r.sequence FROM receipt r LEFT JOIN ledger l
ON l.study = r.study AND l.sequence = r.sequence AND l."transaction" = r."transaction"
AND l.outcome = r.outcome AND l.actor = r.actor AND l.channel = r.channel
AND coalesce(l.site, '') = coalesce(r.site, '')
AND coalesce(l.confirmation, '') = coalesce(r.confirmation, '')
WHERE r.study = :study AND r.sequence IS NOT NULL AND l.sequence IS NULL ORDER BY r.sequence"""
PROBLEMS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class WrongRow:
    """The first entry of a chain that is not what was written, and why."""

    study: str
    sequence: int
    why: str


@dataclass
class Report:
    """What was found: nothing wrong, or the first wrong row and every problem in words."""

    first_wrong: WrongRow | None = None
    problems: list[str] = field(default_factory=list)
    entries: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems

    def wrong(self, study: str, sequence: int, why: str) -> None:
        """Note a wrong row; the first one noted is the one named."""
        if self.first_wrong is None:
            self.first_wrong = WrongRow(study, sequence, why)
        self.problem(f"{study} {sequence}: {why}")

    def problem(self, why: str) -> None:
        """Note what is wrong elsewhere than in an entry."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(why)


class Broken(Exception):
    """Why a row is wrong."""


def verify(core: Core, study: str | None = None) -> Report:
    """Check the chain of one study, or of all of them and of the installation."""
    report = Report()
    try:
        with core.reading() as db:
            _stand_still(db)
            _check_chains(core, db, report, study)
            for name in triggers.missing(db):
                report.problem(f"the trigger {name} that protects the ledger is missing")
    except (Unavailable, DBAPIError) as error:
        report.problem(f"the ledger cannot be read ({type(error.__cause__).__name__})")
    return report


def _stand_still(db: Connection) -> None:
    """All is read as of one moment: deeds go on meanwhile. SQLite reads like this anyway."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _check_chains(core: Core, db: Connection, report: Report, study: str | None) -> None:
    where = "WHERE study = :study " if study else ""
    rows = db.execute(text(_ROWS.format(where=where)), {"study": study} if study else {})
    heads = _heads(db, study)
    chains: dict[str, list[Any]] = {code: [] for code in heads}
    for row in rows.all():
        chains.setdefault(str(row.study), []).append(row)
    for code in sorted(chains):
        _Chain(core, db, report, code).check(chains[code], heads.get(code))
    for code in _expected(db, study) - set(chains):
        report.problem(f"there is no chain of {code}")


def _expected(db: Connection, study: str | None) -> set[str]:
    """The chains that there have to be: one for each published study, one for its people."""
    if study is not None:
        return {study}
    codes = set(db.scalars(text("SELECT code FROM study")))
    return codes | {INSTALLATION} if codes else codes


def _heads(db: Connection, study: str | None) -> dict[str, Any]:
    where = " WHERE study = :study" if study else ""
    found = db.execute(
        text(f"SELECT study, sequence, hash, seal FROM chain{where}"),  # noqa: S608 - fixed texts
        {"study": study} if study else {},
    )
    return {str(row.study): row for row in found}


def _receipts_beside(db: Connection, study: str) -> list[int]:
    """Places in the chain that a receipt names, of which it does not say what the entry does."""
    return list(db.scalars(text(_BESIDE), {"study": study}))


class _Chain:
    """One chain, from its first entry to its head."""

    def __init__(self, core: Core, db: Connection, report: Report, study: str) -> None:
        self._report, self._study, self._keys = report, study, core.keys
        self._db, self._draws = db, DrawCheck(core, db, study)

    def check(self, rows: list[Any], head: Any) -> None:
        expected, before, said = 1, "", ""
        for row in rows:
            sequence = row.sequence if isinstance(row.sequence, int) else expected
            if sequence > expected:
                self._report.wrong(self._study, expected, "the entry is missing")
                before = ""
            try:
                entry = _read(row, sequence)
                if sequence == expected and entry["previous"] != before:
                    why = "the entry after it continues another one than this"
                    self._report.wrong(self._study, max(sequence - 1, 1), why)
                self._check_entry(row, entry)
            except Broken as broken:
                self._report.wrong(self._study, sequence, str(broken))
            except Exception as error:  # damage shows in any way whatever
                why = f"the entry cannot be read ({type(error).__name__})"
                self._report.wrong(self._study, sequence, why)
            self._report.entries += 1
            expected, before, said = sequence + 1, str(row.hash), str(row.hash)
        self._check_head(head, expected - 1, said)
        for sequence in _receipts_beside(self._db, self._study):
            self._report.wrong(self._study, sequence, "a receipt says other than the entry")
        try:
            for left in self._draws.leftovers():
                if left.sequence is None:
                    self._report.problem(f"{self._study}: {left.why}")
                else:
                    self._report.wrong(self._study, left.sequence, left.why)
        except Exception as error:
            why = f"draws and lists cannot be read ({type(error).__name__})"
            self._report.problem(f"{self._study}: {why}")

    def _check_entry(self, row: Any, entry: Mapping[str, Any]) -> None:
        if row.seal != seal_of(self._keys, self._study, row.sequence, row.hash):
            raise Broken("the entry was not written by this installation")
        secret = _open(self._keys, self._study, row, entry)
        for signed in entry["signatures"]:
            if not all(signed.get(key) for key in ("user_id", "name", "meaning", "at", "method")):
                raise Broken("a signature is incomplete")
            if signed["user_id"] != entry["actor"] or signed["meaning"] != entry["transaction"]:
                raise Broken("a signature belongs to another entry")
        try:
            self._draws.check(entry, secret)
        except DrawWrong as wrong:
            raise Broken(str(wrong)) from wrong

    def _check_head(self, head: Any, last: int, mark: str) -> None:
        if head is None or not isinstance(head.sequence, int):
            self._report.wrong(self._study, last, "the chain's head is missing or unreadable")
        elif head.sequence != last:
            first = min(head.sequence, last) + 1
            self._report.wrong(self._study, first, "the head names another last entry")
        elif head.hash != mark:
            self._report.wrong(self._study, last, "the head continues another entry than this")
        elif head.seal != seal_of(self._keys, self._study, last, mark, last=True):
            self._report.wrong(self._study, last, "this was not the last entry")


def _read(row: Any, sequence: int) -> Mapping[str, Any]:
    """The entry, checked against its hash and its columns."""
    if digest(row.body) != row.hash:
        raise Broken("the entry does not have the hash that was written with it")
    entry = json.loads(row.body)
    if not isinstance(entry, dict) or canonical(entry) != row.body or entry["v"] != VERSION:
        raise Broken("the entry is not in the canonical encoding")
    if entry["study"] != row.study or entry["sequence"] != row.sequence:
        raise Broken("the entry stands in another place than it was written for")
    for name in _COLUMNS:
        if entry[name] != getattr(row, name):
            raise Broken(f"the column {name} differs from the entry")
    if entry["at"] != _instant(row.at):
        raise Broken("the column at differs from the entry")
    return entry


def _instant(at: Any) -> str:
    """The time column as the encoding writes it; SQLite hands out its text."""
    if isinstance(at, str):
        at = dt.datetime.fromisoformat(at)
    return instant(at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at)


def _open(keys: Keys, study: str, row: Any, entry: Mapping[str, Any]) -> dict[str, str]:
    """The sealed values, held against the digests in the entry."""
    if (row.secret is None) != (not entry["secret"]):
        raise Broken("the sealed part is missing, or belongs to nothing")
    if row.secret is None:
        return {}
    try:
        kept = json.loads(keys.open(Sealed(bytes(row.secret), about(study, entry["sequence"]))))
    except IntegrityBreach:
        raise Broken("the sealed part does not open in this place") from None
    opened = {name: value for name, (salt, value) in kept.items()}
    digests = {name: secret_digest(salt, value) for name, (salt, value) in kept.items()}
    if digests != entry["secret"]:
        raise Broken("the sealed part is not the one that was written")
    return opened
