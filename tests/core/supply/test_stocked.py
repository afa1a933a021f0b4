"""Stock and randomization: what is refused, and what is forced, where the shelf lacks an arm."""

from __future__ import annotations

import datetime as dt

import pytest

from core.errors import NoKitAvailable
from core.messages import Message
from core.randomization.drawn import original_about
from core.sealed import Sealed
from tests.support.lists import activated, statistician
from tests.support.stories import set_up
from tests.support.studies import COMBI
from tests.support.world import Given, World

CARTER = """
[study]
code = "carter"
number = "440"
title = { en = "Study carter" }
sponsor = "Nobody"
blinding = "double"
languages = ["en"]

[sealed_cards]
en = "in the safe"

[randomization]
method = "list"

[[arms]]
code = "A"
name = { en = "One" }

[[arms]]
code = "B"
name = { en = "Other" }

[[kit_types]]
code = "KA"
description = "One"
group = "Capsules"

[[kit_types]]
code = "KB"
description = "Other"
group = "Capsules"

[[depots]]
code = "900"
name = "Depot"

[[visits]]
code = "V1"
name = { en = "Visit 1" }
day = 0
after = 3
kits = { A = ["KA"], B = ["KB"] }

[[visits]]
code = "V2"
name = { en = "Visit 2" }
day = 28

[[operators]]
name = "Desk"
telephone = "+12025550152"

[dispensing]
"""
LIST = "AABBABBA"
SURE: Given = {"consent": "yes", "eligible": "yes"}
SAME_WORDS = Message("error.no_kit_available")


def carter(world: World, rule: str) -> World:
    """A study with the list AABB|ABBA, at site 101 two kits for A and three for B."""
    here = set_up(world, CARTER + rule)
    statistician(here)
    rows = [f"all,{n},{4000 + n},{arm},{(n + 3) // 4}" for n, arm in enumerate(LIST, 1)]
    header = "stratum,sequence,randomization_number,arm,block"
    here.do("import_list", "Tess", file="\n".join([header, *rows]))
    activated(here)
    _lose(here, "KA", keep=2)
    _lose(here, "KB", keep=3)
    return here


def _lose(world: World, kind: str, keep: int) -> None:
    for number in _shelf(world, kind)[keep:]:
        world.do("report_stock", "Ada", kit=number, condition="missing")


def _shelf(world: World, kind: str) -> list[str]:
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = '101'"
        " AND disposition = 'available' ORDER BY id"
    )
    return [row.number for row in world.rows(query) if world.kit_type(row.number) == kind]


def _enrol(world: World) -> str:
    """The arm and row of the next subject, who is given a kit at once; – where refused."""
    try:
        number = world.do("randomize", "Ivy", **SURE).subject
    except NoKitAvailable as refused:
        return "–" if refused.message == SAME_WORDS else repr(refused.message)
    assert number is not None
    (kit,) = world.dispense(number)
    arm = world.arm(number)
    assert world.kit_type(kit) == f"K{arm}"
    return f"{arm}{int(number) - 4000}"


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        ("", "A1 A2 – – – B3 B4 A5"),
        ('stock = "own_arm"', "A1 A2 B3 B4 – A5 B6 B7"),
        ('stock = "force"\nbackfill = true', "A1 A2 B3 B4 B6 A5 B7 A8"),
        ('stock = "force"', "A1 A2 B3 B4 B6 B7 A8"),
    ],
    ids=["every_arm", "own_arm", "force_and_backfill", "force"],
)
def test_a_shelf_without_one_arm_refuses_or_forces_as_the_study_file_says(
    quick_world: World, rule: str, given: str
) -> None:
    """Reference case G17: Carter 2024, figure 2; two kits of A, three of B, more at patient 6."""
    here = carter(quick_world, rule)
    found = []
    for patient in range(1, len(given.split()) + 1):
        if patient == 6:
            here.stock([("8801", "KA", "2029-06"), ("8802", "KB", "2029-06")], 5, start=500)
            here.ship(5)
        found.append(_enrol(here))
    assert " ".join(found) == given


def test_a_forced_arm_is_on_record_beside_the_one_that_was_due(quick_world: World) -> None:
    here = carter(quick_world, 'stock = "force"')
    for _ in range(5):
        _enrol(here)
    rows = here.rows("SELECT * FROM draw WHERE study = :study ORDER BY number")
    due = [
        here.core.keys.open(
            Sealed(bytes(row.original), original_about("carter", row.domain, row.number))
        )
        for row in rows
    ]
    assert due == ["A", "A", "B", "B", "A"]
    assert [row.row or row.number for row in rows] == [1, 2, 3, 4, 6]


def test_refusals_are_recorded_in_the_same_words_whichever_arm_is_missing(
    quick_world: World,
) -> None:
    here = carter(quick_world, "")
    _lose(here, "KA", keep=0)
    first = here.refused("no_kit_available", "randomize", "Ivy", **SURE)
    kept = here.last_entry()["facts"]
    here.stock([("8801", "KA", "2029-06"), ("8802", "KB", "2029-06")], 1, start=500)
    here.ship(1)
    _lose(here, "KB", keep=0)
    assert _shelf(here, "KA")
    second = here.refused("no_kit_available", "randomize", "Ivy", **SURE)
    assert first.message == second.message == SAME_WORDS
    assert here.last_entry()["facts"] == kept
    assert here.one("SELECT count(*) FROM draw WHERE study = :study") == 0


def test_off_draws_whatever_the_shelf_holds(quick_world: World) -> None:
    here = carter(quick_world, 'stock = "off"')
    _lose(here, "KA", keep=0)
    _lose(here, "KB", keep=0)
    number = here.do("randomize", "Ivy", **SURE).subject
    here.refused("no_kit_available", "dispense", "Ada", subject=str(number), visit="V1")


def test_kits_that_do_not_last_until_the_next_visit_do_not_count(quick_world: World) -> None:
    """They expire on 30 June 2028, and must last 31 days: to the end of the next window."""
    quick_world.set_time(dt.datetime(2028, 5, 30, 15, tzinfo=dt.UTC))
    quick_world.randomize()
    number = quick_world.screen()
    quick_world.days_later(1)
    answers = {"subject": number, "sex": "F", **SURE}
    quick_world.refused("no_kit_available", "randomize", "Ivy", **answers)


def test_nothing_is_asked_of_the_shelf_where_the_first_kits_come_later(
    quick_world: World,
) -> None:
    later = COMBI.replace("day = 0\nafter = 3", "day = 7\nafter = 3")
    assert later != COMBI
    later = later.replace('"combi"', '"later"').replace('"401"', '"441"')
    later = later.replace("+12025550150", "+12025550160").replace("+12025550151", "+12025550161")
    here = set_up(quick_world, later)
    _lose(here, "A", keep=0)
    born: Given = {"year_of_birth": "1961", "rescreened": "no"}
    number = str(here.do("screen", "Ada", consent_date="2026-11-20", **born).subject)
    assert here.do("randomize", "Ivy", subject=number, sex="F", **SURE).subject == number
