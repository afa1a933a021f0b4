"""Worked cases W1 to W11: expected numbers, to the digits that are printed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import sqrt

import pytest

from core.supply.demand.counts import Counts, Number, binomial, decimal, poisson
from core.supply.demand.enrolment import Rate, TimeTo, enrolled_by
from core.supply.demand.stock import (
    backorder,
    critical_ratio,
    erlang_b,
    lead_time_demand,
    normal_at_most,
    normal_quantile,
)
from core.supply.demand.visits import followed

HALF = Fraction(1, 2)
RATE = Rate(Fraction(2), Fraction(120))


def as_printed(value: Number | float, printed: str) -> bool:
    """Whether the value, rounded to as many places as are printed, is what is printed."""
    exact = Decimal(repr(value)) if isinstance(value, float) else decimal(value)
    wanted = Decimal(printed)
    return exact.quantize(Decimal(1).scaleb(int(wanted.as_tuple().exponent))) == wanted


def tails(counts: Counts) -> tuple[int, int]:
    return counts.quantile(Fraction(95, 100)), counts.quantile(Fraction(99, 100))


def test_subjects_of_a_site_in_28_days() -> None:
    found = RATE.subjects(28)
    assert as_printed(found.at_most(0), ".657414")
    assert as_printed(RATE.mean(28), ".4667")
    assert as_printed(found.mean, ".4667")
    assert tails(found) == (2, 3)
    arm = RATE.subjects(28, HALF)
    assert as_printed(arm.at_most(1), ".969534")
    assert as_printed(arm.at_most(2), ".995796")
    assert tails(arm) == (1, 2)


def test_subjects_of_one_arm_in_90_days() -> None:
    found = RATE.subjects(90, HALF)
    assert RATE.mean(90, HALF) == Fraction(3, 4)
    assert RATE.variance(90, HALF) == Fraction("1.03125")
    assert as_printed(found.mean, ".75000")
    assert as_printed(found.variance, "1.03125")
    assert tails(found) == (3, 4)


def test_what_a_site_enrolled_changes_what_is_expected_of_it() -> None:
    busy = RATE.after(3, 60)
    found = busy.subjects(30)
    assert as_printed(busy.mean(30), ".833333")
    assert as_printed(busy.variance(30), ".972222")
    assert as_printed(found.at_most(0), ".462664")
    assert tails(found) == (3, 4)
    idle = RATE.after(0, 60)
    assert as_printed(idle.mean(30), ".333333")
    assert as_printed(idle.subjects(30).at_most(0), ".734694")


def test_time_until_600_are_enrolled_at_100_sites() -> None:
    time = TimeTo(RATE, sites=100, subjects=600)
    assert time.mean is not None
    assert time.variance is not None
    assert as_printed(time.mean, "361.809")
    assert as_printed(sqrt(time.variance), "29.672")
    assert as_printed(time.quantile(HALF), "360.40")
    # Printed as 324.87 and 400.56; integrating the density gives 324.865 and 400.555.
    for level, days in ((1, "324.865"), (9, "400.555")):
        assert as_printed(time.quantile(Fraction(level, 10)), days)
        assert abs(time.chance_by(Decimal(days)) - Decimal(level) / 10) < Decimal("1e-5")
    assert as_printed(time.chance_by(365), ".561616")


def test_enrolment_by_sites_that_open_one_a_day() -> None:
    mean, variance = enrolled_by(RATE, 200, range(100))
    assert as_printed(mean, "250.8333")
    assert as_printed(variance, "576.9931")


def test_kits_of_subjects_of_whom_some_leave() -> None:
    leaving = [Fraction(0), *[Fraction(2, 100)] * 7]
    found = followed(leaving, [1] * 8)
    assert as_printed(found.mean, "7.461849")
    assert as_printed(found.variance, "2.433432")
    assert as_printed(600 * found.mean, "4477.109")
    assert as_printed(sqrt(600 * found.variance), "38.211")
    assert as_printed(found.completes, ".868126")


def test_stock_at_ten_sites_against_one_stock_for_all() -> None:
    level = Fraction(95, 100)
    assert poisson(2).quantile(level) == 5
    assert poisson(20).quantile(level) == poisson(2).times(10).quantile(level) == 28


@pytest.mark.parametrize(
    ("stock", "lost", "waiting"),
    [
        (1, ".411765", ".503415"),
        (2, ".125964", ".155805"),
        (3, ".028552", ".034142"),
        (4, ".004972", ".005753"),
    ],
)
def test_demand_lost_or_waiting_at_a_base_stock(stock: int, lost: str, waiting: str) -> None:
    assert as_printed(erlang_b(Fraction(7, 10), stock), lost)
    assert as_printed(backorder(Fraction(7, 10), stock), waiting)


def test_demand_over_a_lead_time_of_a_week_or_of_five_to_nine_days() -> None:
    week = lead_time_demand(Fraction(2, 10), [7])
    assert as_printed(week.above(3), ".053725")
    assert as_printed(week.shortage(3), ".071927")
    assert as_printed(lead_time_demand(Fraction(2, 10), range(5, 10)).above(3), ".058801")


def test_those_in_screening_who_come_to_one_arm() -> None:
    found = binomial(5, Fraction(7, 10) * HALF)
    assert found.mean == Decimal("1.75")
    assert as_printed(found.at_most(3), ".945978")
    assert found.quantile(Fraction(95, 100)) == 4


def test_stock_where_a_missing_kit_costs_more_than_one_left_over() -> None:
    ratio = critical_ratio(Fraction(5000), Fraction(300))
    assert as_printed(ratio, ".943396")
    assert as_printed(normal_quantile(ratio, Fraction("4477.11"), Fraction("38.46")), "4538.03")
    assert poisson(4).quantile(ratio) == 7


@pytest.mark.parametrize(
    ("value", "chance"), [("0", "0.5"), ("1.96", "0.9750021049"), ("-3", "0.0013498980")]
)
def test_the_normal_distribution_is_the_one_of_the_tables(value: str, chance: str) -> None:
    assert as_printed(normal_at_most(Decimal(value)), chance)
    assert abs(normal_quantile(normal_at_most(Decimal(value))) - Decimal(value)) < Decimal("1e-15")


def test_the_normal_distribution_has_ends() -> None:
    assert normal_at_most(Decimal(99)) == 1
    assert normal_at_most(Decimal(-99)) == 0


def test_a_time_without_a_mean_has_none() -> None:
    alone = TimeTo(Rate(Fraction(1), Fraction(30)), sites=1, subjects=5)
    assert alone.mean is None
    assert alone.variance is None
    pair = TimeTo(Rate(Fraction(1), Fraction(30)), sites=2, subjects=5)
    assert pair.mean == 150
    assert pair.variance is None
    assert alone.chance_by(0) == 0


def test_kits_may_differ_from_visit_to_visit() -> None:
    found = followed([Fraction(0), HALF], [1, 3])
    assert (found.mean, found.variance, found.completes) == (Fraction(5, 2), Fraction(9, 4), HALF)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Rate(Fraction(0), Fraction(1)),
        lambda: RATE.subjects(3, Fraction(2)),
        lambda: TimeTo(RATE, 1, 1).quantile(1),
        lambda: followed([], []),
        lambda: followed([HALF], [1, 2]),
        lambda: followed([Fraction(2)], [1]),
        lambda: erlang_b(0, 1),
        lambda: critical_ratio(Fraction(0), Fraction(1)),
        lambda: normal_quantile(1),
    ],
)
def test_what_makes_no_sense_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=r"above|below|from 0|range|each"):
        call()
