"""What happened in `ist`: a few invented hospitals call in, and are told the treatment's number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from web.demo.cast import IST_SITES, IST_STAFF
from web.demo.stage import Place, Play, Stage

# hospital, day, hour, then the answers in the order asked
CALLS: Final = (
    ("201", -118, 10, ("70-79", "F", "7-12", "F", "PACS")),
    ("202", -104, 15, ("60-69", "M", "0-6", "D", "TACS")),
    ("201", -97, 22, ("80+", "F", "13-24", "F", "LACS")),
    ("203", -83, 9, ("under60", "M", "25-48", "F", "POCS")),
    ("204", -80, 11, ("70-79", "M", "7-12", "D", "TACS")),
    ("202", -61, 3, ("80+", "F", "0-6", "U", "TACS")),
    ("201", -49, 17, ("60-69", "F", "7-12", "F", "LACS")),
    ("203", -40, 12, ("70-79", "M", "13-24", "F", "PACS")),
    ("201", -33, 20, ("70-79", "M", "25-48", "F", "LACS")),
    ("204", -21, 8, ("under60", "F", "0-6", "F", "PACS")),
    ("202", -13, 14, ("60-69", "M", "7-12", "F", "OTH")),
    ("203", -6, 10, ("80+", "M", "13-24", "D", "PACS")),
    ("201", -2, 16, ("70-79", "F", "0-6", "F", "TACS")),
)
FACTORS: Final = ("age_group", "sex", "delay", "consciousness", "stroke_type")


def enrolments(stage: Stage) -> Iterator[Play[None]]:
    """One story for each call."""
    places = {hospital.number: _place(stage, hospital.number) for hospital in IST_SITES}
    for number, day, hour, levels in CALLS:
        yield _enrolled(places[number], day, hour, levels)


def _place(stage: Stage, number: str) -> Place:
    hospital = next(hospital for hospital in IST_SITES if hospital.number == number)
    caller = next(member.user_id for member in IST_STAFF if number in member.sites)
    return Place.of(stage, "ist", hospital, caller, caller)


def _enrolled(here: Place, day: int, hour: int, levels: tuple[str, ...]) -> Play[None]:
    yield here.at(day, hour, 25)
    answers = dict(zip(FACTORS, levels, strict=True))
    here.do("randomize", consent="yes", eligible="yes", **answers)
