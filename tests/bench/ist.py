"""The International Stroke Trial's calls, as the file of the data set gives them.

Sandercock P, Niewada M, Czlonkowska A. International Stroke Trial database (version 2),
University of Edinburgh, doi:10.7488/ds/104 (ODC-BY). The data is not part of this project.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT = Path(__file__).parents[3] / "shared" / "data" / "ist" / "ist_calls.csv"
COLUMNS = (
    "call",
    "hospital",
    "country",
    "delay_hours",
    "conscious",
    "sex",
    "age",
    "stroke_type",
    "aspirin",
    "heparin",
)
WHERE = f"""The calls of the International Stroke Trial are not part of this project.
Get the database from doi:10.7488/ds/104 (University of Edinburgh, Open Data Commons Attribution)
and write its randomizations to a CSV file, in the order in which they were made, with the columns
  {", ".join(COLUMNS)}
call: 1, 2, …; hospital: number; country: as in the database (UK, ITAL, …); delay_hours: whole hours
from onset; conscious: F, D or U; sex: M or F; age: years; stroke_type: TACS, PACS, POCS, LACS, OTH;
aspirin: Y or N; heparin: N, L, M (or H, as the pilot coded it). Then: --data FILE
"""
# Country as in the database: ISO 3166 code, and a time zone of it.
COUNTRIES: Mapping[str, tuple[str, str]] = {
    "AUSL": ("AU", "Australia/Sydney"),
    "BELG": ("BE", "Europe/Brussels"),
    "CHIL": ("CL", "America/Santiago"),
    "CZEC": ("CZ", "Europe/Prague"),
    "EIRE": ("IE", "Europe/Dublin"),
    "FINL": ("FI", "Europe/Helsinki"),
    "HUNG": ("HU", "Europe/Budapest"),
    "ITAL": ("IT", "Europe/Rome"),
    "NETH": ("NL", "Europe/Amsterdam"),
    "NEW": ("NZ", "Pacific/Auckland"),
    "NORW": ("NO", "Europe/Oslo"),
    "PORT": ("PT", "Europe/Lisbon"),
    "SLOV": ("SI", "Europe/Ljubljana"),
    "SPAI": ("ES", "Europe/Madrid"),
    "SWIT": ("CH", "Europe/Zurich"),
    "UK": ("GB", "Europe/London"),
    "USA": ("US", "America/New_York"),
}
IN_SPANISH = frozenset({"ES", "CL"})
HEPARIN = {"N": "none", "L": "low", "M": "medium", "H": "medium"}
# Arm of the study file: aspirin, heparin.
ARMS: Mapping[str, tuple[bool, str]] = {
    "aspirin": (True, "none"),
    "aspirin-low": (True, "low"),
    "aspirin-medium": (True, "medium"),
    "none": (False, "none"),
    "low": (False, "low"),
    "medium": (False, "medium"),
}
ARM_OF = {treatment: arm for arm, treatment in ARMS.items()}


class DataMissing(Exception):
    """There is no such file, or it is not the calls; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Call:
    """One patient: where the call came from, the levels of the study's factors, the arm drawn by
    the real trial."""

    number: int
    hospital: str
    country: str
    zone: str
    levels: Mapping[str, str]
    arm: str

    @property
    def language_key(self) -> str:
        """The key of the caller's language: English or Spanish."""
        return "2" if self.country in IN_SPANISH else "1"


def read_calls(path: Path) -> list[Call]:
    """The calls in order. Raises DataMissing."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        raise DataMissing(WHERE) from None
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise DataMissing(WHERE)
    try:
        return [_call(row) for row in rows]
    except (KeyError, ValueError) as wrong:
        raise DataMissing(f"{path}: not understood: {wrong}\n\n{WHERE}") from None


def _call(row: Mapping[str, str]) -> Call:
    country, zone = COUNTRIES[row["country"]]
    levels = {
        "age_group": _age_group(int(row["age"])),
        "sex": row["sex"],
        "delay": _delay(int(row["delay_hours"])),
        "consciousness": row["conscious"],
        "stroke_type": row["stroke_type"],
        "country": country,
    }
    arm = ARM_OF[row["aspirin"] == "Y", HEPARIN[row["heparin"]]]
    return Call(int(row["call"]), row["hospital"], country, zone, levels, arm)


def _age_group(years: int) -> str:
    if years < 60:
        return "under60"
    if years < 70:
        return "60-69"
    return "70-79" if years < 80 else "80+"


def _delay(hours: int) -> str:
    if hours <= 6:
        return "0-6"
    if hours <= 12:
        return "7-12"
    return "13-24" if hours <= 24 else "25-48"


def hospitals(calls: Iterable[Call]) -> dict[str, tuple[str, str]]:
    """Country and time zone of each hospital, by number."""
    return {call.hospital: (call.country, call.zone) for call in calls}


def balance(drawn: Iterable[tuple[Mapping[str, str], str]]) -> dict[str, Any]:
    """How even it came out, from levels and arm of each patient.

    `aspirin`: patients with aspirin and without, apart. `worst_by_factor`: the same within the
    most uneven level of each factor, and which level that is.
    """
    patients = [(levels, *ARMS[arm]) for levels, arm in drawn]
    factors = list(patients[0][0]) if patients else []
    return {
        "arms": dict(sorted(Counter(ARM_OF[has, dose] for _, has, dose in patients).items())),
        "aspirin": abs(_apart(patients, lambda levels: True)),
        "heparin": dict(sorted(Counter(dose for _, _, dose in patients).items())),
        "worst_by_factor": {name: _worst(patients, name) for name in factors},
    }


Patient = tuple[Mapping[str, str], bool, str]


def _worst(patients: list[Patient], factor: str) -> dict[str, Any]:
    values = sorted({levels[factor] for levels, _, _ in patients})
    apart = {
        value: abs(_apart(patients, lambda levels, v=value: levels[factor] == v))  # type: ignore[misc]
        for value in values
    }
    level = max(apart, key=lambda value: apart[value])
    return {"level": level, "aspirin": apart[level]}


def _apart(patients: list[Patient], chosen: Callable[[Mapping[str, str]], bool]) -> int:
    return sum(1 if has else -1 for levels, has, _ in patients if chosen(levels))
