"""Proof: every chain recomputed from its bytes, every signature, every draw.

Works on damaged databases: a row that cannot be read is a wrong row. The first wrong row of a
chain is named; where an entry and its own hash were both rewritten, the entry after it still tells.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.errors import IntegrityBreach, Unavailable
from core.ledger import stamps, triggers
from core.ledger.again import DrawWrong
from core.ledger.anchors import Noted, NotedFile, heads_in_ledger
from core.ledger.append import INSTALLATION, about, seal_of
from core.ledger.draws import DrawCheck
from core.ledger.encoding import VERSION, canonical, digest, instant, secret_digest
from core.ledger.fold import Fold
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
PROBLEMS_MAX: Final = 100
_ENTRIES_MAX: Final = 10_000_000  # whatever a damaged head says


@dataclass(frozen=True, slots=True)
class WrongRow:
    """The first entry of a chain that is not what was written, and why."""

    study: str
    sequence: int
    why: str


Head = tuple[int, str]
"""Sequence and hash of the last entry of a chain, to be noted outside."""


@dataclass
class Report:
    """What was found: nothing wrong, or the first wrong row and every problem in words.

    `heads` are the last entries of the chains as they lie there, `draws` how many were made again,
    `noted` how many heads from outside the chains were held against.
    """

    first_wrong: WrongRow | None = None
    problems: list[str] = field(default_factory=list)
    entries: int = 0
    draws: int = 0
    noted: int = 0
    heads: dict[str, Head] = field(default_factory=dict)

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


def verify(
    core: Core,
    study: str | None = None,
    noted: Iterable[Noted] = (),
    files: Iterable[NotedFile] = (),
) -> Report:
    """Check the chain of one study, or of all of them and of the installation.

    `noted`, `files`: heads noted outside, which a chain cut off or written anew since then lacks;
    those that the installation's chain names are looked for as well.
    """
    return _verify(core, study, tuple(noted), tuple(files), None)


def verify_chain(core: Core, study: str, head: Head | None, seed: bytes | None) -> Report:
    """As `verify` for one study, its draws made from this seed; None: the one kept here."""
    noted = () if head is None else (Noted(study, *head),)
    return _verify(core, study, noted, (), seed)


def _verify(
    core: Core,
    study: str | None,
    noted: tuple[Noted, ...],
    files: tuple[NotedFile, ...],
    seed: bytes | None,
) -> Report:
    report = Report()
    heads = [*noted, *(head for file in files for head in file.heads)]
    report.noted = len(heads)
    try:
        with core.reading() as db, _whatever_it_says(db):
            _stand_still(db)
            heads += heads_in_ledger(db)
            _check_chains(_Work(core, db, report, _by_study(heads, study), seed), study)
            for name in triggers.missing(db):
                report.problem(f"the trigger {name} that protects the ledger is missing")
    except (Unavailable, DBAPIError) as error:
        report.problem(f"the ledger cannot be read ({type(error.__cause__).__name__})")
    for file in files:
        _check_file(core, report, file)
    return report


Places = Mapping[int, frozenset[str]]
"""Hashes that were noted, by their place in a chain."""


def _by_study(heads: Iterable[Noted], only: str | None) -> dict[str, Places]:
    found: dict[str, dict[int, frozenset[str]]] = {}
    for head in heads:
        if only is None or head.study == only:
            at = found.setdefault(head.study, {})
            at[head.sequence] = at.get(head.sequence, frozenset()) | {head.hash}
    return {study: dict(places) for study, places in found.items()}


def _check_file(core: Core, report: Report, file: NotedFile) -> None:
    """What is wrong with a file of heads itself, time stamps included."""
    for why in file.problems:
        report.problem(why)
    for text_, stamp in file.stamped:
        try:
            stamps.check(text_, stamp, core.settings.tsa_certificates)
        except stamps.NotStamped as wrong:
            title = text_.partition("\n")[0].lstrip("# ") or "nothing"
            report.problem(f"the time stamp of {title}: {wrong}")


@contextmanager
def _whatever_it_says(db: Connection) -> Iterator[None]:
    """SQLite hands out texts that are none: a row with one is a wrong row, and the others are
    read all the same."""
    if db.dialect.name != "sqlite":
        yield
        return
    driver: Any = db.connection.driver_connection
    driver.text_factory = lambda raw: raw.decode(errors="replace")
    try:
        yield
    finally:
        driver.text_factory = str


def _stand_still(db: Connection) -> None:
    """All is read as of one moment: deeds go on meanwhile. SQLite reads like this anyway."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


@dataclass(frozen=True, slots=True)
class _Work:
    """What a verification goes by."""

    core: Core
    db: Connection
    report: Report
    noted: Mapping[str, Places]
    seed: bytes | None


def _check_chains(work: _Work, study: str | None) -> None:
    db, report = work.db, work.report
    heads = _heads(db, study)
    chains: dict[str, list[Any]] = {code: [] for code in heads}
    for row in _rows(db, study, heads):
        chains.setdefault(str(row.study), []).append(row)
    for code in sorted(chains):
        _Chain(work, code).check(chains[code], heads.get(code))
    for code in sorted((_expected(db) | set(work.noted)) - set(chains)):
        if study in (None, code):
            report.wrong(code, 1, "the chain is gone, from its first entry on")
    if study is not None and study not in chains and report.ok:
        report.problem(f"there is no chain of {study}")


def _rows(db: Connection, study: str | None, heads: Mapping[str, Any]) -> Iterable[Any]:
    """The rows of the ledger in order; where the file is damaged, one by one, those that cannot be
    read as what they are."""
    where = "WHERE study = :study " if study else ""
    try:
        query = text(_ROWS.format(where=where))
        return db.execute(query, {"study": study} if study else {}).all()
    except DBAPIError:
        return _one_by_one(db, heads)


def _one_by_one(db: Connection, heads: Mapping[str, Any]) -> Iterator[Any]:
    query = text(_ROWS.format(where="WHERE study = :study AND sequence = :n "))
    for code, head in heads.items():
        last = head.sequence if isinstance(head.sequence, int) else 0
        for place in range(1, min(last, _ENTRIES_MAX) + 1):
            try:
                row = db.execute(query, {"study": code, "n": place}).one_or_none()
            except DBAPIError:
                yield SimpleNamespace(study=code, sequence=place, body=None, hash="")
            else:
                if row is not None:
                    yield row


def _expected(db: Connection) -> set[str]:
    """The chains that there have to be: one for each published study, one for its people."""
    codes = set(db.scalars(text("SELECT code FROM study")))
    return codes | {INSTALLATION} if codes else codes


def _heads(db: Connection, study: str | None) -> dict[str, Any]:
    where = " WHERE study = :study" if study else ""
    found = db.execute(
        text(f"SELECT study, sequence, hash, seal FROM chain{where}"),  # noqa: S608 - fixed texts
        {"study": study} if study else {},
    )
    return {str(row.study): row for row in found}


class _Chain:
    """One chain, from its first entry to its head."""

    def __init__(self, work: _Work, study: str) -> None:
        self._report, self._study, self._keys = work.report, study, work.core.keys
        self._core = work.core
        self._db, self._noted = work.db, work.noted.get(study, {})
        self._draws = DrawCheck(work.core, work.db, study, work.seed)
        self._fold = Fold(work.core, work.db, study)

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
            self._check_noted(sequence, said)
        self._check_head(head, expected - 1, said)
        self._report.heads[self._study] = expected - 1, said
        if (most := max(self._noted, default=0)) >= expected:
            why = f"the entry is missing: the chain had {most} when its head was noted"
            self._report.wrong(self._study, expected, why)
        self._check_rest()

    def _check_noted(self, sequence: int, mark: str) -> None:
        if not self._noted.get(sequence, frozenset()) <= {mark}:
            why = "the entry is not the one that was noted outside"
            self._report.wrong(self._study, sequence, why)

    def _check_rest(self) -> None:
        """What lies beside the chain: draws, lists, counts, every record that entries tell of."""
        self._report.draws += self._draws.draws
        for what, left in (
            ("draws and lists", self._draws.leftovers()),
            ("records", self._fold.leftovers()),
        ):
            try:
                for one in left:
                    if one.sequence is None:
                        self._report.problem(f"{self._study}: {one.why}")
                    else:
                        self._report.wrong(self._study, one.sequence, one.why)
            except Exception as error:
                why = f"{what} cannot be read ({type(error).__name__})"
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
        self._fold.take(entry, secret)
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
    if not isinstance(row.body, str):
        raise Broken("the entry cannot be read")
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
