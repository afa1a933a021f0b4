"""What a careful engineer would write by hand: a randomization on the bare driver.

The same tables and guarantees as `perform`, the same bytes in the ledger: the person's right is
checked, the request id claimed, the subject and then the stratum locked, the next row of the list
taken, the arm sealed, the entry chained, the message queued, the receipt settled; one commit. No
layer between: no questions, study files, other transactions or languages. `ixrs verify`'s own
check proves that a ledger written here is a right one.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import hmac
import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import make_url

from core.codes import checked_number
from core.context import SystemEntropy
from tests.bench.trial import ENCRYPTION, INVESTIGATORS, SECRET

Row = tuple[Any, ...]
TRIES = 8

RIGHT = """SELECT p.status, g.role, s.status, s.country, s.timezone, v.version, v.effective_on
FROM person p JOIN grant_role g ON g.user_id = p.user_id
JOIN site s ON s.study = :study AND s.number = :site
JOIN site_version v ON v.study = s.study AND v.site = s.number
WHERE p.user_id = :actor AND (g.study IS NULL OR g.study = :study)
AND (g.site IS NULL OR g.site = :site) AND g.starts_at <= :now
AND (g.ends_at IS NULL OR g.ends_at > :now) ORDER BY v.effective_on DESC, v.version DESC"""
CLAIM = """INSERT INTO receipt
(study, actor, channel, "transaction", request_id, digest, site, at)
VALUES (:study, :actor, :channel, 'randomize', :request, :digest, :site, :now)
ON CONFLICT DO NOTHING RETURNING id"""
SUBJECT = """SELECT id, site, status, version FROM subject
WHERE study = :study AND number = :subject{lock}"""
STRATUM = """UPDATE allocator SET draws = draws + 1
WHERE study = :study AND domain = :domain RETURNING draws"""
LIST_ROW = """SELECT number, arm FROM list_row
WHERE study = :study AND domain = :domain AND sequence = :draw"""
RANDOMIZED = """UPDATE subject SET status = 'randomized', treatment = 'on',
randomized_at = :now, randomized_on = :today, randomization_number = :number, domain = :domain,
levels = :levels, arm = :arm WHERE id = :id"""
DRAW = """INSERT INTO draw (study, domain, number, subject_id, stage)
VALUES (:study, :domain, :draw, :id, '')"""
QUEUE = """INSERT INTO outbox
(study, site, user_id, message, "by", status, rank, attempts, due_at, created_at)
VALUES (:study, :site, :actor, :message, 'sms', 'queued', 0, 0, :now, :now)"""
HEAD = "SELECT sequence, hash, holds FROM chain WHERE study = :study{lock}"
LEDGER = """INSERT INTO ledger (study, sequence, at, "transaction", outcome, actor, channel,
site, subject, confirmation, body, secret, hash, seal)
VALUES (:study, :sequence, :now, 'randomize', 'done', :actor, :channel,
:site, :subject, :confirmation, :body, :secret, :hash, :seal)"""
MOVE = "UPDATE chain SET sequence = :sequence, hash = :hash, seal = :last WHERE study = :study"
SETTLE = """UPDATE receipt SET sequence = :sequence, outcome = 'done',
confirmation = :confirmation, subject = :subject, result = :result WHERE id = :receipt"""


class Driver(Protocol):
    """One connection of a bare driver."""

    connection: Any

    def begin(self) -> None:
        """Start a write session."""

    def run(self, statement: str, values: Mapping[str, Any]) -> Row | None:
        """Execute; the first row, if there is one."""

    def end(self, *, commit: bool) -> None:
        """Commit or roll back."""

    def instant(self, at: dt.datetime) -> Any:
        """A UTC instant as this database keeps it."""


class Sqlite:
    """The standard library's driver, with the settings and the fair queue that IxRS uses."""

    def __init__(self, url: str) -> None:
        file = make_url(url).database or ""
        self.connection: Any = sqlite3.connect(file, isolation_level=None, timeout=10)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute("PRAGMA recursive_triggers=ON")
        self._queue = Path(file + ".queue").open("a")  # noqa: SIM115
        self._kept: dict[str, str] = {}

    def begin(self) -> None:
        """See `Driver`."""
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        self.connection.execute("BEGIN IMMEDIATE")

    def run(self, statement: str, values: Mapping[str, Any]) -> Row | None:
        """See `Driver`."""
        text = self._kept.get(statement)
        if text is None:
            text = self._kept[statement] = statement.format(lock="")
        found: Row | None = self.connection.execute(text, values).fetchone()
        return found

    def end(self, *, commit: bool) -> None:
        """See `Driver`."""
        try:
            self.connection.execute("COMMIT" if commit else "ROLLBACK")
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def instant(self, at: dt.datetime) -> Any:
        """See `Driver`."""
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")


class Postgres:
    """psycopg with prepared statements."""

    def __init__(self, url: str) -> None:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.connection: Any = psycopg.connect(plain)
        self._cursor = self.connection.cursor()
        self._kept: dict[str, str] = {}

    def begin(self) -> None:
        """See `Driver`: psycopg sends BEGIN with the first statement."""

    def run(self, statement: str, values: Mapping[str, Any]) -> Row | None:
        """See `Driver`."""
        text = self._kept.get(statement)
        if text is None:
            named = re.sub(r":(\w+)", r"%(\1)s", statement)
            text = self._kept[statement] = named.format(lock=" FOR UPDATE")
        made = self._cursor.execute(text, values, prepare=True)
        return made.fetchone() if made.description else None

    def end(self, *, commit: bool) -> None:
        """See `Driver`."""
        if commit:
            self.connection.commit()
        else:
            self.connection.rollback()

    def instant(self, at: dt.datetime) -> Any:
        """See `Driver`."""
        return at


def connect(url: str) -> Driver:
    """A connection for that address."""
    return Sqlite(url) if url.startswith("sqlite") else Postgres(url)


class NotDone(Exception):
    """The randomization was refused; nothing is left of it."""


class Floor:
    """Randomizes in one study over one connection."""

    def __init__(self, url: str, study: str) -> None:
        self.driver, self.study = connect(url), study
        self._cipher = AESGCM(ENCRYPTION)
        self._mark = hashlib.sha256(ENCRYPTION).digest()[:4]
        self._zones: dict[str, ZoneInfo] = {}

    def randomize(self, subject: str, site: str, request: str) -> str:
        """Randomize; returns the confirmation number. Raises NotDone.

        A confirmation number that was given before is drawn anew.
        """
        for _ in range(TRIES):
            try:
                return self._attempt(subject, site, request)
            except (sqlite3.IntegrityError, psycopg.IntegrityError):
                continue
        raise NotDone("no number was free")

    def _attempt(self, subject: str, site: str, request: str) -> str:
        self.driver.begin()
        try:
            confirmation = self._deed(subject, site, request)
        except BaseException:
            self.driver.end(commit=False)
            raise
        self.driver.end(commit=True)
        return confirmation

    def _deed(self, subject: str, site: str, request: str) -> str:
        run, now = self.driver.run, dt.datetime.now(dt.UTC)
        common: dict[str, Any] = {
            "study": self.study,
            "actor": INVESTIGATORS[site],
            "site": site,
            "subject": subject,
            "channel": "command line",
            "now": self.driver.instant(now),
        }
        right = run(RIGHT, common)
        if right is None or right[0] != "active" or right[1] != "investigator":
            raise NotDone("no right")
        if right[2] != "active":
            raise NotDone("the site is not active")
        country, today = right[3], now.astimezone(self._zone(right[4])).date().isoformat()
        answers = json.dumps([site, {"subject": subject, "consent": "yes", "eligible": "yes"}])
        digest = _keyed(f"answers|{answers}")
        claimed = run(CLAIM, {**common, "request": request, "digest": digest})
        if claimed is None:
            raise NotDone("done before")
        found = run(SUBJECT, common)
        if found is None or found[1] != site or found[2] != "screened":
            raise NotDone("not in screening")
        drawn = self._draw(common, found[0], site, today)
        return self._record(common, drawn, claimed[0], found[3], country, now, today)

    def _draw(
        self, common: dict[str, Any], subject_id: int, site: str, today: str
    ) -> dict[str, Any]:
        """The next row of the stratum's list, bound to the subject."""
        run, domain, study = self.driver.run, f"v1|site={site}", self.study
        stratum = {"study": study, "domain": domain}
        moved = run(STRATUM, stratum)
        assert moved is not None
        row = run(LIST_ROW, {**stratum, "draw": moved[0]})
        if row is None:
            raise NotDone("the list has no more rows")
        arm = self._open(row[1], f"{study}|list|{domain}|{moved[0]}")
        drawn = {"domain": domain, "draw": moved[0], "id": subject_id, "number": row[0]}
        sealed = self._seal(arm, f"{study}|subject|{common['subject']}")
        levels = json.dumps({"site": site})
        values = {"now": common["now"], "today": today, "levels": levels, "arm": sealed}
        run(RANDOMIZED, {**drawn, **values})
        run(DRAW, {**drawn, "study": study})
        return {**drawn, "arm": arm}

    def _record(
        self,
        common: dict[str, Any],
        drawn: dict[str, Any],
        receipt: int,
        version: int,
        country: str,
        now: dt.datetime,
        today: str,
    ) -> str:
        """Message, chained ledger entry, receipt."""
        run, subject, site = self.driver.run, common["subject"], common["site"]
        confirmation = checked_number(SystemEntropy(), 9)
        params = {"subject": {"digits": subject}, "number": {"digits": drawn["number"]}}
        notice = {"confirmation": {"digits": confirmation}, **params}
        message = json.dumps({"message": "sms.randomize", "params": notice})
        run(QUEUE, {**common, "message": message})
        facts = {
            "randomization_number": drawn["number"],
            "levels": {"site": site},
            "consent": True,
            "eligible": True,
            "confirmed_by": common["actor"],
            "randomized_on": today,
            "country": country,
        }
        head = run(HEAD, common)
        assert head is not None
        sequence = head[0] + 1
        hidden = {"arm": drawn["arm"], "draw": json.dumps([drawn["domain"], drawn["draw"]])}
        salted = {name: (secrets.token_hex(16), text) for name, text in hidden.items()}
        entry = {
            "v": 1,
            "study": self.study,
            "sequence": sequence,
            "previous": head[1],
            "at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "transaction": "randomize",
            "outcome": "done",
            "channel": common["channel"],
            "actor": common["actor"],
            "site": site,
            "subject": subject,
            "study_version": version,
            "confirmation": confirmation,
            "facts": facts,
            "secret": {
                name: hashlib.sha256(f"{salt}|{text}".encode()).hexdigest()
                for name, (salt, text) in salted.items()
            },
            "signatures": [],
            "simulated": False,
        }
        body = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        mark = hashlib.sha256(body.encode()).hexdigest()
        placed = {
            **common,
            "sequence": sequence,
            "confirmation": confirmation,
            "body": body,
            "hash": mark,
            "seal": _keyed(f"ledger|{self.study}|{sequence}|{mark}"),
            "last": _keyed(f"chain head|{self.study}|{sequence}|{mark}"),
            "secret": self._seal(json.dumps(salted), f"{self.study}|ledger|{sequence}"),
        }
        run(LEDGER, placed)
        run(MOVE, placed)
        said = {"message": "said.randomize", "params": params}
        result = {"said": said, "notes": [], "facts": facts, "zone": "America/New_York"}
        run(SETTLE, {**placed, "receipt": receipt, "result": json.dumps(result)})
        return confirmation

    def _zone(self, name: str) -> ZoneInfo:
        found = self._zones.get(name)
        if found is None:
            found = self._zones[name] = ZoneInfo(name)
        return found

    def _seal(self, text: str, about: str) -> bytes:
        plain = text.encode()
        plain = len(plain).to_bytes(4, "big") + plain
        plain += b"\0" * (-len(plain) % 32)
        nonce = secrets.token_bytes(12)
        return self._mark + nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def _open(self, token: bytes, about: str) -> str:
        plain = self._cipher.decrypt(token[4:16], token[16:], about.encode())
        return plain[4 : 4 + int.from_bytes(plain[:4], "big")].decode()


def _keyed(text: str) -> str:
    return hmac.digest(SECRET.encode(), text.encode(), "sha256").hex()
