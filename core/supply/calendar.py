"""When an order leaves its depot and when it is due where it goes.

Pure: a moment, a depot and the holidays of the study file in, days out. Days are those of the
place: an order is confirmed in the depot's own time zone, and arrives where it goes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from zoneinfo import ZoneInfo

from core.study.schema import StudyConfig
from core.study.supply import Depot
from core.supply.days import lead_days

_NEVER_BEYOND = dt.timedelta(days=3660)


def leaves_on(now: dt.datetime, depot: Depot) -> dt.date:
    """The day on which an order confirmed at `now` (UTC) leaves: the first workday that is no
    holiday, today's only until the cut-off (inclusive), all by the depot's own clock.

    A depot that is closed for more than ten years on end raises ValueError.
    """
    there = now.astimezone(ZoneInfo(depot.timezone))
    late = depot.cut_off is not None and f"{there:%H:%M}" > depot.cut_off
    return _first(there.date() + dt.timedelta(days=late), lambda day: is_open(depot, day))


def is_open(depot: Depot, day: dt.date) -> bool:
    """Whether the depot works on that day."""
    return day.isoweekday() in depot.workdays and day not in depot.holidays


def due_at_site(leaves: dt.date, lead: int, holidays: Collection[dt.date]) -> dt.date:
    """The day on which what leaves then arrives: `lead` days later, and not on a holiday of the
    country where it goes."""
    return _first(leaves + dt.timedelta(days=lead), lambda day: day not in holidays)


def due_at_depot(leaves: dt.date, lead: int, target: Depot) -> dt.date:
    """The same for what goes to another depot, which receives on its own workdays."""
    return _first(leaves + dt.timedelta(days=lead), lambda day: is_open(target, day))


def planned(
    config: StudyConfig,
    now: dt.datetime,
    depot: Depot,
    *,
    country: str | None = None,
    target: Depot | None = None,
) -> tuple[dt.date, dt.date]:
    """When an order confirmed now leaves, and when it is due at a site of that country or at the
    depot `target`."""
    leaves = leaves_on(now, depot)
    return leaves, due_on(config, leaves, depot.code, country=country, target=target)


def due_on(
    config: StudyConfig,
    leaves: dt.date,
    depot: str | None,
    *,
    country: str | None = None,
    target: Depot | None = None,
) -> dt.date:
    """When what leaves on that day is due; `depot` None: it comes from a site."""
    lead = lead_days(config, country, depot)
    if target is not None:
        return due_at_depot(leaves, lead, target)
    rules = config.countries.get(country or "")
    return due_at_site(leaves, lead, rules.holidays if rules else ())


def _first(day: dt.date, fits: Callable[[dt.date], bool]) -> dt.date:
    last = day + _NEVER_BEYOND
    while not fits(day):
        day += dt.timedelta(days=1)
        if day > last:
            raise ValueError("the depot never opens again")
    return day
