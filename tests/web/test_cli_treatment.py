"""`ixrs treatment`: told to whom it is open, on record; and `ixrs show` that never tells it."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.support.unblinding import BREAK, for_analysis, join, on_shelf
from tests.support.world import PEOPLE, PIN, World
from tests.web.test_cli import Shell

NAMES = {"active": "Active", "placebo": "Placebo", "A": "Active", "B": "Placebo"}


@pytest.fixture
def shell(quick_world: World) -> Shell:
    return Shell(str(join(quick_world).core.engine.url))


def _as(who: str) -> tuple[str, ...]:
    return ("--study", "combi", "--as", PEOPLE[who], "--secret-stdin")


@pytest.mark.req("R3")
def test_a_treatment_is_told_once_it_is_open_and_each_time_on_record(
    shell: Shell, quick_world: World
) -> None:
    world = quick_world
    number, kit = world.randomized(), on_shelf(world)
    refused = shell.json("treatment", number, *_as("Ivy"), stdin=f"{PIN}\n", code=1)
    assert refused["error"]["code"] == "not_found"
    assert world.last_entry()["facts"]["why"] == "not_open"
    world.do("code_break", "Ivy", subject=number, **BREAK)
    world.do("unblind_kit", "Ivy", kit=kit, **BREAK)
    told = shell("treatment", number, *_as("Ivy"), stdin=f"{PIN}\n")
    assert told.stdout == f"{number}: {NAMES[world.arm(number)]}\n"
    assert world.last_entry()["channel"] == "command line"
    found = shell.json("treatment", "--kit", kit, *_as("Ivy"), stdin=f"{PIN}\n")
    assert found["treatment"] == NAMES[world.kit_type(kit)]


def test_all_treatments_are_told_after_a_planned_unblinding(
    shell: Shell, quick_world: World
) -> None:
    world = quick_world
    numbers = [world.randomized() for _ in range(2)]
    world.set_time(dt.datetime.now(dt.UTC))  # the command goes by the machine's clock
    proposed = world.do("unblind_study", "Mia", **for_analysis(world))
    world.do("approve", "Tess", proposal=str(proposed.facts["proposal"]))
    found = shell.json("treatment", "--all", *_as("Tess"), stdin=f"{PIN}\n")["items"]
    assert [one["subject"] for one in found] == numbers


def test_one_thing_is_asked_for_at_a_time(shell: Shell) -> None:
    for words in ((), ("101001", "--all"), ("101001", "--kit", "12345678")):
        told = shell("treatment", *words, *_as("Ivy"), stdin=f"{PIN}\n")
        assert told.exit_code == 2


@pytest.mark.req("R6")
@pytest.mark.parametrize("who", ["Ivy", "Ada", "Mia"])
def test_a_subject_whose_code_is_broken_is_shown_without_the_treatment(
    shell: Shell, quick_world: World, who: str
) -> None:
    world = quick_world
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    shell("treatment", number, *_as("Ivy"), stdin=f"{PIN}\n")
    for what, which in (("subject", number), ("site", "101"), ("study", "combi")):
        shown = shell("show", what, which, *_as(who), stdin=f"{PIN}\n").stdout
        assert "Active" not in shown
        assert "Placebo" not in shown
        assert "placebo" not in shown
