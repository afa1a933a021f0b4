"""Which rule holds for a site: by site, country, depot and state of enrolment."""

from __future__ import annotations

import pytest

from core.study.supply import LocalRule, Resupply, ResupplyRule
from core.supply.resupply.rule import Rule
from core.supply.resupply.strategy import amount, rule_for, rule_of

FAR = LocalRule(strategy="min_max", countries=("AU",), depots=("901",))
ENDED = LocalRule(strategy="off", enrolment="closed")
ISLAND = LocalRule(strategy="predictive", sites=("101", "102"), short_days=28, long_days=56)
STUDY = Resupply(strategy="predictive", rules=(FAR, ENDED, ISLAND))


@pytest.mark.parametrize(
    ("site", "country", "depot", "expected"),
    [
        ("101", "ES", "900", ISLAND),
        ("103", "ES", "900", STUDY),
        ("103", "AU", "901", FAR),
        # All that a rule names must fit.
        ("103", "AU", "900", STUDY),
        ("103", "AU", None, STUDY),
        # The first that fits, though a later one does too.
        ("101", "AU", "901", FAR),
    ],
)
def test_the_first_rule_that_fits_a_site_holds_there(
    site: str, country: str, depot: str | None, expected: ResupplyRule
) -> None:
    assert rule_for(STUDY, site=site, country=country, depot=depot) is expected


def test_a_rule_for_closed_enrolment_holds_once_the_file_or_a_cap_closes_it() -> None:
    closed = STUDY.model_copy(update={"enrolment": "closed"})
    assert rule_for(closed, site="101", country="ES", depot="900") is ENDED
    full = rule_for(STUDY, site="101", country="ES", depot="900", enrolment="closed")
    assert full is ENDED


def test_each_strategy_has_its_own_comparison_unless_the_file_says_otherwise() -> None:
    assert rule_of(FAR).comparison == "at_or_below"
    assert rule_of(ISLAND) == Rule("predictive", "below", "group", 28, 56)
    inclusive = ResupplyRule(strategy="predictive", comparison="at_or_below")
    assert rule_of(inclusive).comparison == "at_or_below"
    assert rule_of(ResupplyRule(strategy="min_max", comparison="below")).comparison == "below"


def test_an_amount_for_every_type_holds_where_a_type_has_none_of_its_own() -> None:
    amounts = {"*": 3, "A": 0}
    assert [amount(amounts, code) for code in ("A", "B")] == [0, 3]
    assert amount({"A": 2}, "B") == 0
