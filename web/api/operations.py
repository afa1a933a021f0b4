"""What the API offers, as values: the routes and the document are made of the same table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.access.roles import Actor
from core.errors import NotFound
from core.messages import Message
from core.runtime import Core
from core.study.fields import is_study_code
from web.api.problems import malformed
from web.api.schema import Schema, is_valid


@dataclass(frozen=True)
class Call:
    """A request that has the form the document asks for, by a person who has shown a token."""

    core: Core
    actor: Actor
    language: str
    source: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    key: str  # the Idempotency-Key, empty where none is asked for


def study_of(call: Call) -> str:
    """The study in the address. Raises NotFound for what none could be called."""
    code = call.path["study"]
    if not is_study_code(code):
        raise NotFound
    return code


@dataclass(frozen=True)
class Answer:
    """What is sent back, as values for JSON; None: no content."""

    value: Mapping[str, Any] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None  # a file instead, of this media type
    media: str = ""


@dataclass(frozen=True)
class Body:
    """A JSON object: its members, which of them must be there, whether others may.

    What is `answered` is an answer: the questions say what is wrong with it, as on every channel.
    """

    members: Mapping[str, Schema]
    required: tuple[str, ...] = ()
    nested: Mapping[str, Body] = field(default_factory=dict)
    others: Schema | None = None
    answered: bool = False

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        made: dict[str, Any] = {
            "type": "object",
            "properties": {
                **{name: dict(schema) for name, schema in self.members.items()},
                **{name: body.schema() for name, body in self.nested.items()},
            },
            "additionalProperties": dict(self.others) if self.others is not None else False,
        }
        return {**made, "required": list(self.required)} if self.required else made

    def check(self, value: Any, where: str = "") -> None:
        """Raises RequestProblem for the first member that is not as it should be."""
        if not isinstance(value, dict):
            raise malformed(Message("api.no_object"), where.rstrip(".") or None)
        if self.answered:
            return
        for name in self.required:
            if name not in value:
                raise malformed(Message("api.missing", {"name": name}), where + name)
        for name, item in value.items():
            place = where + name
            if name in self.nested:
                self.nested[name].check(item, f"{place}.")
                continue
            schema = self.members.get(name, self.others)
            if schema is None:
                raise malformed(Message("api.unknown", {"name": name[:40]}), place[:80])
            if not is_valid(schema, item):
                raise malformed(Message("api.value", {"name": name[:40]}), place[:80])


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Operation:
    """One method of one address. `answers` are the descriptions and schemas of success by status;
    `refusals` the statuses of problems beside those that every operation may give."""

    name: str
    method: str
    path: str
    summary: str
    handler: Handler
    answers: Mapping[int, tuple[str, Schema | None]]
    tag: str
    description: str = ""
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Body | None = None
    keyed: bool = False  # takes an Idempotency-Key
    refusals: tuple[int, ...] = ()
    files: tuple[str, ...] = ()  # media types of the files that may be asked for instead of JSON
