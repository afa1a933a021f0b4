"""Heads of chains noted outside the database, against which a chain that was cut off shows.

Nightly, and by hand, the heads of all chains become one text: a line with the moment, then
STUDY:SEQUENCE:HASH for each. The entry `heads_noted` in the installation's chain names the other
chains' heads, so that each chain holds the others too. The text goes to a file, by e-mail and to a
time stamping authority (RFC 3161); what has not arrived there is tried again.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from core.db.models import chain
from core.db.proof import anchor
from core.db.upsert import new_id
from core.errors import Unavailable
from core.ledger.append import INSTALLATION, append_system
from core.ledger.encoding import instant
from core.messages import Message
from core.outbox import enqueue
from core.transaction import Notice

if TYPE_CHECKING:
    from core.runtime import Core

EVENT: Final = "heads_noted"
"""The event's name in the ledger of the installation."""
LEASE: Final = dt.timedelta(minutes=5)
_STUCK: Final = 3
_TITLE: Final = "# IxRS heads noted "
_STAMP: Final = "# stamp "
_LINE: Final = re.compile(r"([^:\s]{1,40}):([1-9][0-9]{0,11}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry that was the last of its chain when it was noted."""

    study: str
    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.study}:{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The heads of one moment. `filed`, `mailed`, `stamped`: where they have arrived; `stamp` is
    an RFC 3161 response, base64."""

    id: int
    at: dt.datetime
    text: str
    filed: bool = False
    mailed: bool = False
    stamp: str | None = None

    @property
    def stamped(self) -> bool:
        """Whether a time stamping authority has seen them."""
        return self.stamp is not None


def parse_head(line: str) -> Noted:
    """STUDY:SEQUENCE:HASH as a head. Raises ValueError."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is not STUDY:SEQUENCE:HASH")
    return Noted(found[1], int(found[2]), found[3])


def note_heads(core: Core, night: dt.date | None = None) -> Anchor | None:
    """Take down the heads of all chains, on record; None if that night has them already."""
    now = core.now()
    with core.writing() as db:
        if night is not None and _of_night(db, night) is not None:
            return None
        heads = [head for head in current_heads(db) if head.study != INSTALLATION]
        facts = {"night": night, "heads": [str(head) for head in heads]}
        sequence = append_system(db, core, None, EVENT, facts)
        mark = db.scalar(select(chain.c.hash).where(chain.c.study == INSTALLATION))
        heads.append(Noted(INSTALLATION, sequence, str(mark)))
        written = _text(now, heads)
        values = {"night": night, "at": now, "text": written, "sequence": sequence, "attempts": 0}
        made = db.execute(insert(anchor).values(values))
        return Anchor(new_id(made), now, written)


def current_heads(db: Connection) -> list[Noted]:
    """The last entry of each chain, by study."""
    query = select(chain.c.study, chain.c.sequence, chain.c.hash).order_by(chain.c.study)
    return [Noted(row.study, row.sequence, row.hash) for row in db.execute(query)]


def _of_night(db: Connection, night: dt.date) -> int | None:
    found: int | None = db.scalar(select(anchor.c.id).where(anchor.c.night == night))
    return found


def _text(at: dt.datetime, heads: Iterable[Noted]) -> str:
    return "".join(f"{line}\n" for line in (f"{_TITLE}{instant(at)}", *map(str, heads)))


def wants(core: Core) -> frozenset[str]:
    """Where the settings ask heads to be noted: "file", "mail", "stamp"."""
    asked = core.settings
    places = {"file": asked.anchor_file, "mail": asked.anchor_mail, "stamp": asked.tsa_url}
    return frozenset(name for name, place in places.items() if place)


def is_complete(one: Anchor, places: frozenset[str]) -> bool:
    """Whether these heads have arrived wherever they are wanted."""
    has = {"file": one.filed, "mail": one.mailed, "stamp": one.stamped}
    return all(has[place] for place in places)


def claim_due(core: Core) -> Anchor | None:
    """Tonight's heads, noted now where nobody has, while they have not arrived everywhere; then
    they are this worker's for as long as a lease lasts. None: nothing to do."""
    places, now = wants(core), core.now()
    night = now.astimezone(dt.UTC).date()
    if not places:
        return None
    with core.reading() as db:
        known = _of_night(db, night)
    if known is None:
        note_heads(core, night)
    with core.reading() as db:
        row = db.execute(select(anchor).where(anchor.c.night == night)).one_or_none()
    if row is None or is_complete(_anchor(row), places):
        return None
    with core.writing() as db:
        free = (anchor.c.lease_until.is_(None)) | (anchor.c.lease_until <= now)
        taken = db.execute(
            update(anchor)
            .where(anchor.c.id == row.id, free)
            .values(lease_until=now + LEASE, attempts=anchor.c.attempts + 1)
            .returning(anchor)
        ).one_or_none()
        if taken is not None and taken.attempts == _STUCK:
            told = Message("sms.anchor_stuck", {"day": night})
            enqueue(db, core, Notice(told, roles=("administrator",)), None, None)
    return None if taken is None else _anchor(taken)


def _anchor(row: Any) -> Anchor:
    filed, mailed = row.filed_at is not None, row.mailed_at is not None
    return Anchor(row.id, row.at, row.text, filed, mailed, row.stamp)


def mark_filed(core: Core, one: Anchor) -> None:
    """The heads are in the file."""
    _mark(core, one, {"filed_at": core.now()})


def mark_mailed(core: Core, one: Anchor) -> None:
    """The mail server has taken the heads."""
    _mark(core, one, {"mailed_at": core.now()})


def mark_stamped(core: Core, one: Anchor, stamp: str) -> None:
    """The heads have this stamp, base64."""
    _mark(core, one, {"stamp": stamp})


def _mark(core: Core, one: Anchor, values: Mapping[str, object]) -> None:
    with core.writing() as db:
        db.execute(update(anchor).where(anchor.c.id == one.id).values(values))


def append_text(path: str, lines: str) -> None:
    """Add lines at the end of the file, on the disk when this returns. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        _lock(handle)
        end = file.seek(0, os.SEEK_END)
        torn = b""
        if end:
            file.seek(end - 1)
            torn = b"" if file.read(1) == b"\n" else b"\n"  # a line that was cut short
        file.write(torn + lines.encode())
        os.fsync(handle)


if sys.platform != "win32":

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)

else:

    def _lock(handle: int) -> None:
        """Appending is all there is."""


def stamp_line(one: Anchor, stamp: str) -> str:
    """How a time stamp follows the heads that it is of, in the file."""
    return f"{_STAMP}{instant(one.at)} {stamp}\n"


@dataclass(slots=True)
class NotedFile:
    """A file of heads as it was read: its heads, what could not be read, and each text that has a
    stamp with that stamp (base64)."""

    heads: list[Noted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    stamped: list[tuple[str, str]] = field(default_factory=list)


def read_file(path: str) -> NotedFile:
    """Read a file of heads. Never raises: what can't be read is a problem."""
    found = NotedFile()
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        found.problems.append(f"the file of noted heads {path} cannot be read ({why})")
        return found
    texts: dict[str, str] = {}
    at = ""
    for place, line in enumerate(lines, 1):
        if line.startswith(_TITLE):
            at = line.removeprefix(_TITLE)
            texts[at] = f"{line}\n"
        elif line.startswith(_STAMP):
            moment, _, stamp = line.removeprefix(_STAMP).partition(" ")
            found.stamped.append((texts.get(moment, ""), stamp))
        elif line and not line.startswith("#"):
            try:
                found.heads.append(parse_head(line))
            except ValueError:
                found.problems.append(f"line {place} of the file of noted heads is none")
            texts[at] = f"{texts.get(at, '')}{line}\n"
    return found


def configured_file(core: Core) -> tuple[str, ...]:
    """The file of the settings, if there is one, or if there has to be: heads were put there."""
    path = core.settings.anchor_file
    if not path:
        return ()
    if Path(path).exists():
        return (path,)
    try:
        with core.reading() as db:
            filed = db.scalar(select(anchor.c.id).where(anchor.c.filed_at.is_not(None)).limit(1))
    except (Unavailable, DBAPIError):
        return ()  # a damaged database says so itself
    return (path,) if filed is not None else ()


def heads_in_ledger(db: Connection) -> Iterator[Noted]:
    """The heads that entries of the installation's chain name; what can't be read is passed over,
    for it is a wrong entry of that chain."""
    bodies = db.scalars(
        text('SELECT body FROM ledger WHERE study = :study AND "transaction" = :event'),
        {"study": INSTALLATION, "event": EVENT},
    )
    for body in bodies:
        try:
            yield from map(parse_head, json.loads(body)["facts"]["heads"])
        except (ValueError, TypeError, KeyError):
            continue
