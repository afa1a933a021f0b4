"""`ixrs supply packaging-list` and `ixrs supply trace`: printed, written to a file, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.world import PEOPLE, PIN, World
from tests.web.test_cli import Shell

PACKED = ("packaging-list", "--lot", "5001")
TRACED = ("trace", "5001")


@pytest.fixture
def shell(quick_world: World) -> Shell:
    return Shell(str(quick_world.core.engine.url))


def _command(words: tuple[str, ...], who: str) -> tuple[str, ...]:
    return ("supply", *words, "--study", "combi", "--as", PEOPLE[who], "--secret-stdin")


def test_the_packaging_list_is_printed_written_or_given_as_json(
    shell: Shell, tmp_path: Path
) -> None:
    command = _command(PACKED, "Sam")
    printed = shell(*command, stdin=f"{PIN}\n")
    header, *lines = printed.stdout.splitlines()
    assert header == "kit_number,sequence,kit_type,lot,label_lot,expiry,depot"
    assert len(lines) == 24
    target = tmp_path / "list.csv"
    written = shell(*command, "--out", str(target), stdin=f"{PIN}\n")
    assert (written.exit_code, target.read_text()) == (0, printed.stdout)
    kits = shell.json(*command, stdin=f"{PIN}\n")["kits"]
    assert [one["kit_number"] for one in kits] == [line[:8] for line in lines]


def test_a_list_that_cannot_be_written_is_told(shell: Shell) -> None:
    command = _command(PACKED, "Sam")
    told = shell(*command, "--out", "/nowhere/list.csv", stdin=f"{PIN}\n")
    assert (told.exit_code, "cannot be written" in told.stderr) == (1, True)


def test_the_trace_is_printed_or_given_as_json(shell: Shell, quick_world: World) -> None:
    command = _command(TRACED, "Quinn")
    found = shell.json(*command, stdin=f"{PIN}\n")
    assert (found["lot"], len(found["kits"]), found["sites"]) == ("5001", 24, ["101", "102"])
    printed = shell(*command, stdin=f"{PIN}\n").stdout
    assert all(one["number"] in printed for one in found["kits"])
    assert json.dumps(quick_world.last_entry()["facts"]).count("trace") == 1


@pytest.mark.parametrize("words", [PACKED, TRACED])
@pytest.mark.parametrize("who", ["Ada", "Mia"])
def test_neither_exists_for_the_blinded(shell: Shell, words: tuple[str, ...], who: str) -> None:
    told = shell.json(*_command(words, who), stdin=f"{PIN}\n", code=1)
    assert told["error"]["code"] == "not_found"
