"""What subjects will be given: visits not done whose windows open, and nothing for the others."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from core.study.read import load
from core.supply.needs import load_treated, needs_of, upcoming
from tests.support.world import Given, World

TODAY = dt.date(2026, 3, 2)
NEXT = """
[[visits]]
code = "{code}"
name = {{ en = "Visit" }}
day = {day}
before = 3
after = 3
window = "{window}"
kits = {{ active = ["A"], placebo = ["B"] }}
"""
HEAD = """
[study]
code = "w13"
number = "452"
title = { en = "Case 13" }
sponsor = "Nobody"
blinding = "open"
languages = ["en"]

[randomization]
method = "simple"

[[arms]]
code = "active"
name = { en = "Active" }

[[arms]]
code = "placebo"
name = { en = "Placebo" }

[[kit_types]]
code = "A"
description = "A"
group = "Capsules"

[[kit_types]]
code = "B"
description = "B"
group = "Capsules"
"""


def _config(window: str = "soft") -> Any:
    days = [(f"V{place}", 28 * place) for place in range(4)]
    first = NEXT.format(code="V0", day=0, window=window).replace("before = 3", "before = 0")
    later = [NEXT.format(code=code, day=day, window=window) for code, day in days[1:]]
    return load(HEAD + first + "".join(later))


def _subject(due: dt.date, done: int = 0, **values: Any) -> tuple[Any, list[Any]]:
    """Somebody whose visit number `done` is due on that day, with the ones before on record."""
    start = due - dt.timedelta(28 * done)
    found: dict[str, Any] = {
        "status": "randomized",
        "consent_on": start,
        "randomized_on": start,
        "randomized_at": dt.datetime.combine(start, dt.time(), dt.UTC),
        **dict.fromkeys(("phase", "phase_on", "dose", "dose_held_on")),
        **values,
    }
    visits = [
        SimpleNamespace(code=f"V{place}", on=start + dt.timedelta(28 * place))
        for place in range(done)
    ]
    return SimpleNamespace(**found), visits


def _day(day: int, month: int) -> dt.date:
    return dt.date(2026, month, day)


CASE_13: Mapping[str, tuple[str, tuple[Any, list[Any]]]] = {
    "S1": ("active", _subject(_day(9, 3), 1)),  # then 6 April and 4 May
    "S2": ("active", _subject(_day(20, 3), 2)),  # then 17 April
    "S5": ("active", _subject(_day(16, 3), 3, dose_held_on=_day(1, 3))),
    "S3": ("placebo", _subject(_day(19, 3), 1)),  # then 16 April and 14 May
    "S4": ("placebo", _subject(_day(27, 2), 2)),  # overdue, and due; then 27 March
}


@pytest.mark.parametrize(("days", "wanted"), [(14, {"A": 1, "B": 2}), (42, {"A": 3, "B": 4})])
def test_a_window_counts_what_opens_in_it_and_what_is_overdue(
    days: int, wanted: dict[str, int]
) -> None:
    """Case W13: today 2 March, windows of three days either side."""
    until = TODAY + dt.timedelta(days)
    found = Counter[str]()
    for arm, subject in CASE_13.values():
        (needed,) = needs_of(_config(), *subject, arm, TODAY, until)
        found += needed
    assert found == wanted


def test_two_windows_are_counted_in_one_walk() -> None:
    arm, subject = next(iter(CASE_13.values()))
    days = [TODAY + dt.timedelta(14), TODAY + dt.timedelta(42)]
    together = needs_of(_config(), *subject, arm, TODAY, *days)
    alone = [needs_of(_config(), *subject, arm, TODAY, day)[0] for day in days]
    assert together == tuple(alone)
    assert together[0] != together[1]


def test_a_window_opens_on_its_first_day() -> None:
    subject = _subject(_day(19, 3), 1)
    for until, count in ((_day(15, 3), 0), (_day(16, 3), 1)):
        assert len(upcoming(_config(), *subject, "active", TODAY, until)) == count
    (need,) = upcoming(_config(), *subject, "active", TODAY, _day(16, 3))
    assert (need.visit, need.opens, need.due, need.closes, need.kits) == (
        *("V1", _day(16, 3), _day(19, 3), _day(22, 3)),
        ("A",),
    )


def test_a_hard_window_that_is_over_needs_nothing_more() -> None:
    subject = _subject(_day(26, 2), 1)
    for window, count in (("soft", 1), ("hard", 0)):
        assert len(upcoming(_config(window), *subject, "active", TODAY, TODAY)) == count
    last = _subject(_day(27, 2), 1)
    assert len(upcoming(_config("hard"), *last, "active", TODAY, TODAY)) == 1


@pytest.mark.parametrize("status", ["screened", "discontinued", "withdrawn", "completed"])
def test_who_is_off_treatment_needs_nothing(status: str) -> None:
    values = {"randomized_at": None} if status == "screened" else {}
    subject = _subject(_day(9, 3), 1, status=status, **values)
    assert needs_of(_config(), *subject, "active", TODAY, _day(1, 12)) == (Counter(),)


def test_the_whole_study_is_read_at_once_and_only_who_is_given_drug(quick_world: World) -> None:
    world = quick_world
    treated, ended = world.randomized(), world.randomized()
    other = world.randomized(who="Dan")
    world.screen()
    day = world.core.now().date()
    given: Given = {
        "what_ended": "discontinued",
        "cause": "adverse_event",
        "end_date": day.isoformat(),
    }
    world.do("end", "Ada", subject=ended, **given)
    world.dispense(treated, "V1")
    with world.core.reading() as db:
        found = list(load_treated(world.core, db, "combi"))
        here = list(load_treated(world.core, db, "combi", "102"))
    assert [(one.site, one.found.number) for one in found] == [("101", treated), ("102", other)]
    assert [one.found.number for one in here] == [other]
    assert found[0].arm == world.arm(treated)
    assert [row.code for row in found[0].visits] == ["V1"]
    kind = "A" if found[0].arm == "active" else "B"
    first = found[0]
    until = day + dt.timedelta(28)
    (wanted,) = needs_of(first.config, first.found, first.visits, first.arm, day, until)
    assert wanted == {kind: 2}
