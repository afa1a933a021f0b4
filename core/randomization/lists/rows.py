"""One row of a list, and the text of a whole list that a stranger can recompute.

The canonical text `ixrs-list-v1` is UTF-8 with LF: its name on the first line, then a line for each
row: stratum, sequence, block (empty where none was given), randomization number and arm, joined by
tabs, ordered by stratum (by code point), then by sequence. It names neither the study nor the
version, so that one list has one digest wherever it turns up. docs/LISTS.md has a test vector.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

LIST_NAME: Final = "ixrs-list-v1"
COMMITMENT_NAME: Final = "ixrs-list-commitment-v1"
NONCE_BYTES: Final = 32


class ListedRow(NamedTuple):
    """A place of a list; `sequence` counts from 1 within the stratum."""

    stratum: str
    sequence: int
    block: int | None
    number: str
    arm: str


def listed_about(study: str, version: int, domain: str, sequence: int) -> str:
    """What the sealed arm of an imported row is bound to."""
    return f"{study}|list {version}|{domain}|{sequence}"


def canonical_list(rows: Iterable[ListedRow]) -> str:
    """The canonical text of these rows, in whatever order they come."""
    lines = [LIST_NAME]
    for row in sorted(rows, key=lambda row: (row.stratum, row.sequence)):
        block = "" if row.block is None else row.block
        lines.append(f"{row.stratum}\t{row.sequence}\t{block}\t{row.number}\t{row.arm}")
    return "\n".join((*lines, ""))


def list_digest(text: str) -> str:
    """SHA-256 of a canonical text, hex. Of a short list it gives the arms away to whoever tries
    all the lists there could be, so it is never published: the commitment is."""
    return hashlib.sha256(text.encode()).hexdigest()


def list_commitment(nonce: bytes, text: str) -> str:
    """What is published of a list, hex: SHA-256 over the line `ixrs-list-commitment-v1`, a line
    with the nonce in hex, and the canonical text. ValueError unless the nonce has 32 bytes."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes, this one {len(nonce)}")
    head = f"{COMMITMENT_NAME}\n{nonce.hex()}\n"
    return hashlib.sha256((head + text).encode()).hexdigest()
