"""The same story with the arms exchanged reads the same, byte for byte, to everyone at the site."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import Refused
from core.transaction import Receipt
from tests.support.stories import decide, dosed, phase_arm, respond, run_in, set_up
from tests.support.studies import DOSED
from tests.support.world import TODAY, World
from tests.support.world_fixtures import copy_sqlite
from tests.web.reading.pages import Pages

_LOW = """[[arms]]
code = "low"
name = { en = "Low dose" }
"""
_PLACEBO = """[[arms]]
code = "placebo"
name = { en = "Placebo" }
"""
EXCHANGED = (
    DOSED.replace(_LOW, "(first)")
    .replace(_PLACEBO, _LOW)
    .replace("(first)", _PLACEBO)
    .replace("ratio = { low = 1, high = 1 }", "ratio = { high = 1, low = 1 }")
)
"""Whoever draws low in the one study draws placebo in the other."""

ANSWERS = ("yes", "no", "no", "no")


@pytest.fixture
def worlds(sqlite_world: Path, tmp_path: Path) -> tuple[World, World]:
    made = []
    for name, source in (("one", DOSED), ("other", EXCHANGED)):
        copy_sqlite(sqlite_world, tmp_path / f"{name}.db")
        made.append(set_up(World.at(f"sqlite:///{tmp_path / name}.db"), source))
    return made[0], made[1]


def _live(here: World) -> tuple[list[str], list[Receipt | Refused]]:
    """Everything that one may do with cohorts, responses and phases, and what it led to."""
    heard: list[Receipt | Refused] = []

    def do(name: str, who: str, **given: Any) -> None:
        try:
            heard.append(here.do(name, who, **given))
        except Refused as refused:
            heard.append(refused)

    heard.append(decide(here, "open"))
    numbers = [dosed(here) for _ in ANSWERS]
    do("randomize", "Ivy", subject=run_in(here), consent="yes", eligible="yes")
    do("decide_cohort", "Mia", decision="stay")
    heard += [respond(here, *pair) for pair in zip(numbers, ANSWERS, strict=True)]
    do("decide_cohort", "Mia", decision="escalate", reason="The committee of 20 November")
    here.days_later(30)
    for number in numbers:
        do("enter_phase", "Ada", subject=number, phase="EXT")
    for number in numbers[:3]:
        do("enter_phase", "Ada", subject=number, phase="OLE")
        do("enter_phase", "Ada", subject=number, phase="ROLL")
        do("respond", "Ada", subject=number, assessed_on=TODAY, answer="no")
    return numbers, heard


def _told(one: Receipt | Refused) -> Any:
    if isinstance(one, Refused):
        return one.code, one.message
    return dataclasses.replace(one, id=0)


def _ledger(world: World) -> list[dict[str, Any]]:
    """The entries of the story, without what hashes secrets and the study file."""
    found = [
        json.loads(row.body)
        for row in world.rows("SELECT body FROM ledger WHERE study = :study ORDER BY sequence")
    ]
    return [
        {**one, "previous": None, "secret": sorted(one["secret"])}
        for one in found
        if one["transaction"] != "publish"
    ]


def test_arms_exchanged_leave_the_same_words_facts_notices_and_pages(
    worlds: tuple[World, World],
) -> None:
    (numbers, heard), (same, other) = (_live(world) for world in worlds)
    one, two = worlds
    assert numbers == same
    arms = [[world.arm(number) for number in numbers] for world in worlds]
    exchange = {"low": "placebo", "placebo": "low"}
    assert arms[1] == [exchange[arm] for arm in arms[0]]
    assert [phase_arm(one, numbers[3]), phase_arm(two, numbers[3])] in (
        ["high", "low"],
        ["low", "high"],
    )
    assert [_told(each) for each in other] == [_told(each) for each in heard]
    assert _ledger(two) == _ledger(one)
    assert two.rows("SELECT message, roles, user_id, site FROM outbox") == one.rows(
        "SELECT message, roles, user_id, site FROM outbox"
    )


def test_arms_exchanged_leave_the_same_pages(worlds: tuple[World, World]) -> None:
    stories = [_live(world) for world in worlds]
    numbers = stories[0][0]
    done = [one for one in stories[0][1] if isinstance(one, Receipt)]
    paths = ["/", "/subjects", *(f"/subjects/{number}" for number in numbers)]
    ours, theirs = (Pages(world) for world in worlds)
    for who in ("Ada", "Ivy", "Mia"):
        for path in paths:
            assert theirs.text(who, path) == ours.text(who, path), (who, path)
    for one in done:
        who = {"decide_cohort": "Mia"}.get(one.transaction, "Ada")
        path = f"/receipt/{one.confirmation}"
        assert theirs.text(who, path) == ours.text(who, path), one.transaction
