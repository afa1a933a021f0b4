"""What a study file says, as frozen values: `StudyConfig` is the protocol as everyone reads it.

The shape is that of the TOML file (docs/STUDY.md). Whatever concerns one value alone is refused
here; what concerns several of them is in `core.study.check`. Build one with `core.study.read`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field

from core.messages import Labels
from core.study.conduct import (
    Caps,
    Escalation,
    NoticeRule,
    Operator,
    Phase,
    Reason,
    Response,
    Reviews,
)
from core.study.doses import dose_table, of_arm
from core.study.fields import (
    Code,
    CodeBreak,
    Country,
    Days,
    DigitString,
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
from core.study.randomization import Randomization, Section
from core.study.supply import (
    EVERY_ARM,
    CountryRules,
    Depot,
    Dispensing,
    Dosing,
    KitsByArm,
    Resupply,
)

IN_SEQUENCE = "."
"""Between the arms of a crossover's sequence: A.B.D.C"""


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


class Screening(Section):
    """Subjects are screened before they are randomized."""

    year_of_birth: bool = False
    rescreens_max: int = Field(default=0, ge=0, le=9)
    failure_reasons: tuple[Reason, ...] = ()


class Arm(Section):
    """A treatment arm; `ratio` is its share. Nobody more is randomized to one that is closed."""

    code: Code
    name: Words
    ratio: int = Field(default=1, ge=1, le=100)
    closed: bool = False

    @cached_property
    def labels(self) -> Labels:
        """The name: a treatment, so never for a blinded reader."""
        return Labels.of(self.name)


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
    pack_size: Positive | None = None  # units in a full kit; none: returns are not held against it
    size: Positive | None = None  # what one kit holds of the amount of a dose


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
    kits: KitsByArm = Field(default_factory=dict)
    dose: bool = False  # the kits of the subject's dose are given, beside `kits`
    titration: bool = False  # the dose may be changed at this visit
    dnd_days: Days | None = None  # none: the study's or the country's
    phase: Code | None = None  # none: the part of the study that randomization opens
    period: Positive | None = None  # of a crossover, from 1

    @cached_property
    def labels(self) -> Labels:
        """The name."""
        return Labels.of(self.name)


class Unscheduled(Section):
    """Unscheduled visits are allowed, with these kits."""

    kits: KitsByArm = Field(default_factory=dict)
    dose: bool = False  # the kits of the subject's dose are given, beside `kits`


class StudyConfig(Reviews):
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
    sealed_cards: Mapping[str, Text] = Field(default_factory=dict)
    code_break: CodeBreak = "discontinue"
    dispensing: Dispensing = Dispensing()
    depots: tuple[Depot, ...] = ()
    countries: Mapping[Country, CountryRules] = Field(default_factory=dict)
    dosing: Dosing | None = None
    resupply: Resupply = Resupply()
    discontinuation_reasons: tuple[Reason, ...] = ()
    response: Response | None = None
    escalation: Escalation | None = None
    phases: tuple[Phase, ...] = ()

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
        extra = self.unscheduled
        return any(map(self._gives, self.visits)) or bool(extra and self._gives(extra))

    def _gives(self, visit: Visit | Unscheduled) -> bool:
        return any(visit.kits.values()) or (visit.dose and self.dosing is not None)

    @cached_property
    def asked_factors(self) -> tuple[Factor, ...]:
        """The factors that the caller is asked for, in order."""
        return tuple(factor for factor in self.factors if factor.source == "asked")

    @cached_property
    def ratio(self) -> Mapping[str, int]:
        """Arm code to its share, in the order of the file."""
        return {arm.code: arm.ratio for arm in self.arms}

    @cached_property
    def open_ratio(self) -> Mapping[str, int]:
        """As `ratio`, without the arms that are closed."""
        return {arm.code: arm.ratio for arm in self.arms if not arm.closed}

    @property
    def is_crossover(self) -> bool:
        """Whether subjects are randomized to a sequence of arms, one for each period."""
        return self.randomization is not None and self.randomization.method == "crossover"

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
    def _phases(self) -> Mapping[str, Phase]:
        return {phase.code: phase for phase in self.phases}

    @cached_property
    def _followed(self) -> Mapping[str | None, tuple[Visit, ...]]:
        found: dict[str | None, tuple[Visit, ...]] = {}
        for visit in self.visits:
            found[visit.phase] = (*found.get(visit.phase, ()), visit)
        return found

    @cached_property
    def _places(self) -> Mapping[str, int]:
        alike = self._followed.values()
        return {visit.code: place for visits in alike for place, visit in enumerate(visits)}

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

    def phase(self, code: str) -> Phase:
        """The phase of that code; KeyError if there is none."""
        return self._phases[code]

    def labels_of(self, assigned: str) -> Labels:
        """The name of what a subject was randomized to: an arm, or a sequence of them in order;
        KeyError if there is none. A treatment, so never for a blinded reader."""
        arms = [self.arm(code) for code in assigned.split(IN_SEQUENCE)]
        return Labels.of({key: ", ".join(arm.name[key] for arm in arms) for key in arms[0].name})

    def visits_in(self, phase: str | None) -> tuple[Visit, ...]:
        """The visits of a phase in order; None: of the part that randomization opens."""
        return self._followed.get(phase, ())

    def previous(self, visit: Visit) -> Visit | None:
        """The visit planned before this one in the same phase."""
        place = self._places[visit.code]
        return self.visits_in(visit.phase)[place - 1] if place else None

    def kits_for(
        self, visit_code: str, arm_code: str | None, dose: str | None = None
    ) -> tuple[str, ...]:
        """The kit types to give at a visit, one entry for each kit; KeyError for a visit, or a dose
        level, that there isn't. `arm_code` is the arm, in a crossover the sequence, None where
        nobody is randomized (yet); `dose` None is the level that subjects begin with."""
        visit = self.visit(visit_code)
        return self._kits(visit, _in_period(arm_code, visit.period), dose)

    def unscheduled_kits(
        self, arm_code: str | None, period: int | None = None, dose: str | None = None
    ) -> tuple[str, ...]:
        """The kit types to give at an unscheduled visit in an arm, in a period of a crossover."""
        wanted = _in_period(arm_code, period)
        return self._kits(self.unscheduled, wanted, dose) if self.unscheduled else ()

    def _kits(
        self, visit: Visit | Unscheduled, arm: str | None, dose: str | None
    ) -> tuple[str, ...]:
        given = of_arm(visit.kits, arm)
        if not visit.dose or self.dosing is None:
            return given
        return given + self._doses[arm or EVERY_ARM, dose or self.dosing.start]

    @cached_property
    def _doses(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        return dose_table(self.dosing, self.kit_types, self._arms) if self.dosing else {}

    def dispenses_at(self, visit_code: str) -> bool:
        """Whether anyone is given kits at this visit; KeyError for a visit that there isn't."""
        return self._gives(self.visit(visit_code))

    def window(self, visit: Visit, anchor_date: dt.date) -> tuple[dt.date, dt.date, dt.date]:
        """First allowed day, due day and last allowed day, inclusive.

        `anchor_date` is the local date of randomization (of enrolment where nothing is
        randomized, of entering the phase for one of its visits), for a visit anchored to the
        previous one the date when that one took place.
        """
        days = visit.day
        if visit.anchor == "previous" and (previous := self.previous(visit)):
            days -= previous.day
        due = anchor_date + dt.timedelta(days)
        return due - dt.timedelta(visit.before), due, due + dt.timedelta(visit.after)

    def days_to_next(self, visit_code: str, arm_code: str | None, dose: str | None = None) -> int:
        """The longest gap from a visit to the next dispensing that the windows allow (28 days, both
        windows 3: 34), or to the last visit of the phase where nothing more is given. KeyError for
        a visit that there isn't. How long kits must last: `core.supply.days.days_to_last`."""
        visit = self.visit(visit_code)
        later = self.visits_in(visit.phase)[self._places[visit_code] + 1 :]
        if not later:
            return 0
        giving = (one for one in later if self.kits_for(one.code, arm_code, dose))
        until = next(giving, later[-1])
        return until.day + until.after - (visit.day - visit.before)


def unpublished(code: str) -> StudyConfig:
    """The study of that code before anything of it is published: no arms, no visits, nothing."""
    study = Study.model_construct(
        code=code, number="", title={"en": code}, sponsor="", blinding="open", languages=("en",)
    )
    return StudyConfig.model_construct(study=study)


def _in_period(arm_code: str | None, period: int | None) -> str | None:
    """The arm of a period, where the code is that of a sequence."""
    if arm_code is None or period is None:
        return arm_code
    sequence = arm_code.split(IN_SEQUENCE)
    return sequence[period - 1] if len(sequence) >= period else arm_code
