"""Days before expiry: how long a kit may be dispensed (DND), counted as stock (DNC), shipped (DNS).

Pure. The last allowed day is expiry − n, inclusive, in the time zone of the place where the kit is
given, counted or, for a shipment, where it goes. Source: docs/STUDY.md, [dispensing].
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from core.study.schema import StudyConfig
from core.study.supply import EVERYWHERE, DaysBefore

_AS_THE_STUDY: Final = DaysBefore()


@dataclass(frozen=True, slots=True)
class Limits:
    """Days before expiry from which a kit is not dispensed, counted or shipped any more, and the
    days from dispatch to arrival."""

    dnd: int
    dnc: int
    dns: int
    lead: int


def limits(
    config: StudyConfig, country: str | None, depot: str | None = None, visit: str | None = None
) -> Limits:
    """What holds for a site of that country, supplied by that depot, at that visit.

    A visit's own `dnd_days` come first, then the country's, then the study's. DNC and DNS that the
    file does not give are the least that it may: DND + lead + review lag, and DNC + lead.
    `country` None is a place of which no country is known: a depot. Raises KeyError for a visit
    that there isn't.
    """
    rules = config.dispensing
    local = rules.per_country.get(country, _AS_THE_STUDY) if country else _AS_THE_STUDY
    lead = lead_days(config, country, depot)
    dnd = rules.dnd_days if local.dnd_days is None else local.dnd_days
    dnc = rules.dnc_days if local.dnc_days is None else local.dnc_days
    dns = rules.dns_days if local.dns_days is None else local.dns_days
    dnc = dnd + lead + rules.review_lag_days if dnc is None else dnc
    dns = dnc + lead if dns is None else dns
    own = config.visit(visit).dnd_days if visit is not None else None
    return Limits(dnd if own is None else own, dnc, dns, lead)


def lead_days(config: StudyConfig, country: str | None, depot: str | None) -> int:
    """Days from dispatch to arrival: the depot's to that country, its own to any other, or the
    study's."""
    found = next((one for one in config.depots if one.code == depot), None)
    if found is not None:
        for key in (country, EVERYWHERE):
            if key is not None and key in found.lead_days:
                return found.lead_days[key]
    return config.dispensing.lead_days


def last_day(expiry: dt.date, days: int) -> dt.date:
    """The last day, inclusive, on which a kit may be used that must last `days` days."""
    return expiry - dt.timedelta(days)


def days_to_last(
    config: StudyConfig, country: str, visit: str, arm: str | None, dose: str | None = None
) -> int:
    """Days that kits given at a visit at a site of that country must last: DND there, and the
    longest gap to the next dispensing (`StudyConfig.days_to_next`). KeyError as there."""
    return max(limits(config, country, visit=visit).dnd, config.days_to_next(visit, arm, dose))
