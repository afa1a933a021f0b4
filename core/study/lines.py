"""On which line a key of a TOML file stands: tomllib doesn't say."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.study.problems import Path

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]=]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[^=\s]+)*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_*-]+|"[^"]*"|'[^']*'""")
_LONG_STRING = re.compile(r'"""|' + "'''")


def find_lines(text: str) -> Mapping[Path, int]:
    """The line, counted from 1, of every table and every key that begins a line."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    in_string = False
    for number, line in enumerate(text.splitlines(), start=1):
        begins_in_string = in_string
        in_string ^= len(_LONG_STRING.findall(line)) % 2 == 1
        if begins_in_string:
            continue
        if header := _HEADER.match(line):
            table = _table(header[1] == "[[", _parts(header[2]), counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(table + _parts(key[1]), number)
    return lines


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of the key, or of the closest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None


def _table(repeated: bool, parts: Path, counts: dict[Path, int]) -> Path:
    path: Path = ()
    for place, part in enumerate(parts):
        path = (*path, part)
        last = place == len(parts) - 1
        if repeated and last:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
