"""`ixrs supply order`: printed, written to a file, as JSON; for those who send it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.world import PEOPLE, PIN, World
from tests.web.test_cli import Shell


@pytest.fixture
def shell(quick_world: World) -> Shell:
    return Shell(str(quick_world.core.engine.url))


def _order(world: World) -> str:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    return str(made.facts["shipment"])


def _command(number: str, who: str = "Sam") -> tuple[str, ...]:
    return ("supply", "order", number, "--study", "combi", "--as", PEOPLE[who], "--secret-stdin")


def test_an_order_is_printed_or_written_as_either_file(
    shell: Shell, quick_world: World, tmp_path: Path
) -> None:
    number = _order(quick_world)
    found = shell.json(*_command(number), stdin=f"{PIN}\n")
    assert (found["order"], found["to_site"], len(found["kits"])) == (number, "101", 2)
    printed = shell(*_command(number), stdin=f"{PIN}\n")
    assert printed.stdout.splitlines()[0].startswith("order,kind,study,status")
    assert printed.stdout.count(number) == 2
    target = tmp_path / "order.json"
    written = (*_command(number), "--format", "json", "--out", str(target))
    assert shell(*written, stdin=f"{PIN}\n").exit_code == 0
    assert json.loads(target.read_bytes()) == found


@pytest.mark.parametrize("who", ["Ada", "Mia"])
def test_an_order_does_not_exist_for_others(shell: Shell, quick_world: World, who: str) -> None:
    number = _order(quick_world)
    told = shell.json(*_command(number, who), stdin=f"{PIN}\n", code=1)
    assert told["error"]["code"] == "not_found"


def test_a_file_that_cannot_be_written_is_told(shell: Shell, quick_world: World) -> None:
    number = _order(quick_world)
    told = shell(*_command(number), "--out", "/nowhere/order.csv", stdin=f"{PIN}\n")
    assert (told.exit_code, "cannot be written" in told.stderr) == (1, True)
