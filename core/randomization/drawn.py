"""What a draw leaves behind: the arm and its proof, and what each sealed part is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.sealed import Sealed

RANDOMIZE: Final = "randomize"
TAKE_OVER: Final = "import_subjects"
"""The entries by which a subject has an arm: drawn here, or drawn elsewhere and taken over."""

_CODE_MAX: Final = 16  # characters of an arm's code; a crossover's sequences are all of one length


@dataclass(frozen=True, slots=True)
class Drawn:
    """An arm and its proof. All of it unblinds, the randomization number apart.

    `row` is the place in the list where it is not the draw's own number. Where the study forces
    arms by stock, `original` is the arm that was due (most often the same) and `stocked` what
    there was. `among` are the arms of the subject's cohort.
    """

    arm: str
    domain: str
    draw: int
    number: str
    row: int | None = None
    original: str | None = None
    stage: str = ""
    cohort: int | None = None
    among: tuple[str, ...] | None = None
    stocked: tuple[str, ...] | None = None

    @property
    def proof(self) -> str:
        """What the ledger keeps sealed, so that the draw can be made again.

        As long whichever arm was due.
        """
        beside = {
            "row": self.row,
            "original": None if self.original is None else self.original.ljust(_CODE_MAX),
            "stage": self.stage or None,
            "cohort": self.cohort,
            "among": self.among,
            "stocked": self.stocked,
        }
        kept = {name: value for name, value in beside.items() if value is not None}
        return json.dumps([self.domain, self.draw, kept] if kept else [self.domain, self.draw])

    @classmethod
    def read(cls, proof: str, arm: str, number: str) -> Drawn:
        """The draw that a ledger entry tells of. ValueError or KeyError for another text."""
        domain, place, *beside = json.loads(proof)
        kept: Mapping[str, Any] = beside[0] if beside else {}
        lists = {name: tuple(kept[name]) if name in kept else None for name in ("among", "stocked")}
        return cls(
            arm,
            domain,
            place,
            number,
            kept.get("row"),
            kept["original"].rstrip() if "original" in kept else None,
            kept.get("stage", ""),
            kept.get("cohort"),
            **lists,
        )


def arm_of(study: str, row: Any) -> Sealed:
    """The sealed arm of a row of the subject table."""
    return Sealed(row.arm, arm_about(study, row.number))


def arm_about(study: str, number: str) -> str:
    """What a subject's arm is bound to."""
    return f"{study}|subject|{number}"


def original_about(study: str, domain: str, draw: int) -> str:
    """What the arm that was due is bound to."""
    return f"{study}|draw|{domain}|{draw}"


def state_about(row: Any) -> Sealed:
    """The sealed state of a row of the allocator table."""
    return Sealed(row.state, f"{row.study}|allocator|{row.domain}")
