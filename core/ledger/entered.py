"""What subjects were given on entering a phase, held against the ledger and the study file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from core.db.drawing import assignment
from core.db.models import subject
from core.errors import IntegrityBreach
from core.ledger.again import DrawWrong
from core.randomization.drawn import arm_about
from core.sealed import Sealed
from core.study.phases import RUN_IN, arm_there

if TYPE_CHECKING:
    from core.runtime import Core


class PhaseCheck:
    """Follows the arm of each subject of a study from phase to phase, in the ledger's order."""

    def __init__(self, core: Core, db: Connection, study: str) -> None:
        self._core, self._db, self._study = core, db, study
        self._arms: dict[str, str] = {}
        self._phases: dict[str, tuple[str, str | None]] = {}
        self._kept: dict[tuple[str, str], Any] | None = None

    def randomized(self, number: str, arm: str) -> None:
        """A subject was drawn: a run-in is over."""
        self._arms[number] = arm
        self._phases.pop(number, None)

    def check(self, entry: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Hold an entry into a phase against the study file and the record. Raises DrawWrong."""
        number, code = entry["subject"], entry["facts"]["phase"]
        config = self._core.config(self._db, self._study, entry["study_version"])
        phase = next((one for one in config.phases if one.code == code), None)
        if phase is None:
            raise DrawWrong("the study file has no such phase")
        arm = secret.get("arm")
        drawn = phase.randomization is not None
        if drawn != ("draw" in secret):
            raise DrawWrong("the phase was entered with a draw, or without, against the study file")
        if not drawn:
            before = None if phase.kind == RUN_IN else self._arms.get(number)
            if arm != (None if before is None else arm_there(phase, before)):
                raise DrawWrong("the study file gives another arm in this phase")
        row = self._rows().get((number, code))
        if row is None or str(row.entered_on) != entry["facts"]["entered_on"]:
            raise DrawWrong("the subject's record of the phase differs from the entry")
        if (json.loads(row.levels) if row.levels else None) != entry["facts"]["levels"]:
            raise DrawWrong("the levels on record in the phase are not those of the entry")
        if self._opened(number, code, row.arm) != arm:
            raise DrawWrong("the subject's record of the phase differs from the entry")
        if arm is not None:
            self._arms[number] = arm
        self._phases[number] = code, arm

    def leftovers(self) -> Iterator[str]:
        """What stands in the subjects' own rows and is not what their last entry led to."""
        query = select(subject.c.number, subject.c.phase, subject.c.phase_arm).where(
            subject.c.study == self._study
        )
        for row in self._db.execute(query):
            phase, arm = self._phases.get(row.number, (None, None))
            try:
                kept = self._opened(row.number, row.phase or "", row.phase_arm)
            except DrawWrong as wrong:
                yield f"subject {row.number}: {wrong}"
                continue
            if (row.phase, kept) != (phase, arm):
                yield f"subject {row.number} is in another phase than its entries tell of"

    def _opened(self, number: str, phase: str, token: bytes | None) -> str | None:
        if token is None:
            return None
        try:
            about = f"{arm_about(self._study, number)}|{phase}"
            return self._core.keys.open(Sealed(token, about))
        except IntegrityBreach as broken:
            raise DrawWrong("the subject's arm in the phase does not open") from broken

    def _rows(self) -> Mapping[tuple[str, str], Any]:
        if self._kept is None:
            query = (
                select(assignment, subject.c.number)
                .join(subject, subject.c.id == assignment.c.subject_id)
                .where(subject.c.study == self._study)
            )
            self._kept = {(row.number, row.phase): row for row in self._db.execute(query)}
        return self._kept
