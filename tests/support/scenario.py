"""Golden calls: files that read like the call, checked against the real webhooks.

A file has `dial number` at the top (and again for another call there; `dial number unblinding` on
the emergency line), then turns: a line `> keys`
(nothing after the `>` is silence, `hang up` ends the call) and under it all that is said, wrapped
at will.
`<name>` stands for digits that are not the same each time: heard for the first time they are
kept under that name, afterwards they have to be the same; in keys they are keyed, as many of the
last ones as `<name:4>` says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ivr.simulator.phone import Phone

FOLDER = Path(__file__).parents[1] / "scenarios"
_HOLE = re.compile(r"<([a-z_]+)(?::([0-9]+))?>")


@dataclass(frozen=True)
class Turn:
    line: int
    keys: str
    said: str


@dataclass(frozen=True)
class Scenario:
    name: str
    to: str
    turns: tuple[Turn, ...]


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file. Lines that begin with ! say whom it is about, for the reader."""
    to, line_no, keys = "", 0, None
    turns: list[Turn] = []
    said: list[str] = []
    lines = [*path.read_text(encoding="utf-8").splitlines(), ">"]
    for number, line in enumerate(lines, start=1):
        if line.startswith("!"):
            continue
        if line.startswith(("dial ", ">")):
            if keys is not None:
                turns.append(Turn(line_no, keys, " ".join(" ".join(said).split())))
            keys, said, line_no = line[1:].strip(), [], number
            if line.startswith("dial "):
                _, to, *lines = line.split()
                keys = f"dial {lines[0] if lines else 'main'}"
        else:
            said.append(line.strip())
    return Scenario(path.stem, to, tuple(turns))


def play(scenario: Scenario, phone: Phone, known: dict[str, str]) -> None:
    """Make the call and compare what is said, turn by turn."""
    phone.to = scenario.to
    for turn in scenario.turns:
        said = _hear(phone, _filled(turn.keys, known))
        where = f"{scenario.name}:{turn.line}"
        _compare(turn.said, said, known, where)


def _hear(phone: Phone, keys: str) -> str:
    if keys.startswith("dial "):
        return phone.dial(keys.removeprefix("dial "))
    if keys == "hang up":
        phone.hang_up()
        return ""
    return phone.press(keys) if keys else phone.silence()


def _filled(keys: str, known: dict[str, str]) -> str:
    return _HOLE.sub(lambda hole: known[hole[1]][-int(hole[2] or 0) :], keys)


def _compare(expected: str, said: str, known: dict[str, str], where: str) -> None:
    pattern, names, end = "", [], 0
    for hole in _HOLE.finditer(expected):
        pattern += re.escape(expected[end : hole.start()]) + r"((?:[0-9](?:, | )?)*[0-9])"
        names.append(hole[1])
        end = hole.end()
    found = re.fullmatch(pattern + re.escape(expected[end:]), said)
    assert found, f"{where}\nexpected: {expected}\nsaid:     {said}"
    for name, digits in zip(names, found.groups(), strict=True):
        plain = re.sub(r"[^0-9]", "", digits)
        assert known.setdefault(name, plain) == plain, f"{where}: {name} is {known[name]}"
