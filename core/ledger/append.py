"""Adding to a study's chain: the last lock taken, the last thing written before commit."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from core.db.models import chain, ledger, ledger_kit
from core.db.prepared import Prepared
from core.ledger.encoding import VERSION, canonical, digest, instant, secret_digest
from core.sealed import Keys, Sealed
from core.transaction import Signature

if TYPE_CHECKING:
    from core.runtime import Core

INSTALLATION = "installation"
"""The chain of what belongs to no study: accounts, roles, locks, calls that never signed in."""

_FILLED: Final = 32  # an arm or kit type has at most 16 characters
_KIT_FACTS: Final = ("kit", "kits", "damaged", "missing")


@dataclass(frozen=True, slots=True)
class Entry:
    """One deed, refusal or event, before it has its place in the chain."""

    transaction: str
    outcome: str
    channel: str
    at: dt.datetime
    actor: str | None = None
    site: str | None = None
    subject: str | None = None
    version: int | None = None
    confirmation: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, Sealed] = field(default_factory=dict)
    signatures: tuple[Signature, ...] = ()
    simulated: bool = False  # made for a demonstration, under a clock that was set


class HeldMeanwhile(Exception):
    """A hold was placed or lifted while the deed was under way: it has to look again."""


_head = Prepared(
    select(chain.c.sequence, chain.c.hash, chain.c.holds)
    .where(chain.c.study == bindparam("s"))
    .with_for_update()
)
_move = Prepared(
    update(chain)
    .where(chain.c.study == bindparam("s"))
    .values(sequence=bindparam("n"), hash=bindparam("h"), seal=bindparam("k"))
)
_insert = Prepared(insert(ledger).values({one: bindparam(one.name) for one in ledger.c}))


def about(study: str, sequence: int) -> str:
    """What the sealed part of an entry is bound to."""
    return f"{study}|ledger|{sequence}"


def seal_of(keys: Keys, study: str, sequence: int, mark: str, *, last: bool = False) -> str:
    """What only this installation can write beside an entry's hash: whoever rewrites the chain in
    the database alone, every hash after the change included, lacks the key. `last`: beside the
    chain's head, so that no entry's own seal passes for it when those after it are cut off.
    """
    return keys.mac("chain head" if last else "ledger", f"{study}|{sequence}|{mark}")


def append(
    db: Connection,
    keys: Keys,
    study: str,
    entry: Entry,
    salts: bytes,
    *,
    holds: int | None = None,
) -> int:
    """Write `entry` at the end of the study's chain and return its sequence, from 1.

    Locks the chain's head. `salts` are 16 random bytes for each sealed value. `holds` is how many
    holds there had been when the deed looked at them, None if it did not; raises HeldMeanwhile
    where there is another by now: of all deeds the head makes one the first.
    """
    head = _head.first(db, {"s": study})
    if holds is not None and head is not None and head.holds != holds:
        raise HeldMeanwhile
    sequence, previous = (head.sequence + 1, head.hash) if head else (1, "")
    row = _row(keys, study, sequence, previous, entry, salts)
    _insert.run(db, row)
    if kits := kits_named(entry.facts):
        rows = [{"study": study, "kit": number, "sequence": sequence} for number in kits]
        db.execute(insert(ledger_kit), rows)
    _move_head(db, keys, study, sequence, row["hash"], is_first=head is None)
    return sequence


def append_many(
    db: Connection, keys: Keys, study: str, entries: Sequence[Entry], salts: bytes
) -> None:
    """Write `entries`, which name no kits, one after the other as `append` does, in few
    statements: the head is locked and moved once.

    `salts` are 16 random bytes for each sealed value of all of them.
    """
    if not entries:
        return
    head = _head.first(db, {"s": study})
    sequence, previous = (head.sequence, head.hash) if head else (0, "")
    rows, start = [], 0
    for entry in entries:
        sequence, end = sequence + 1, start + 16 * len(entry.secret)
        row = _row(keys, study, sequence, previous, entry, salts[start:end])
        rows.append(row)
        previous, start = row["hash"], end
    db.execute(insert(ledger), rows)
    _move_head(db, keys, study, sequence, previous, is_first=head is None)


def _row(
    keys: Keys, study: str, sequence: int, previous: str, entry: Entry, salts: bytes
) -> dict[str, Any]:
    """The entry as a row of the ledger, in this place behind the entry of this hash."""
    digests, kept = _digests(keys, entry.secret, salts)
    at = entry.at.astimezone(dt.UTC)
    same = {
        "study": study,
        "sequence": sequence,
        "transaction": entry.transaction,
        "outcome": entry.outcome,
        "channel": entry.channel,
        "actor": entry.actor,
        "site": entry.site,
        "subject": entry.subject,
        "confirmation": entry.confirmation,
    }
    body = canonical(
        {
            **same,
            "v": VERSION,
            "previous": previous,
            "at": instant(at),
            "study_version": entry.version,
            "facts": entry.facts,
            "secret": digests,
            "signatures": [_signature(signed) for signed in entry.signatures],
            "simulated": entry.simulated,
        }
    )
    mark = digest(body)
    sealed = keys.seal(about(study, sequence), _of_one_length(kept)).token if kept else None
    return {
        **same,
        "at": at,
        "body": body,
        "secret": sealed,
        "hash": mark,
        "seal": seal_of(keys, study, sequence, mark),
    }


def _move_head(
    db: Connection, keys: Keys, study: str, sequence: int, mark: str, *, is_first: bool
) -> None:
    seal = seal_of(keys, study, sequence, mark, last=True)
    if is_first:
        values = {"study": study, "sequence": sequence, "hash": mark, "seal": seal}
        db.execute(insert(chain), values)
    else:
        _move.run(db, {"s": study, "n": sequence, "h": mark, "k": seal})


def kits_named(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The numbers of the kits that the facts are about, each once."""
    found: dict[str, None] = {}
    for name in _KIT_FACTS:
        value = facts.get(name)
        numbers = value if isinstance(value, list | tuple) else (value,)
        found |= dict.fromkeys(number for number in numbers if isinstance(number, str))
    return tuple(found)


def append_system(
    db: Connection,
    core: Core,
    study: str | None,
    transaction: str,
    facts: Mapping[str, Any],
    *,
    actor: str | None = None,
    channel: str = "system",
    site: str | None = None,
    at: dt.datetime | None = None,
) -> int:
    """Write an event that is no person's transaction (a call that ended, a lock). `at` is the
    moment that its records say, where they say one; left out, the present one."""
    entry = Entry(
        transaction,
        "done",
        channel,
        at or core.now(),
        actor=actor,
        site=site,
        facts=facts,
        simulated=core.simulated,
    )
    return append(db, core.keys, study or INSTALLATION, entry, b"")


def _digests(
    keys: Keys, secret: Mapping[str, Sealed], salts: bytes
) -> tuple[dict[str, str], dict[str, list[str]]]:
    digests, kept = {}, {}
    for place, (name, sealed) in enumerate(secret.items()):
        salt = salts[16 * place : 16 * place + 16].hex()
        text = keys.open(sealed)
        digests[name] = secret_digest(salt, text)
        kept[name] = [salt, text]
    return digests, kept


def _of_one_length(kept: Mapping[str, list[str]]) -> str:
    """The sealed values as JSON, filled up for each: the length of a ciphertext says nothing of
    which arm or kit type it is."""
    lengths = (len(json.dumps(text)) for _, text in kept.values())
    return json.dumps(kept) + " " * sum(-length % _FILLED for length in lengths)


def _signature(signed: Signature) -> dict[str, Any]:
    return {
        "user_id": signed.user_id,
        "name": signed.name,
        "meaning": signed.meaning,
        "at": instant(signed.at),
        "method": signed.method,
    }
