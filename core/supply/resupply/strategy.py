"""Which resupply rule holds for a site."""

from __future__ import annotations

from typing import Literal

from core.study.supply import EVERYWHERE, Amounts, LocalRule, Resupply, ResupplyRule
from core.supply.resupply.rule import Rule

Enrolment = Literal["open", "closed"]


def rule_for(
    resupply: Resupply,
    *,
    site: str,
    country: str,
    depot: str | None,
    enrolment: Enrolment | None = None,
) -> ResupplyRule:
    """The first of the study's local rules that fits the site, or else the one for every site.

    `enrolment` is its state as far as this site goes (a cap may close it); None: as the file says.
    """
    state = enrolment or resupply.enrolment
    fitting = (one for one in resupply.rules if _fits(one, site, country, depot, state))
    return next(fitting, resupply)


def _fits(
    rule: LocalRule, site: str, country: str, depot: str | None, enrolment: Enrolment
) -> bool:
    return (
        (not rule.sites or site in rule.sites)
        and (not rule.countries or country in rule.countries)
        and (not rule.depots or depot in rule.depots)
        and rule.enrolment in (None, enrolment)
    )


def rule_of(rule: ResupplyRule) -> Rule:
    """What `decide` needs of it. Min/max triggers at its minimum too, predictive resupply below,
    unless the file says otherwise."""
    otherwise: Literal["below", "at_or_below"] = (
        "below" if rule.strategy == "predictive" else "at_or_below"
    )
    return Rule(
        rule.strategy,
        rule.comparison or otherwise,
        rule.ship,
        rule.short_days,
        rule.long_days,
    )


def amount(amounts: Amounts, kit_type: str) -> int:
    """The kits given for a type, or for every type; 0 where neither is."""
    return amounts.get(kit_type, amounts.get(EVERYWHERE, 0))
