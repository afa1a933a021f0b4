"""`ixrs supply run`, `why` and `warnings`: what is ordered, what is told to whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.resupply import MIN_MAX, ordered, publish
from tests.support.world import PEOPLE, PIN, World
from tests.web.test_cli import Shell


@pytest.fixture
def shell(quick_world: World) -> Shell:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10))
    return Shell(str(quick_world.core.engine.url))


def _ask(shell: Shell, who: str, *command: str, code: int = 0) -> Any:
    option = "--user" if command[0] == "run" else "--as"
    person = (option, PEOPLE[who], "--study", "combi", "--secret-stdin")
    return shell.json("supply", *command, *person, stdin=f"{PIN}\n", code=code)


def _readings(world: World) -> int:
    return int(world.one("SELECT count(*) FROM ledger WHERE \"transaction\" = 'types_read'"))


def test_a_run_orders_for_every_site_and_a_second_one_nothing(
    shell: Shell, quick_world: World
) -> None:
    done = _ask(shell, "Sam", "run")
    assert done["looked_at"] == 2
    assert [one["site"] for one in done["sites"]] == ["101", "102"]
    assert ordered(quick_world, done["sites"][0]["shipment"]) == {"A": 2, "B": 2}
    assert _ask(shell, "Sam", "run")["sites"] == []


def test_a_dry_run_orders_nothing_and_is_an_audited_reading(
    shell: Shell, quick_world: World
) -> None:
    before = _readings(quick_world)
    told = _ask(shell, "Sam", "run", "--dry-run", "--site", "101")
    (site,) = told["sites"]
    assert site["kits"] == {"A": 2, "B": 2}
    assert set(site["why"]) == {"A", "B"}
    assert quick_world.one("SELECT count(*) FROM shipment WHERE study = :study") == 2
    assert _readings(quick_world) == before + 1


@pytest.mark.parametrize("who", ["Ada", "Cy", "Mia", "Bo"])
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_run_is_no_ones_but_the_supply_managers(
    shell: Shell, quick_world: World, who: str, dry: tuple[str, ...]
) -> None:
    assert _ask(shell, who, "run", *dry, code=1)["error"]["code"] == "not_found"
    assert quick_world.one("SELECT count(*) FROM shipment WHERE study = :study") == 2


def test_a_site_that_is_refused_is_told_and_the_others_go_on(
    shell: Shell, quick_world: World
) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=16))
    done = _ask(shell, "Sam", "run", code=1)
    assert ["error" in one for one in done["sites"]] == [False, True]


def test_why_is_told_by_type_to_supply_and_without_types_to_the_site(
    shell: Shell, quick_world: World
) -> None:
    number = _ask(shell, "Sam", "run")["sites"][0]["shipment"]
    before = _readings(quick_world)
    here = _ask(shell, "Ada", "why", number)
    assert (here["types"], _readings(quick_world)) == ([], before)
    sam = _ask(shell, "Sam", "why", number)
    assert [(one["kit_type"], one["sent"]) for one in sam["types"]] == [("A", 2), ("B", 2)]
    assert sam["why"] == here["why"]
    assert _readings(quick_world) == before + 1


def test_why_a_shipment_of_another_site_was_sent_is_not_found(shell: Shell) -> None:
    number = _ask(shell, "Sam", "run")["sites"][1]["shipment"]
    assert _ask(shell, "Ada", "why", number, code=1)["error"]["code"] == "not_found"


def test_warnings_are_listed_for_each_as_far_as_they_may_know(
    shell: Shell, quick_world: World
) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10) + "approve = true\n")
    number = _ask(shell, "Sam", "run")["sites"][0]["shipment"]
    drafts = [one for one in _ask(shell, "Sam", "warnings")["warnings"] if one["kind"] == "draft"]
    assert next((one["site"], one["shipment"]) for one in drafts) == ("101", number)
    assert "draft" not in [one["kind"] for one in _ask(shell, "Ada", "warnings")["warnings"]]
