"""The seed of a study's randomization: drawn once, sealed, committed to before the first subject.

The commitment, SHA-256 over "seed-v1|", the seed and the digest of the study file, is published
in the ledger entry of the first version; whoever is given the seed later can check it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from core.context import Entropy
from core.db.models import study
from core.errors import NotRandomizable
from core.randomization.stream import SEED_BYTES
from core.sealed import Keys, Sealed

if TYPE_CHECKING:
    from core.runtime import Core


def new_seed(entropy: Entropy, keys: Keys, code: str, file_digest: str) -> tuple[bytes, str]:
    """A fresh seed, sealed, and the commitment to it (hex)."""
    seed = entropy.bytes(SEED_BYTES)
    return keys.seal(seed_about(code), base64.b64encode(seed).decode()).token, commitment(
        seed, file_digest
    )


def commitment(seed: bytes, file_digest: str) -> str:
    """What is published of a seed of 32 bytes and a study file's digest (hex), hex."""
    return hashlib.sha256(b"seed-v1|" + seed + b"|" + file_digest.encode()).hexdigest()


def study_seed(core: Core, db: Connection, code: str) -> bytes:
    """The seed of a study, 32 bytes, kept in memory once opened. Raises NotRandomizable."""
    found = core.seeds.get(code)
    if found is None:
        token = db.scalar(select(study.c.seed).where(study.c.code == code))
        if token is None:
            raise NotRandomizable
        found = core.seeds[code] = base64.b64decode(core.keys.open(Sealed(token, seed_about(code))))
    return found


def seed_about(code: str) -> str:
    """What a study's seed is bound to."""
    return f"{code}|seed"
