"""The sections of a study file on drug supply: depots, days before expiry, doses, resupply."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from core.messages import Labels
from core.study.fields import (
    Code,
    Country,
    Days,
    DigitString,
    Email,
    Exact,
    Positive,
    Text,
    TimeOfDay,
    Words,
    Zone,
)
from core.study.randomization import Section

EVERYWHERE = "*"
"""The key that holds for every country, or kit type, without a line of its own."""
EVERY_ARM = "*"
"""The key of `kits` that holds for every arm without a line of its own."""

Count = Annotated[int, Field(ge=0, le=10_000)]
Weekday = Annotated[int, Field(ge=1, le=7)]
KitsByArm = Mapping[str, tuple[Code, ...]]
"""Arm code, or "*", to the kit types given: a type named twice is two kits."""


class DaysBefore(Section):
    """Days before expiry after which a kit isn't dispensed (DND), counted (DNC) or shipped (DNS)
    any more; what is not given here is as for the whole study."""

    dnd_days: Days | None = None
    dnc_days: Days | None = None
    dns_days: Days | None = None


class Dispensing(Section):
    """Days before expiry, and what randomization and dispensing ask of the shelf.

    `stock`: every_arm refuses a randomization unless each arm is stocked, own_arm unless the one
    drawn is, force gives an arm that is; `backfill` then uses the places passed over first.
    `partial`: what there is of several kits is given (open-label studies only); otherwise all or
    nothing.
    """

    dnd_days: Days = 0
    dnc_days: Days | None = None
    dns_days: Days | None = None
    lead_days: Days = 0
    review_lag_days: Days = 0
    stock: Literal["every_arm", "own_arm", "force", "off"] = "every_arm"
    backfill: bool = False
    partial: bool = False
    per_country: Mapping[Country, DaysBefore] = Field(default_factory=dict)


class Depot(Section):
    """A place that ships to sites, and to the depots that it supplies; its code is keyed, so
    digits.

    `lead_days` are days from dispatch to arrival by country of the site ("*": any other; not
    given: the study's). Orders confirmed after `cut_off`, the depot's local time, leave on the next
    of its `workdays` (1 Monday … 7 Sunday) that is no holiday. `email` is told of every order,
    again every `acknowledge_hours` until it is acknowledged.
    """

    code: DigitString
    name: Text
    supplied_by: DigitString | None = None
    timezone: Zone = "UTC"
    cut_off: TimeOfDay | None = None
    workdays: tuple[Weekday, ...] = Field(default=(1, 2, 3, 4, 5, 6, 7), min_length=1)
    holidays: tuple[dt.date, ...] = ()
    lead_days: Mapping[str, Days] = Field(default_factory=dict)
    email: Email | None = None
    acknowledge_hours: Annotated[int, Field(ge=1, le=720)] = 24


class CountryRules(Section):
    """A country to which kits are sent; nothing arrives on its holidays."""

    holidays: tuple[dt.date, ...] = ()


class DoseLevel(Section):
    """A dose that subjects can be on: its kits by arm, or an amount made up of kits of the sizes of
    `[dosing] sizes`."""

    code: Code
    label: Words
    kits: KitsByArm = Field(default_factory=dict)
    amount: Positive | None = None

    @cached_property
    def labels(self) -> Labels:
        """The words for it: the same in every arm."""
        return Labels.of(self.label)


class Dosing(Section):
    """Dose levels from the lowest up, and the one that subjects begin with.

    `sizes`: by arm (or "*") the kit types of which an amount is made up. At a visit with
    `titration` the dose may be moved by at most `step_max` levels.
    """

    levels: tuple[DoseLevel, ...] = Field(min_length=1, max_length=9)
    start: Code
    step_max: Annotated[int, Field(ge=1, le=8)] = 1
    sizes: KitsByArm = Field(default_factory=dict)

    @cached_property
    def _levels(self) -> Mapping[str, DoseLevel]:
        return {level.code: level for level in self.levels}

    def level(self, code: str) -> DoseLevel:
        """The level of that code; KeyError if there is none."""
        return self._levels[code]


Amounts = Mapping[str, Count]
"""Kit type code, or "*" for every type without a line of its own, to a number of kits."""


class ResupplyRule(Section):
    """How a site is kept in stock.

    min_max: with a position of `minimum` or less, up to `maximum`. predictive: below minimum +
    need of the next `short_days`, up to maximum + need of the next `long_days`; `comparison` says
    whether a position that equals the limit triggers too (min_max: at_or_below by default,
    predictive: below). With `risk` (0.05: in one of twenty cases it won't do) minimum and maximum
    are not given but the least that new subjects and those in screening won't exceed in the short
    and in the long window. `ship`: all types of a blinded group, or those needed (open-label only).
    """

    strategy: Literal["off", "min_max", "predictive"] = "off"
    comparison: Literal["below", "at_or_below"] | None = None
    short_days: Days = 14
    long_days: Days = 42
    minimum: Amounts = Field(default_factory=dict)
    maximum: Amounts = Field(default_factory=dict)
    risk: Exact | None = None
    ship: Literal["group", "needed"] = "group"


class LocalRule(ResupplyRule):
    """A rule for some sites: all that is given of sites, countries, depots and the state of
    enrolment must fit; the first rule of the file that does is the one."""

    sites: tuple[DigitString, ...] = ()
    countries: tuple[Country, ...] = ()
    depots: tuple[DigitString, ...] = ()
    enrolment: Literal["open", "closed"] | None = None


class Expected(Section):
    """What is expected of enrolment: a site's rate is Gamma(`shape`, rate `rate_days`), so
    shape/rate_days subjects a day; `pass_rate` of those in screening are randomized."""

    shape: Exact
    rate_days: Exact
    pass_rate: Exact = Fraction(1)


class Resupply(ResupplyRule):
    """`[resupply]`: the rule for every site without one of its own, and how a run is done.

    A run is made once a night, after `at` (UTC). With `approve` each shipment waits for a supply
    manager; otherwise it is ordered at once. `warn_days`: how far ahead warnings look.
    """

    rules: tuple[LocalRule, ...] = ()
    enrolment: Literal["open", "closed"] = "open"
    expected: Expected | None = None
    approve: bool = False
    at: TimeOfDay = "02:00"
    warn_days: Days = 14
