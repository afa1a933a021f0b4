"""The floors of the house: which folders there are, who may know whom, how long things get."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE_FOLDERS = {"core", "ivr", "web", "prompts", "locales", "tests"}
PRODUCTION_FOLDERS = ("core", "ivr", "web", "prompts", "locales")
NOT_OURS = {"var", "build", "dist"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# A migration's upgrade() is a generated list of tables: nobody reads it as a function.
MIGRATIONS = ROOT / "core" / "db" / "migrations" / "versions"
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


def _python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def _too_long_functions(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines"


def test_code_lies_in_the_known_top_level_folders_only() -> None:
    with_code = {
        folder.name
        for folder in ROOT.iterdir()
        if folder.is_dir()
        and not folder.name.startswith(".")
        and folder.name not in NOT_OURS
        and next(folder.rglob("*.py"), None) is not None
    }
    assert with_code == CODE_FOLDERS
    assert [path.name for path in ROOT.glob("*.py")] == []


def test_every_folder_of_code_is_a_package() -> None:
    # Without it the folder is a namespace package, which installers merge and lose.
    folders = {file.parent for file in _python_files(*PRODUCTION_FOLDERS)}
    assert [
        str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()
    ] == []


def test_no_file_is_longer_than_400_lines() -> None:
    too_long = [
        f"{file.relative_to(ROOT)}: {lines} lines"
        for file in _python_files(*CODE_FOLDERS)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    ]
    assert too_long == []


def test_no_function_is_longer_than_70_lines() -> None:
    files = (f for f in _python_files("core", "ivr", "web") if f.parent != MIGRATIONS)
    assert [found for file in files for found in _too_long_functions(file)] == []


def test_nothing_is_marked_as_unfinished() -> None:
    marked = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in _python_files(*CODE_FOLDERS)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert marked == []


@pytest.mark.parametrize("lines", [FUNCTION_LINES_MAX, FUNCTION_LINES_MAX + 1])
def test_the_count_of_lines_takes_a_function_whole(
    lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "long.py"
    file.write_text("def long() -> None:\n" + "    pass\n" * (lines - 1))
    assert bool(list(_too_long_functions(file))) is (lines > FUNCTION_LINES_MAX)


def test_no_floor_imports_one_that_it_must_not_know() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
