"""Days before expiry: whose rule holds, and the last allowed day, inclusive (W15)."""

from __future__ import annotations

import datetime as dt

import pytest

from core.study.read import load
from core.study.schema import StudyConfig
from core.supply.days import Limits, days_to_last, last_day, limits
from tests.support.studies import COMBI

EXPIRY = dt.date(2026, 7, 12)
DAYS = "dnd_days = 10\nlead_days = 2\n"


def _config(rules: str, *, depot: str = "", visit: str = "") -> StudyConfig:
    text = COMBI.replace(DAYS, rules).replace('name = "Depot"\n', f'name = "Depot"\n{depot}\n')
    return load(text.replace('code = "V2"\n', f'code = "V2"\n{visit}\n'))


LEAST = "dnd_days = 5\nlead_days = 2\n"
W15 = "dnd_days = 5\ndnc_days = 8\ndns_days = 10\nlead_days = 2\nreview_lag_days = 1\n"


def test_the_last_days_are_the_expiry_less_the_days_inclusive() -> None:
    found = limits(_config(W15), "US")
    assert found == Limits(dnd=5, dnc=8, dns=10, lead=2)
    last = [last_day(EXPIRY, days) for days in (found.dns, found.dnc, found.dnd)]
    assert last == [dt.date(2026, 7, 2), dt.date(2026, 7, 4), dt.date(2026, 7, 7)]


def test_what_the_file_leaves_out_is_the_least_that_it_may_be() -> None:
    plain = _config("dnd_days = 5\nlead_days = 2\nreview_lag_days = 1\n")
    assert limits(plain, "US") == Limits(dnd=5, dnc=8, dns=10, lead=2)
    assert limits(_config("lead_days = 3\ndnc_days = 4\n"), "US") == Limits(0, 4, 7, 3)


@pytest.mark.parametrize(
    ("country", "expected"), [("NZ", Limits(20, 23, 25, 2)), ("US", Limits(5, 8, 10, 2))]
)
def test_a_country_has_days_of_its_own(country: str, expected: Limits) -> None:
    rules = f"{W15}[dispensing.per_country.NZ]\ndnd_days = 20\ndnc_days = 23\ndns_days = 25\n"
    assert limits(_config(rules), country) == expected


@pytest.mark.parametrize(
    ("country", "depot", "lead"),
    [("NZ", "900", 9), ("US", "900", 4), ("NZ", "901", 2), ("NZ", None, 2), (None, "900", 4)],
)
def test_the_lead_time_is_the_depots_to_that_country(
    country: str | None, depot: str | None, lead: int
) -> None:
    config = _config(LEAST, depot='lead_days = { NZ = 9, "*" = 4 }')
    assert limits(config, country, depot).lead == lead


def test_a_visit_has_days_of_its_own_before_the_countrys() -> None:
    rules = f"{LEAST}[dispensing.per_country.NZ]\ndnd_days = 50\n"
    config = _config(rules, visit="dnd_days = 40")
    assert limits(config, "NZ", visit="V2").dnd == 40
    assert limits(config, "NZ", visit="V1").dnd == 50


def test_kits_last_the_days_of_dispensing_and_the_gap_to_the_next_one() -> None:
    config = _config(LEAST, visit="dnd_days = 40")
    assert days_to_last(config, "US", "V1", "active") == 31  # day 0 to the end of V2's window
    assert days_to_last(config, "US", "V2", "active") == 40  # more than 28 + 3 + 3
    assert days_to_last(config, "US", "V4", "active") == 5


@pytest.mark.parametrize(
    ("expiry", "days", "expected"),
    [
        ("2028-02-29", 0, "2028-02-29"),
        ("2028-03-10", 10, "2028-02-29"),
        ("2027-03-10", 10, "2027-02-28"),
        ("2028-01-05", 5, "2027-12-31"),
    ],
)
def test_the_last_day_goes_by_the_calendar(expiry: str, days: int, expected: str) -> None:
    assert last_day(dt.date.fromisoformat(expiry), days) == dt.date.fromisoformat(expected)
