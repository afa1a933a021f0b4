"""When an order leaves and is due: the cut-off by the depot's clock, workdays, holidays."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from core.study.supply import Depot
from core.supply.calendar import due_at_depot, due_at_site, leaves_on

FRIDAY = dt.date(2026, 11, 20)
MONDAY = dt.date(2026, 11, 23)


def depot(**values: Any) -> Depot:
    """A depot in Madrid that works from Monday to Friday until 14:00."""
    given = {"timezone": "Europe/Madrid", "cut_off": "14:00", "workdays": (1, 2, 3, 4, 5)}
    return Depot(code="900", name="Depot", **{**given, **values})


def at(day: dt.date, time: str, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
    """A moment."""
    return dt.datetime.combine(day, dt.time.fromisoformat(time), zone)


@pytest.mark.parametrize(
    ("utc", "leaves"),
    [
        ("12:59", FRIDAY),
        ("13:00", FRIDAY),  # 14:00 in Madrid: the cut-off itself is in time
        ("13:01", MONDAY),
        ("22:59", MONDAY),
    ],
)
def test_what_is_confirmed_by_the_cut_off_leaves_that_day(utc: str, leaves: dt.date) -> None:
    assert leaves_on(at(FRIDAY, utc), depot()) == leaves


def test_the_day_is_that_of_the_depots_own_clock() -> None:
    thursday = FRIDAY - dt.timedelta(days=1)
    in_auckland = depot(timezone="Pacific/Auckland", cut_off="09:00")
    assert leaves_on(at(thursday, "19:59"), in_auckland) == FRIDAY  # 08:59 there
    assert leaves_on(at(thursday, "20:01"), in_auckland) == MONDAY
    in_honolulu = depot(timezone="Pacific/Honolulu", cut_off="09:00")
    assert leaves_on(at(FRIDAY, "05:00"), in_honolulu) == FRIDAY  # 19:00 on Thursday there
    assert leaves_on(at(FRIDAY, "18:59"), in_honolulu) == FRIDAY  # 08:59


def test_nothing_leaves_on_a_day_off() -> None:
    saturday = FRIDAY + dt.timedelta(days=1)
    assert leaves_on(at(saturday, "08:00"), depot()) == MONDAY
    closed = depot(holidays=(MONDAY, MONDAY + dt.timedelta(days=1)))
    assert leaves_on(at(saturday, "08:00"), closed) == MONDAY + dt.timedelta(days=2)


def test_the_clock_change_does_not_move_the_cut_off() -> None:
    before, after = dt.date(2026, 3, 27), dt.date(2026, 3, 30)  # Madrid: +1, then +2
    assert leaves_on(at(before, "13:00"), depot()) == before
    assert leaves_on(at(after, "12:00"), depot()) == after
    assert leaves_on(at(after, "12:01"), depot()) == after + dt.timedelta(days=1)


def test_without_a_cut_off_the_whole_day_counts() -> None:
    assert leaves_on(at(FRIDAY, "22:59"), depot(cut_off=None)) == FRIDAY


def test_it_is_due_after_the_lead_time_and_on_no_holiday_there() -> None:
    thanksgiving = dt.date(2026, 11, 26)
    assert due_at_site(MONDAY, 2, (thanksgiving,)) == dt.date(2026, 11, 25)
    assert due_at_site(MONDAY, 3, (thanksgiving,)) == dt.date(2026, 11, 27)


def test_lead_days_run_over_a_leap_day() -> None:
    leaves = dt.date(2028, 2, 27)
    assert due_at_site(leaves, 2, ()) == dt.date(2028, 2, 29)
    assert due_at_site(leaves, 3, (dt.date(2028, 3, 1),)) == dt.date(2028, 3, 2)


def test_another_depot_takes_it_in_on_its_own_workdays() -> None:
    assert due_at_depot(FRIDAY, 1, depot()) == MONDAY
    assert due_at_depot(FRIDAY, 1, depot(workdays=(6,))) == FRIDAY + dt.timedelta(days=1)


def test_a_depot_that_never_opens_again_is_told_as_that() -> None:
    every_monday = tuple(MONDAY + dt.timedelta(weeks=week) for week in range(540))
    with pytest.raises(ValueError, match="never opens"):
        leaves_on(at(FRIDAY, "08:00"), depot(workdays=(1,), holidays=every_monday))
