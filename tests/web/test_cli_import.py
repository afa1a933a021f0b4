"""`ixrs import`: a bar for people at a terminal, and nothing but the result for everyone else."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.world import PEOPLE, PIN, World, kit_number
from tests.web.test_cli import IXRS, environment

KITS = 3000


@pytest.fixture
def kits(tmp_path: Path) -> Path:
    """A packaging list long enough to be told of several times."""
    lines = [f"{kit_number(20_000 + n)},{20_000 + n},A,5001" for n in range(KITS)]
    file = tmp_path / "kits.csv"
    file.write_text("\n".join(["kit_number,sequence,kit_type,lot", *lines]), encoding="utf-8")
    return file


def at_a_terminal(world: World, *arguments: str) -> tuple[int, str, str]:
    """Run the command with standard error on a terminal: exit code, output, what is shown there."""
    ours, theirs = pty.openpty()
    command = [IXRS, *arguments, "--user", PEOPLE["Sam"], "--study", "combi", "--secret-stdin"]
    url = str(world.core.engine.url)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**environment(url), "TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        os.close(theirs)
        output, _ = process.communicate(f"{PIN}\n")
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass  # a terminal whose other end is closed ends like this
    os.close(ours)
    return process.returncode, output, shown.decode()


def test_an_import_shows_how_far_it_is_at_a_terminal(quick_world: World, kits: Path) -> None:
    code, output, shown = at_a_terminal(quick_world, "import", "kits", str(kits))
    assert code == 0
    assert f"{KITS} kits added" in output
    shares = [int(found) for found in re.findall(r"(\d+)%", shown)]
    assert "Import of kits" in shown
    assert shares == sorted(shares)
    assert len(set(shares)) > 3
    assert shares[-1] == 100


def test_json_is_not_disturbed_by_a_bar(quick_world: World, kits: Path) -> None:
    code, output, shown = at_a_terminal(quick_world, "import", "kits", str(kits), "--json")
    assert code == 0
    assert json.loads(output)["facts"]["kits"] == KITS
    assert shown == ""


def test_a_file_with_errors_leaves_the_bar_where_it_was(quick_world: World, kits: Path) -> None:
    with kits.open("a", encoding="utf-8") as file:
        file.write("\n1,2,A,5001\n")
    code, output, shown = at_a_terminal(quick_world, "import", "kits", str(kits))
    assert code == 1
    assert output == ""
    assert "100%" not in shown
    assert "Line 3002, kit_number" in shown
