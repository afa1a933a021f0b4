"""Subjects who were randomized elsewhere, read from a CSV file and held against the study file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from core.bulk import Row, Sheet, is_number
from core.context import Context
from core.db.drawing import list_row
from core.db.models import site, subject
from core.errors import InvalidInput
from core.facts import Record, zone_of
from core.messages import Message
from core.randomization.design import Design, design_of
from core.randomization.scheme import Scheme, factor_levels
from core.study.schema import StudyConfig
from core.study.versions import site_version_on
from core.subjects.schedule import Planned, plan_in_turn

COLUMNS: Final = ("subject", "site", "randomization_number", "randomized_on", "arm")
OPTIONAL: Final = ("dose", "visits")
MISSED: Final = "missed"
ELSEWHERE: Final = "elsewhere"
"""The state of a visit that was held before the study was taken over."""
_NUMBER_DIGITS_MAX: Final = 16
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Place:
    """A site, the version in effect there and its day. `every` arm of the file counts: one may
    have been closed since."""

    site: Record
    version: int
    config: StudyConfig
    design: Design
    every: Scheme
    today: dt.date


@dataclass(frozen=True, slots=True)
class Held:
    """A visit that was held elsewhere, or that was missed there (as of the day it was due)."""

    code: str
    status: str
    on: dt.date
    deviation_days: int


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A subject as the file has it. The arm unblinds."""

    place: Place
    number: str
    randomization_number: str
    randomized_on: dt.date
    arm: str
    levels: Mapping[str, str]
    dose: str | None
    visits: tuple[Held, ...]


def read_subjects(context: Context, text: str) -> list[TakenOver]:
    """The subjects of the file, by the day of randomization and number: the order of the file may
    be that of the arms.

    Raises InvalidInput with all that is wrong with the lines, and for a study whose next draws
    would have to count these subjects.
    """
    _check_method(context.config)
    asked = tuple(factor.name for factor in context.config.asked_factors)
    sheet = Sheet(text, (*COLUMNS, *asked), OPTIONAL, long=("visits",))
    lines = _Lines(context, sheet)
    found = [one for line, row in sheet.rows() if (one := lines.read(line, row)) is not None]
    sheet.check()
    return sorted(found, key=lambda one: (one.randomized_on, one.number))


def _check_method(config: StudyConfig) -> None:
    section = config.randomization
    if section is None or section.counts_earlier or config.escalation is not None:
        raise InvalidInput("file", Message("error.import_subjects_method"))


class _Lines:
    """Reads line after line; what is wrong goes to the sheet."""

    def __init__(self, context: Context, sheet: Sheet) -> None:
        self._context, self._sheet = context, sheet
        db, study = context.db, context.study
        known = db.execute(
            select(subject.c.number, subject.c.randomization_number).where(subject.c.study == study)
        ).all()
        listed = set(db.scalars(select(list_row.c.number).where(list_row.c.study == study)))
        self._numbers = {row.number for row in known}
        if context.config.screening is None:
            self._numbers |= listed  # there the number drawn is the subject's own
        self._drawn = listed | {row.randomization_number for row in known}
        self._sites = {
            row.number: row for row in db.execute(select(site).where(site.c.study == study))
        }
        self._places: dict[str, Place] = {}

    def read(self, line: int, row: Row) -> TakenOver | None:
        """The subject of a line, None where something is wrong with it."""
        self._check_number(line, "subject", row["subject"], self._numbers)
        shown = row["randomization_number"]
        self._check_number(line, "randomization_number", shown, self._drawn)
        place = self._place(row["site"])
        if place is None:
            self._complain(line, "site", Message("error.import_unknown", {"value": row["site"]}))
            return None
        day = self._day(line, "randomized_on", row["randomized_on"], place)
        levels = self._levels(line, row, place)
        dose = self._dose(line, row, place)
        if day is None or levels is None or not self._is_arm(line, row["arm"], levels, place):
            return None
        visits = self._visits(line, row.get("visits", ""), day, place)
        if visits is None:
            return None
        return TakenOver(place, row["subject"], shown, day, row["arm"], levels, dose, visits)

    def _complain(self, line: int, column: str, problem: Message) -> None:
        self._sheet.complain(line, column, problem)

    def _check_number(self, line: int, column: str, number: str, known: set[str]) -> None:
        if not is_number(number, _NUMBER_DIGITS_MAX):
            self._complain(line, column, Message("error.import_list_number"))
        elif number in known:
            self._complain(line, column, Message("error.import_known", {"value": number}))
        known.add(number)

    def _place(self, number: str) -> Place | None:
        row = self._sites.get(number)
        if row is not None and number not in self._places:
            self._places[number] = self._placed(row)
        return self._places.get(number)

    def _placed(self, row: Record) -> Place:
        context = self._context
        today = context.now.astimezone(zone_of(row.timezone)).date()
        version = site_version_on(context.db, context.study, row.number, today)
        version = context.facts.version if version is None else version
        config = context.core.config(context.db, context.study, version)
        _check_method(config)
        design = design_of(context.core, context.db, context.study, version)
        assert config.randomization is not None  # noqa: S101 - as checked
        every = Scheme(config.randomization, config.ratio, factor_levels(config))
        return Place(row, version, config, design, every, today)

    def _day(self, line: int, column: str, text: str, place: Place) -> dt.date | None:
        day = _read_day(text)
        if day is None:
            self._complain(line, column, Message("error.import_day"))
        elif day > place.today:
            params = {"date": day, "today": place.today}
            self._complain(line, column, Message("error.date_future", params))
            return None
        return day

    def _levels(self, line: int, row: Row, place: Place) -> Mapping[str, str] | None:
        derived = {"site": place.site.number, "country": place.site.country}
        levels, right = {}, True
        for factor in place.config.factors:
            level = derived.get(factor.source) or row.get(factor.name, "")
            if factor.levels and factor.find_level(level) is None:
                values = ", ".join(one.value for one in factor.levels)
                column = factor.name if factor.source == "asked" else "site"
                self._complain(line, column, Message("error.choice", {"values": values}))
                right = False
            levels[factor.name] = level
        return levels if right else None

    def _dose(self, line: int, row: Row, place: Place) -> str | None:
        dosing, dose = place.config.dosing, row.get("dose", "")
        known = [level.code for level in dosing.levels] if dosing else []
        if dose and dose not in known:
            values = ", ".join(known) or "–"
            self._complain(line, "dose", Message("error.choice", {"values": values}))
        return dose or (dosing.start if dosing else None)

    def _is_arm(self, line: int, arm: str, levels: Mapping[str, str], place: Place) -> bool:
        try:
            outcomes: Sequence[str] = place.every.outcomes(levels)
            place.design.domain(levels, place.site.number, None)
        except (ValueError, KeyError):
            self._complain(line, "arm", Message("error.import_no_arm"))
            return False
        if arm not in outcomes:
            values = ", ".join(outcomes)
            self._complain(line, "arm", Message("error.choice", {"values": values}))
        return arm in outcomes

    def _visits(
        self, line: int, text: str, randomized_on: dt.date, place: Place
    ) -> tuple[Held, ...] | None:
        """The visits of a subject, in the order of the study file and none left out."""
        held: list[Held] = []
        recorded: dict[str, dt.date] = {}
        for part in text.split():
            code, _, when = part.partition(":")
            coming = next(plan_in_turn(place.config, randomized_on, recorded), None)
            if coming is None or coming.visit.code != code:
                self._complain(line, "visits", Message("error.import_visits"))
                return None
            one = self._held(line, coming, when, place)
            if one is None:
                return None
            if one.on < (held[-1].on if held else randomized_on) and one.status != MISSED:
                self._complain(line, "visits", Message("error.import_visits"))
                return None
            held.append(one)
            recorded[code] = one.on
        return tuple(held)

    def _held(self, line: int, coming: Planned, when: str, place: Place) -> Held | None:
        if when == MISSED:
            return Held(coming.visit.code, MISSED, coming.due, 0)
        day = self._day(line, "visits", when, place)
        if day is None:
            return None
        return Held(coming.visit.code, ELSEWHERE, day, coming.deviation_days(day))


def _read_day(text: str) -> dt.date | None:
    """YYYY-MM-DD, None for anything else."""
    try:
        return dt.date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
