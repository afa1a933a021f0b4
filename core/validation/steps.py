"""What an acceptance script is made of: steps with what is expected, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

PASSED: Final = "passed"
FAILED: Final = "failed"
BY_HAND: Final = "by hand"
"""No rehearsal can do it: a person has to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: who does which deed with which answers, what is expected; in a rehearsal,
    what was seen and how it ended (PASSED, FAILED or BY_HAND)."""

    number: str
    role: str
    deed: str
    answers: tuple[tuple[str, str], ...]
    expected: str
    seen: str
    ended: str


@dataclass
class Part:
    """A section of the script; `about` says what it shows."""

    title: str
    about: str
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Script:
    """The script of one study file, by the digest of its text, as it was rehearsed."""

    study: str
    title: str
    digest: str
    training: bool
    parts: tuple[Part, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in order."""
        return tuple(step for part in self.parts for step in part.steps)

    @property
    def failed(self) -> tuple[Step, ...]:
        """The steps in which something else was seen than is expected."""
        return tuple(step for step in self.steps if step.ended == FAILED)

    @property
    def ok(self) -> bool:
        """Whether every step that was rehearsed passed."""
        return not self.failed

    def count(self, ended: str) -> int:
        """How many steps ended like that."""
        return sum(step.ended == ended for step in self.steps)
