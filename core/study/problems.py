"""What is wrong with a study file, all of it at once, each with its key and what would be right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from core.errors import StudyFileRefused
from core.messages import Message, Param

Path = tuple[str | int, ...]


class Severity(StrEnum):
    """How far a file with the problem gets."""

    ERROR = "error"  # it can't be read as a study
    PUBLISH = "publish"  # it can be read and compared, not published
    WARNING = "warning"  # it can be published; the signer is shown it


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem at one key ("arms[1].ratio": items count from 0) and, if found, its line."""

    key: str
    message: Message
    line: int | None = None
    severity: Severity = Severity.ERROR

    @property
    def told(self) -> Message:
        """The problem with where it is, as one sentence."""
        params: dict[str, Param] = {"key": self.key, "problem": self.message}
        if self.line is None:
            return Message("study.problem", params)
        return Message("study.problem_line", params | {"line": self.line})


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem as a check finds it: at a path, without a line."""

    path: Path
    message: Message
    severity: Severity = Severity.ERROR

    def at(self, line: int | None) -> Problem:
        """The problem, with its key written out."""
        return Problem(key_of(self.path), self.message, line, self.severity)


def error(id_: str, *path: str | int, **params: Param) -> Finding:
    """The file can't be read as a study; `id_` without its "study."."""
    return Finding(path, Message(f"study.{id_}", params))


def blocks_publishing(id_: str, *path: str | int, **params: Param) -> Finding:
    """The file can't be published like this."""
    return replace(error(id_, *path, **params), severity=Severity.PUBLISH)


def warning(id_: str, *path: str | int, **params: Param) -> Finding:
    """The signer should know."""
    return replace(error(id_, *path, **params), severity=Severity.WARNING)


def key_of(path: Path) -> str:
    """The path as people write it: arms[1].ratio."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


class StudyFileErrors(StudyFileRefused):
    """Everything that stops the file, in `problems`; the message counts them and tells each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(count=len(problems), problems=tuple(each.told for each in problems))
