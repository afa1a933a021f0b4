"""Whom one can be in the browser telephone, and which numbers there are to dial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

MAIN: Final = "main"
UNBLINDING: Final = "unblinding"


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person with a mobile (E.164); `pin` is empty before the first sign-in."""

    user_id: str
    name: str
    role: str
    sites: tuple[str, ...]
    pin: str
    mobile: str


@dataclass(frozen=True, slots=True)
class Line:
    """A number to dial. `name` is the provider's line, `main` or `unblinding`."""

    name: str
    study: str
    telephone: str

    @property
    def key(self) -> str:
        """What a form sends for it."""
        return f"{self.study}-{self.name}"


@dataclass(frozen=True, slots=True)
class Study:
    """A study of the demo, who works in it, and its two numbers."""

    code: str
    number: str
    title: str
    telephone: str
    emergency_telephone: str
    people: tuple[Person, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The main line, then the emergency line."""
        return (
            Line(MAIN, self.code, self.telephone),
            Line(UNBLINDING, self.code, self.emergency_telephone),
        )


@dataclass(frozen=True, slots=True)
class Directory:
    """The demo's studies with their people."""

    studies: tuple[Study, ...]

    def find_person(self, user_id: str) -> Person | None:
        """The person of that user ID, if there is one."""
        everybody = (person for study in self.studies for person in study.people)
        return next((person for person in everybody if person.user_id == user_id), None)

    def find_line(self, key: str) -> Line | None:
        """The line that a form has sent, if there is one."""
        lines = (line for study in self.studies for line in study.lines)
        return next((line for line in lines if line.key == key), None)

    def to_json(self) -> dict[str, Any]:
        """As the demo hands it to its server process; `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Directory:
        """Read what `to_json` gave, after a way through JSON."""
        return cls(tuple(_study(study) for study in told["studies"]))


def _study(told: Mapping[str, Any]) -> Study:
    people = tuple(Person(**{**each, "sites": tuple(each["sites"])}) for each in told["people"])
    return Study(**{**told, "people": people})
