"""The treatment, where its site may know it: the arm's name, to the one who randomized or entered.

Only in an open-label study, or in an open-label phase whose arm says nothing of the one before. It
is opened from the subject's sealed record each time it is told, and stands in no receipt, turn,
message or log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from core.db.drawing import assignment
from core.db.models import receipt, subject
from core.messages import Labels
from core.randomization.allocate import arm_of
from core.sealed import Sealed
from core.study.phases import tells_treatment
from core.subjects.phases import phase_about

if TYPE_CHECKING:
    from core.runtime import Core

OPEN: Final = "open"
_RANDOMIZE: Final = "randomize"
_ENTER: Final = "enter_phase"


def treatment_of(
    core: Core, db: Connection, receipt_id: int, user_id: str, *, spoken: bool = False
) -> Labels | None:
    """The name of the arm that this receipt gave by randomization or entry into a phase, or None:
    another deed, another person's, what its site may not know, or (`spoken`) what its file does not
    have spoken by the telephone provider's voice, which hears what it says."""
    row = _given(db, receipt_id, user_id)
    if row is None:
        return None
    config = core.config(db, row.study, row.version)
    if spoken and not config.study.say_treatment:
        return None
    if row.transaction == _RANDOMIZE:
        if config.study.blinding != OPEN:
            return None
        return config.labels_of(core.keys.open(arm_of(row.study, row)))
    phase = config.phase(json.loads(row.result)["facts"]["phase"])
    if not tells_treatment(config, phase):
        return None
    kept = select(assignment.c.arm).where(
        assignment.c.subject_id == row.id, assignment.c.phase == phase.code
    )
    token = db.scalar(kept)
    if token is None:
        return None
    about = phase_about(row.study, row.number, phase.code)
    return config.labels_of(core.keys.open(Sealed(token, about)))


def _given(db: Connection, receipt_id: int, user_id: str) -> Any:
    query = (
        select(
            subject.c.id,
            subject.c.study,
            subject.c.number,
            subject.c.version,
            subject.c.arm,
            receipt.c.transaction,
            receipt.c.result,
        )
        .join(
            receipt, (receipt.c.study == subject.c.study) & (receipt.c.subject == subject.c.number)
        )
        .where(
            receipt.c.id == receipt_id,
            receipt.c.actor == user_id,
            receipt.c.transaction.in_((_RANDOMIZE, _ENTER)),
            receipt.c.outcome == "done",
        )
    )
    return db.execute(query).one_or_none()
