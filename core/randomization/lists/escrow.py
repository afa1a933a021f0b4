"""The seed in two halves, kept by two people: neither half tells anything, both give the seed.

The first half is derived from a key outside the database, under a name of its own; the second is
the seed XOR the first. Nothing new is stored: the table only says who took which half and when.
A half is told once, to the person who took it. As text, `ixrs-share-v1`:

    ixrs-share-v1:STUDY:1:HALF:CHECK

HALF is 64 hex digits, CHECK the first 8 hex digits of the SHA-256 of everything before its colon.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, insert, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.drawing import seed_share
from core.db.models import receipt
from core.errors import ShareTaken
from core.messages import Message
from core.randomization.lists.importing import OFFICE, randomizes
from core.randomization.stream import SEED_BYTES
from core.sealed import Keys
from core.study.schema import StudyConfig
from core.study.seed import commitment, study_seed
from core.transaction import Answers, Outcome, Question, Transaction

if TYPE_CHECKING:
    from core.runtime import Core

SHARE_NAME: Final = "ixrs-share-v1"
SHARES: Final = (1, 2)
TAKE: Final = "take_seed_share"
_CHECK_DIGITS: Final = 8


def share_text(study: str, share: int, half: bytes) -> str:
    """A half as it is told and typed."""
    body = f"{SHARE_NAME}:{study}:{share}:{half.hex()}"
    return f"{body}:{_check(body)}"


def _check(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:_CHECK_DIGITS]


def combine(shares: Sequence[str], *, committed: str | None = None, file_digest: str = "") -> bytes:
    """The seed of 32 bytes that two halves give, in either order.

    `committed` is the commitment published with the study's first version and `file_digest` the
    SHA-256 of that version's file; the seed is held against them where they are given.
    Raises ValueError: not two halves of one study, mistyped, or not the seed committed to.
    """
    read = sorted(_read_share(text) for text in shares)
    if [share for share, _, _ in read] != list(SHARES) or read[0][1] != read[1][1]:
        raise ValueError("two different halves of one study's seed are needed")
    seed = bytes(one ^ other for one, other in zip(read[0][2], read[1][2], strict=True))
    if committed is not None and not hmac.compare_digest(commitment(seed, file_digest), committed):
        raise ValueError("the halves do not give the seed that was committed to")
    return seed


def _read_share(text: str) -> tuple[int, str, bytes]:
    """Which half, of which study, and the half itself. ValueError for anything else."""
    body, _, check = text.strip().rpartition(":")
    parts = body.split(":")
    if len(parts) != 4 or parts[0] != SHARE_NAME or not hmac.compare_digest(_check(body), check):
        raise ValueError("a half of a seed is mistyped or cut off")
    half = bytes.fromhex(parts[3])
    if len(half) != SEED_BYTES or parts[2] not in map(str, SHARES):
        raise ValueError("this is no half of a seed")
    return int(parts[2]), parts[1], half


def half_of(keys: Keys, study: str, share: int, seed: bytes) -> bytes:
    """One of the two halves of a seed, 32 bytes, the same each time."""
    first = keys.derive(f"seed share 1|{study}|{hashlib.sha256(seed).hexdigest()}")
    if share == SHARES[0]:
        return first
    return bytes(one ^ other for one, other in zip(first, seed, strict=True))


def no_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which half a person gets is not asked: the first one that is free."""
    return ()


def run(context: Context, answers: Answers) -> Outcome:
    """Note who holds the next half. Raises ShareTaken; the half itself is told by `tell_share`."""
    held = context.db.execute(
        select(seed_share.c.share, seed_share.c.user_id).where(seed_share.c.study == context.study)
    ).all()
    free = [share for share in SHARES if share not in {one.share for one in held}]
    if not free or context.actor.user_id in {one.user_id for one in held}:
        raise ShareTaken
    study_seed(context.core, context.db, context.study)  # NotRandomizable before anything is noted
    context.db.execute(
        insert(seed_share),
        {
            "study": context.study,
            "share": free[0],
            "user_id": context.actor.user_id,
            "given_at": context.now,
        },
    )
    facts = {"share": free[0], "user_id": context.actor.user_id}
    return Outcome(Message("said.take_seed_share", {"number": free[0]}), facts)


def tell_share(core: Core, receipt_id: int, user_id: str) -> str | None:
    """The half that this receipt gave to this person, the first time that it is asked for.

    None ever after, and for any other receipt or person: whoever loses it can't have it again.
    """
    with core.reading() as db:
        study = _taken_with(db, receipt_id, user_id)
    if study is None:
        return None
    with core.writing() as db:
        share = _claim(db, study, user_id, core.now())
        if share is None:
            return None
        return share_text(
            study, share, half_of(core.keys, study, share, study_seed(core, db, study))
        )


def _taken_with(db: Connection, receipt_id: int, user_id: str) -> str | None:
    query = select(receipt.c.study).where(
        receipt.c.id == receipt_id,
        receipt.c.actor == user_id,
        receipt.c.transaction == TAKE,
        receipt.c.outcome == "done",
    )
    found: str | None = db.scalar(query)
    return found


def _claim(db: Connection, study: str, user_id: str, now: dt.datetime) -> int | None:
    """Take the telling: of two who ask at once, one is told."""
    told = (
        update(seed_share)
        .where(
            seed_share.c.study == study,
            seed_share.c.user_id == user_id,
            seed_share.c.told_at.is_(None),
        )
        .values(told_at=now)
        .returning(seed_share.c.share)
    )
    found: int | None = db.scalar(told)
    return found


TAKE_SEED_SHARE = Transaction(
    TAKE,
    "",
    Permission.ESCROW,
    no_questions,
    run,
    OFFICE,
    signed=True,
    site=False,
    used=randomizes,
)
