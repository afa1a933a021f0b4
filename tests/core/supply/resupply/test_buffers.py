"""Buffers: given, or by the risk that new subjects and those in screening need more."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from core.study.read import load
from core.study.schema import StudyConfig
from core.supply.demand.counts import binomial
from core.supply.demand.enrolment import Rate
from core.supply.resupply.buffers import Buffer, Shared, buffers, least

HEAD = """
[study]
code = "buffer"
number = "453"
title = { en = "Buffers" }
sponsor = "Nobody"
blinding = "open"
languages = ["en"]

[randomization]
method = "METHOD"

[[depots]]
code = "900"
name = "Depot"

[[arms]]
code = "x"
name = { en = "X" }

[[arms]]
code = "y"
name = { en = "Y" }

[[kit_types]]
code = "A"
description = "A"
group = "Capsules"

[[kit_types]]
code = "B"
description = "B"
group = "Capsules"
"""
VISIT = """
[[visits]]
code = "V{number}"
name = {{ en = "Visit" }}
day = {day}
before = {before}
{kits}
"""
FIRST = VISIT.format(number=1, day=0, before=0, kits='kits = { x = ["A"], y = ["B"] }')
SECOND = VISIT.format(number=2, day=28, before=3, kits='kits = { x = ["A"], y = ["B"] }')
BY_RISK = """
[resupply]
strategy = "predictive"
short_days = 28
long_days = 90
risk = "RISK"
[resupply.expected]
shape = 2
rate_days = 120
pass_rate = 0.7
"""
GIVEN = """
[resupply]
strategy = "STRATEGY"
minimum = { "*" = 2, B = 1 }
maximum = { "*" = 6 }
"""
RATE = Rate(Fraction(2), Fraction(120))
HALF = Fraction(1, 2)
ONE_ARM: Shared = ((HALF, ((0, 1),)), (HALF, ()))


def study(*parts: str, method: str = "simple") -> StudyConfig:
    return load(HEAD.replace("METHOD", method) + "".join(parts))


def by_risk(config: StudyConfig, **site: int | None) -> tuple[int, int]:
    found = buffers(config, config.resupply, enrolment_open=True, **site)  # type: ignore[arg-type]
    assert found["A"] == found["B"]
    return found["A"]


@pytest.mark.parametrize(("risk", "expected"), [("0.05", (1, 3)), ("0.01", (2, 4))])
def test_a_buffer_by_risk_is_the_quantile_of_the_subjects_of_its_arm(
    risk: str, expected: tuple[int, int]
) -> None:
    assert by_risk(study(FIRST, BY_RISK.replace("RISK", risk))) == expected


def test_a_site_that_enrolled_much_is_given_more() -> None:
    config = study(FIRST, BY_RISK.replace("RISK", "0.05"))
    quiet, busy = by_risk(config, open_days=200), by_risk(config, enrolled=12, open_days=200)
    assert quiet[0] < busy[0]
    assert quiet[1] < busy[1]


def test_those_in_screening_are_added_as_distributions_not_as_quantiles() -> None:
    config = study(FIRST, BY_RISK.replace("RISK", "0.05"))
    new = RATE.subjects(28, HALF)
    waiting = binomial(5, Fraction(7, 10) * HALF)
    level = Fraction(95, 100)
    together = new.plus(waiting).quantile(level)
    assert by_risk(config, screened=5)[0] == together
    assert together < new.quantile(level) + waiting.quantile(level)


def test_a_new_subject_needs_a_second_kit_only_if_there_is_time_for_that_visit() -> None:
    both: Shared = ((Fraction(1), ((0, 1), (25, 1))),)
    first: Shared = ((Fraction(1), ((0, 1),)),)
    risk = Fraction(1, 20)
    assert least(RATE, 20, both, 0, Fraction(1), risk) == least(
        RATE, 20, first, 0, Fraction(1), risk
    )
    draws = Random(5)
    totals = sorted(_kits_in(90, draws) for _ in range(20_000))
    found = least(RATE, 90, both, 0, Fraction(1), risk)
    within = [sum(total <= kits for total in totals) / 20_000 for kits in (found - 1, found)]
    assert within[0] < 0.95 <= within[1] + 0.004


def test_those_in_screening_are_reckoned_as_if_randomized_today_with_all_their_visits() -> None:
    idle = Rate(Fraction(2), Fraction(10**6))
    both: Shared = ((Fraction(1), ((0, 1), (25, 1))),)
    assert least(idle, 42, both, 5, Fraction(1), Fraction(1, 20)) == 10
    assert least(idle, 24, both, 5, Fraction(1), Fraction(1, 20)) == 5


def test_a_visit_counts_from_the_first_day_of_its_window() -> None:
    text = BY_RISK.replace("RISK", "0.05").replace("short_days = 28", "short_days = DAYS")
    found = [
        by_risk(study(FIRST, SECOND, text.replace("DAYS", days)), screened=8, open_days=3000)[0]
        for days in ("24", "25")
    ]
    assert found[1] == 2 * found[0]


def _kits_in(days: int, draws: Random) -> int:
    """Kits that new subjects need, one at once and one 25 days later, by simulation."""
    rate, at, kits = draws.gammavariate(2, 1 / 120), 0.0, 0
    while (at := at + draws.expovariate(rate)) <= days:
        kits += 1 + (at + 25 <= days)
    return kits


def test_several_kits_at_a_visit_are_as_many_for_each_subject() -> None:
    pair: Shared = ((HALF, ((0, 2),)), (HALF, ()))
    one, two = (least(RATE, 90, kits, 0, Fraction(1), Fraction(1, 20)) for kits in (ONE_ARM, pair))
    assert two == 2 * one


def test_no_more_is_held_than_the_places_that_are_left_can_use() -> None:
    config = study(FIRST, SECOND, BY_RISK.replace("RISK", "0.01"))
    free, none = by_risk(config), by_risk(config, places=0)
    assert by_risk(config, places=1) == (min(free[0], 2), 2)
    assert none == (0, 0)
    assert by_risk(config, places=50) == free
    both: Shared = ((Fraction(1), ((0, 1), (25, 1))),)
    one_place = [least(RATE, days, both, 9, Fraction(1), HALF, 1) for days in (24, 25)]
    assert one_place == [1, 2]


def test_predictive_buffers_fall_to_nothing_when_enrolment_closes() -> None:
    for text in (BY_RISK.replace("RISK", "0.05"), GIVEN.replace("STRATEGY", "predictive")):
        config = study(FIRST, text)
        found = buffers(config, config.resupply, enrolment_open=False, screened=3)
        assert found == {"A": Buffer(0, 0), "B": Buffer(0, 0)}


def test_min_max_amounts_stay_as_they_are_for_the_visits_to_come() -> None:
    config = study(FIRST, GIVEN.replace("STRATEGY", "min_max"))
    for enrolment_open in (True, False):
        found = buffers(config, config.resupply, enrolment_open=enrolment_open)
        assert found == {"A": Buffer(2, 6), "B": Buffer(1, 6)}


def test_arms_that_are_not_drawn_now_are_given_nothing() -> None:
    config = study(FIRST, BY_RISK.replace("RISK", "0.05"))
    found = buffers(config, config.resupply, enrolment_open=True, ratio={"x": 1})
    assert found["B"] == (0, 0)
    assert found["A"][0] == RATE.subjects(28).quantile(Fraction(95, 100))


def test_a_study_without_randomization_gives_its_kits_to_everyone() -> None:
    text = HEAD.replace('[randomization]\nmethod = "METHOD"\n', "")
    arms = text[text.index("[[arms]]") : text.index("[[kit_types]]")]
    visit = VISIT.format(number=1, day=0, before=0, kits='kits = { "*" = ["A"] }')
    config = load(text.replace(arms, "") + visit + BY_RISK.replace("RISK", "0.05"))
    found = buffers(config, config.resupply, enrolment_open=True)
    level = Fraction(95, 100)
    everyone = [RATE.subjects(days).quantile(level) for days in (28, 90)]
    assert found == {"A": tuple(everyone), "B": (0, 0)}


def test_a_crossover_needs_each_type_in_its_period() -> None:
    kits = 'kits = { x = ["A"], y = ["B"] }\nperiod = '
    visits = [
        VISIT.format(number=n, day=day, before=0, kits=f"{kits}{n}")
        for n, day in ((1, 0), (2, 28))
    ]  # fmt: skip
    config = study(*visits, BY_RISK.replace("RISK", "0.05"), method="crossover")
    short, long = by_risk(config)
    everyone = ((HALF, ((0, 1),)), (HALF, ((28, 1),)))
    args = (everyone, 0, Fraction(7, 10), Fraction(1, 20))
    assert (short, long) == (least(RATE, 28, *args), least(RATE, 90, *args))


def test_a_risk_without_what_is_expected_is_refused() -> None:
    config = study(FIRST, BY_RISK.replace("RISK", "0.05"))
    bare = config.model_copy(
        update={"resupply": config.resupply.model_copy(update={"expected": None})}
    )
    with pytest.raises(ValueError, match="expected of enrolment"):
        buffers(bare, bare.resupply, enrolment_open=True)
