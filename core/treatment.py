"""The treatment, where its site may know it: the arm's name, to the one who randomized.

Only in an open-label study. It is opened from the subject's sealed record each time it is told,
and stands in no receipt, turn, message or log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from core.db.models import receipt, subject
from core.messages import Labels
from core.randomization.allocate import arm_of

if TYPE_CHECKING:
    from core.runtime import Core

OPEN: Final = "open"
_TELLS: Final = "randomize"


def treatment_of(
    core: Core, db: Connection, receipt_id: int, user_id: str, *, spoken: bool = False
) -> Labels | None:
    """The name of the arm that this receipt's randomization gave, or None: another deed, another
    person's, a blinded study, or (`spoken`) one whose file does not have it spoken by the
    telephone provider's voice, which hears what it says."""
    row = _randomized(db, receipt_id, user_id)
    if row is None:
        return None
    config = core.config(db, row.study, row.version)
    if config.study.blinding != OPEN or (spoken and not config.study.say_treatment):
        return None
    return config.arm(core.keys.open(arm_of(row.study, row))).labels


def _randomized(db: Connection, receipt_id: int, user_id: str) -> Any:
    query = (
        select(subject.c.study, subject.c.number, subject.c.version, subject.c.arm)
        .join(
            receipt, (receipt.c.study == subject.c.study) & (receipt.c.subject == subject.c.number)
        )
        .where(
            receipt.c.id == receipt_id,
            receipt.c.actor == user_id,
            receipt.c.transaction == _TELLS,
            receipt.c.outcome == "done",
        )
    )
    return db.execute(query).one_or_none()
