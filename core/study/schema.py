"""What a study file says, as frozen values: `StudyConfig` is the protocol as everyone reads it.

The shape is that of the TOML file (docs/STUDY.md). Whatever concerns one value alone is refused
here; what concerns several of them is in `core.study.check`. Build one with `core.study.read`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from core.messages import Labels
from core.study.fields import (
    Code,
    CodeBreak,
    Days,
    DigitString,
    Exact,
    Language,
    Name,
    Names,
    Positive,
    StudyCode,
    Telephone,
    Text,
    Value,
    Words,
)

EVERY_ARM = "*"
"""The key of `kits` that holds for every arm without a line of its own."""


class Section(BaseModel):
    """A table of the file: unknown keys refused, nothing converted, nothing changed later."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Study(Section):
    """Who and what the study is, and how people reach it."""

    code: StudyCode
    number: DigitString  # keyed on the phone
    title: Words
    sponsor: Text
    blinding: Literal["double", "single", "open"]
    training: bool = False  # TRAINING is said and shown everywhere
    languages: tuple[Language, ...] = Field(min_length=1)  # in spoken order
    telephones: tuple[Telephone, ...] = ()  # main line
    emergency_telephones: tuple[Telephone, ...] = ()
    say_treatment: bool = False  # by the telephone provider's voice, which sees what it says

    @cached_property
    def labels(self) -> Labels:
        """The title."""
        return Labels.of(self.title)


class Reason(Section):
    """One of a closed set of reasons."""

    value: Value
    label: Words

    @cached_property
    def labels(self) -> Labels:
        """The words for it."""
        return Labels.of(self.label)


class Screening(Section):
    """Subjects are screened before they are randomized."""

    year_of_birth: bool = False
    rescreens_max: int = Field(default=0, ge=0, le=9)
    failure_reasons: tuple[Reason, ...] = ()


class Arm(Section):
    """A treatment arm; `ratio` is its share."""

    code: Code
    name: Words
    ratio: int = Field(default=1, ge=1, le=100)

    @cached_property
    def labels(self) -> Labels:
        """The name: a treatment, so never for a blinded reader."""
        return Labels.of(self.name)


class Randomization(Section):
    """The method and its numbers. `reason` is why a predictable allocation is acceptable."""

    method: Literal["permuted_block", "minimisation"]
    block_sizes: tuple[Positive, ...] = ()
    measure: Literal["range", "variance", "sd", "marginal_balance"] | None = None
    p: Exact | None = None
    weights: Mapping[str, Exact] = {}
    overall_weight: Exact = Fraction(0)  # of the imbalance over all subjects
    ties: Literal["split", "pick"] = "split"
    reason: Text | None = None

    def weight(self, factor: str) -> Fraction:
        """What the factor's imbalance counts: 1 where the file gives no weight."""
        return self.weights.get(factor, Fraction(1))

    @property
    def is_predictable(self) -> bool:
        """Whether someone who knows the earlier allocations can know the next one for certain."""
        return self.p == 1 if self.method == "minimisation" else len(self.block_sizes) == 1


class Level(Section):
    """One value that a factor can take."""

    value: Value
    label: Words

    @cached_property
    def labels(self) -> Labels:
        """The words for it."""
        return Labels.of(self.label)


class Factor(Section):
    """A stratum or minimisation factor; those of source site or country are never asked."""

    name: Name
    label: Words
    source: Literal["asked", "site", "country"] = "asked"
    levels: tuple[Level, ...] = ()  # of a country: the ones admitted; of a site: none

    @cached_property
    def labels(self) -> Labels:
        """The words for it."""
        return Labels.of(self.label)

    def find_level(self, value: str) -> Level | None:
        """The level of that value, if the file lists it."""
        return next((level for level in self.levels if level.value == value), None)


class KitType(Section):
    """A kind of kit. `group` is all that a blinded reader is told of it."""

    code: Code
    description: Text
    group: Text
    unblinded: bool = False  # handled by people who know the treatment only


KitsByArm = Mapping[str, tuple[Code, ...]]
"""Arm code, or "*", to the kit types given: a type named twice is two kits."""


class Visit(Section):
    """A planned visit on study day `day`, allowed from `before` days earlier to `after` later.

    Anchored to randomization (enrolment, where nothing is randomized) or to the previous visit,
    in which case the distance between the two days counts from when that visit really was.
    """

    code: Code
    name: Words
    day: Days
    before: Days = 0
    after: Days = 0
    window: Literal["soft", "hard"] = "soft"
    anchor: Literal["randomization", "previous"] = "randomization"
    kits: KitsByArm = {}

    @cached_property
    def labels(self) -> Labels:
        """The name."""
        return Labels.of(self.name)


class Unscheduled(Section):
    """Unscheduled visits are allowed, with these kits."""

    kits: KitsByArm = {}


class StratumCap(Section):
    """At most `randomized` subjects with all these levels, by factor."""

    levels: Mapping[str, str] = Field(min_length=1)
    randomized: Positive


class Caps(Section):
    """The most subjects that may be randomized (enrolled, where nothing is randomized)."""

    study: Positive | None = None
    site: Positive | None = None  # of every site without a line in per_site
    per_site: Mapping[DigitString, Positive] = {}
    per_country: Mapping[str, Positive] = {}
    strata: tuple[StratumCap, ...] = ()

    def of_site(self, number: str) -> int | None:
        """The cap of a site, None if it has none."""
        return self.per_site.get(number, self.site)


class Operator(Section):
    """Someone who answers the emergency line, called in the order of the file."""

    name: Text
    telephone: Telephone


class NoticeRule(Section):
    """Who is told when a transaction was done."""

    on: Name
    roles: tuple[Name, ...] = Field(min_length=1)


class Dispensing(Section):
    """Days before expiry after which a kit isn't dispensed, counted or shipped any more."""

    dnd_days: Days = 0
    dnc_days: Days | None = None
    dns_days: Days | None = None
    lead_days: Days = 0
    review_lag_days: Days = 0


class Depot(Section):
    """A place that ships to sites; its code is keyed, so digits."""

    code: DigitString
    name: Text


class StudyConfig(Section):
    """A whole study file."""

    study: Study
    screening: Screening | None = None
    arms: tuple[Arm, ...] = ()
    randomization: Randomization | None = None
    factors: tuple[Factor, ...] = ()
    kit_types: tuple[KitType, ...] = ()
    visits: tuple[Visit, ...] = ()
    unscheduled: Unscheduled | None = None
    caps: Caps = Caps()
    operators: tuple[Operator, ...] = ()
    notices: tuple[NoticeRule, ...] = ()
    signatures: Names = frozenset()
    sealed_cards: Mapping[str, Text] = {}
    code_break: CodeBreak = "discontinue"
    dispensing: Dispensing = Dispensing()
    depots: tuple[Depot, ...] = ()
    discontinuation_reasons: tuple[Reason, ...] = ()

    @property
    def code(self) -> str:
        """The study's code."""
        return self.study.code

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes in spoken order."""
        return self.study.languages

    @property
    def is_blinded(self) -> bool:
        """Whether the site's staff must not know the treatment."""
        return self.study.blinding == "double"

    @property
    def has_randomization(self) -> bool:
        """Whether subjects are randomized at all."""
        return self.randomization is not None

    @cached_property
    def dispenses(self) -> bool:
        """Whether any kit is ever given."""
        unscheduled = self.unscheduled.kits if self.unscheduled else {}
        tables = [visit.kits for visit in self.visits] + [unscheduled]
        return any(codes for table in tables for codes in table.values())

    @cached_property
    def asked_factors(self) -> tuple[Factor, ...]:
        """The factors that the caller is asked for, in order."""
        return tuple(factor for factor in self.factors if factor.source == "asked")

    @cached_property
    def ratio(self) -> Mapping[str, int]:
        """Arm code to its share, in the order of the file."""
        return {arm.code: arm.ratio for arm in self.arms}

    @cached_property
    def _arms(self) -> Mapping[str, Arm]:
        return {arm.code: arm for arm in self.arms}

    @cached_property
    def _visits(self) -> Mapping[str, Visit]:
        return {visit.code: visit for visit in self.visits}

    @cached_property
    def _factors(self) -> Mapping[str, Factor]:
        return {factor.name: factor for factor in self.factors}

    @cached_property
    def _kit_types(self) -> Mapping[str, KitType]:
        return {kit_type.code: kit_type for kit_type in self.kit_types}

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {visit.code: place for place, visit in enumerate(self.visits)}

    def arm(self, code: str) -> Arm:
        """The arm of that code; KeyError if there is none."""
        return self._arms[code]

    def visit(self, code: str) -> Visit:
        """The visit of that code; KeyError if there is none."""
        return self._visits[code]

    def factor(self, name: str) -> Factor:
        """The factor of that name; KeyError if there is none."""
        return self._factors[name]

    def kit_type(self, code: str) -> KitType:
        """The kit type of that code; KeyError if there is none."""
        return self._kit_types[code]

    def previous(self, visit: Visit) -> Visit | None:
        """The visit planned before this one."""
        place = self._positions[visit.code]
        return self.visits[place - 1] if place else None

    def kits_for(self, visit_code: str, arm_code: str | None) -> tuple[str, ...]:
        """The kit types to give at a visit in an arm, one entry for each kit; KeyError for a visit
        that there isn't. `arm_code` is None in a study that doesn't randomize."""
        return _kits(self.visit(visit_code).kits, arm_code)

    def unscheduled_kits(self, arm_code: str | None) -> tuple[str, ...]:
        """The kit types to give at an unscheduled visit in an arm."""
        return _kits(self.unscheduled.kits, arm_code) if self.unscheduled else ()

    def dispenses_at(self, visit_code: str) -> bool:
        """Whether anyone is given kits at this visit; KeyError for a visit that there isn't."""
        return any(self.visit(visit_code).kits.values())

    def window(self, visit: Visit, anchor_date: dt.date) -> tuple[dt.date, dt.date, dt.date]:
        """First allowed day, due day and last allowed day, inclusive.

        `anchor_date` is the local date of randomization (of enrolment where nothing is
        randomized), for a visit anchored to the previous one the date when that one took place.
        """
        days = visit.day
        if visit.anchor == "previous" and (previous := self.previous(visit)):
            days -= previous.day
        due = anchor_date + dt.timedelta(days)
        return due - dt.timedelta(visit.before), due, due + dt.timedelta(visit.after)

    def days_to_last(self, visit_code: str, arm_code: str | None) -> int:
        """Days that kits given at a visit must last: at least `dnd_days`, and the longest gap to
        the next dispensing that the windows allow (28 days, both windows 3: 34), or to the last
        visit where nothing more is given. KeyError for a visit that there isn't."""
        later = self.visits[self._positions[visit_code] + 1 :]
        if not later:
            return self.dispensing.dnd_days
        giving = (visit for visit in later if _kits(visit.kits, arm_code))
        until, visit = next(giving, later[-1]), self.visit(visit_code)
        gap = until.day + until.after - (visit.day - visit.before)
        return max(self.dispensing.dnd_days, gap)


def unpublished(code: str) -> StudyConfig:
    """The study of that code before anything of it is published: no arms, no visits, nothing."""
    study = Study.model_construct(
        code=code, number="", title={"en": code}, sponsor="", blinding="open", languages=("en",)
    )
    return StudyConfig.model_construct(study=study)


def _kits(table: KitsByArm, arm_code: str | None) -> tuple[str, ...]:
    return table.get(arm_code or EVERY_ARM, table.get(EVERY_ARM, ()))
