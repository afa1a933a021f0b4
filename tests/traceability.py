"""Requirements to tests: `python -m tests.traceability` writes docs/TRACEABILITY.md.

Rows come from docs/REQUIREMENTS.md, tests from the marks `@pytest.mark.req("R7")` in the sources.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "TRACEABILITY.md"
REQUIREMENTS: Final = ROOT / "docs" / "REQUIREMENTS.md"
STATUSES: Final = ("met", "partly", "later")
_CELLS: Final = 5
_MARK: Final = "pytest.mark.req"
_HEAD: Final = """# Traceability

Made by `python -m tests.traceability` from [REQUIREMENTS.md](REQUIREMENTS.md) and from the marks on
the tests; not written by hand. The suite fails if this page is not what that command would write,
if a row that is met or partly met has no test, or if a test names a requirement that there is not.
`python3 -m core test --req R7` runs the tests of one requirement.
"""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A row of the page of requirements."""

    id: str
    text: str
    source: str
    status: str
    met_by: str


@dataclass(frozen=True, slots=True)
class Marked:
    """A test that carries a requirement's id; `file` is relative to the repository."""

    id: str
    file: str
    test: str


def requirements(page: str | None = None) -> tuple[Requirement, ...]:
    """The rows, in order. Raises ValueError for a row that is not one."""
    text = page if page is not None else REQUIREMENTS.read_text(encoding="utf-8")
    found = []
    for line in text.splitlines():
        if line.startswith("| R"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) != _CELLS or cells[3] not in STATUSES:
                raise ValueError(f"no row of requirements: {line}")
            found.append(Requirement(*cells))
    return tuple(found)


def marked(folder: Path | None = None) -> tuple[Marked, ...]:
    """Every test that carries an id, by file and in the order of the file."""
    under = folder or ROOT / "tests"
    found: list[Marked] = []
    for file in sorted(under.rglob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        name = file.relative_to(under.parent).as_posix()
        whole = list(_of_module(tree))
        for node, test in _tests(tree):
            own = [id_ for mark in node.decorator_list for id_ in _ids(mark)]
            found += [Marked(id_, name, test) for id_ in dict.fromkeys((*own, *whole))]
    return tuple(found)


def _of_module(tree: ast.Module) -> Iterator[str]:
    """The ids that a module gives all its tests: `pytestmark = [pytest.mark.req("R6")]`."""
    for node in tree.body:
        named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        if named and isinstance(node, ast.Assign):
            yield from _ids(node.value)


def _tests(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        within = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for one in inside:
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                yield one, f"{within}{one.name}"


def _ids(marks: ast.expr) -> Iterator[str]:
    for node in ast.walk(marks):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == _MARK:
            yield from (str(one.value) for one in node.args if isinstance(one, ast.Constant))


def written(rows: Sequence[Requirement], tests: Sequence[Marked]) -> str:
    """The page."""
    parts = [_HEAD, _table(rows, tests)]
    for row in rows:
        mine = [one for one in tests if one.id == row.id]
        by_file: dict[str, list[str]] = {}
        for one in mine:
            by_file.setdefault(one.file, []).append(one.test)
        lines = [
            f"## {row.id}",
            "",
            f"{row.text} ({row.source})",
            "",
            f"**{row.status}** {row.met_by}",
        ]
        for file, names in by_file.items():
            lines += ["", f"[`{file}`](../{file})", "", *(f"- {_words(name)}" for name in names)]
        parts.append("\n".join(lines).rstrip() + "\n")
    return "\n".join(parts)


def _table(rows: Sequence[Requirement], tests: Sequence[Marked]) -> str:
    lines = ["| id | requirement | now | tests |", "|---|---|---|---|"]
    for row in rows:
        count = sum(one.id == row.id for one in tests)
        lines.append(f"| [{row.id}](#{row.id.lower()}) | {row.text} | {row.status} | {count} |")
    return "\n".join(lines) + "\n"


def _words(test: str) -> str:
    """A test's name as a sentence, with its name behind it."""
    name = test.rpartition("::")[2]
    return f"{name.removeprefix('test_').replace('_', ' ')} (`{test}`)"


if __name__ == "__main__":
    PAGE.write_text(written(requirements(), marked()), encoding="utf-8")
