"""A study with drug, as large as one likes, loaded from files by the command `ixrs import`."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.codes import damm
from core.runtime import Core
from tests.bench.trial import DAY, ENCRYPTION, MANAGER, SECRET, Person, Trial, found_study

STUDY: Final = "large"
PIN: Final = "271828"
SUPPLY, QUALITY, STATISTICIAN, COORDINATOR = "3", "4", "5", "6"
ARMS: Final = ("A", "B")
LOTS: Final = 20
"""Lots of each kit type."""
_SITE_FIRST: Final = 1001
_WEEKS: Final = 4
_VISITS: Final = 8
_IXRS: Final = Path(sys.executable).parent / "ixrs"
_ZONES: Final = (("US", "America/New_York"), ("ES", "Europe/Madrid"), ("NZ", "Pacific/Auckland"))

_HEAD = """
[study]
code = "large"
number = "391"
title.en = "A large study to measure on"
sponsor = "Nobody (fictitious)"
blinding = "double"
training = true
languages = ["en"]
telephones = ["+12025550190"]
emergency_telephones = ["+12025550191"]

[sealed_cards]
en = "in the safe"

[[operators]]
name = "Desk"
telephone = "+12025550192"

[randomization]
method = "permuted_block"
block_sizes = [4, 6]

[[arms]]
code = "A"
name.en = "Arm A"

[[arms]]
code = "B"
name.en = "Arm B"

[[factors]]
name = "sex"
label.en = "Sex"
levels = [{ value = "F", label.en = "Female" }, { value = "M", label.en = "Male" }]

[[kit_types]]
code = "A"
description = "Active"
group = "Capsules"

[[kit_types]]
code = "B"
description = "Placebo"
group = "Capsules"

[dispensing]
dnd_days = 30
lead_days = 3

[[depots]]
code = "900"
name = "Depot"

[resupply]
strategy = "predictive"
short_days = 14
long_days = 42
minimum = { "*" = 2 }
maximum = { "*" = 6 }
"""
_VISIT = """
[[visits]]
code = "V{number}"
name.en = "Visit {number}"
day = {day}
before = {before}
after = 13
kits = {{ A = ["A"], B = ["B"] }}
"""
SOURCE: Final = _HEAD + "".join(
    _VISIT.format(number=n, day=7 * _WEEKS * (n - 1), before=14 if n > 1 else 0)
    for n in range(1, _VISITS + 1)
)
"""The study file: a visit every four weeks, a kit at each, at any day somebody's."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a study is."""

    sites: int
    kits: int
    subjects: int

    def site(self, place: int) -> str:
        """The number of a site, from place 0 on, round and round."""
        return str(_SITE_FIRST + place % self.sites)


def subject_number(size: Size, place: int) -> tuple[str, str]:
    """Number and site of a subject, from place 0 on."""
    site = size.site(place)
    return f"{site}{place // size.sites + 1:03d}", site


def found(core: Core, size: Size) -> Trial:
    """The study published, and its people in."""
    trial = found_study(core, STUDY, SOURCE)
    people = [
        Person(SUPPLY, "supply_manager"),
        Person(QUALITY, "quality"),
        Person(STATISTICIAN, "statistician"),
        Person(COORDINATOR, "coordinator"),
    ]
    trial.bring_in(people, pin=PIN)
    return trial


def open_sites(trial: Trial, size: Size) -> None:
    """Activate every site, as of a day before anybody was randomized."""
    for place in range(size.sites):
        trial.do("activate_site", MANAGER, to_site=size.site(place), approval_date=DAY)


def release_lots(trial: Trial) -> None:
    """Release every lot, by two people."""
    for place in range(LOTS * len(ARMS)):
        lot = str(5001 + place)
        proposed = trial.do("release_lot", SUPPLY, lot=lot, certificate="77")
        trial.do("approve", QUALITY, proposal=str(proposed.facts["proposal"]))


def ixrs_import(url: str, what: str, user: str, text: str, folder: Path) -> float:
    """Import a file by the command; the seconds that it took, from start to exit.

    On a terminal it shows its own bar. Raises CalledProcessError.
    """
    file = folder / f"{what}.csv"
    file.write_text(text, encoding="utf-8")
    settings = {
        "IXRS_DATABASE_URL": url,
        "IXRS_SECRET_KEY": SECRET,
        "IXRS_ENCRYPTION_KEY": ENCRYPTION.hex(),
    }
    command = [str(_IXRS), "import", what, str(file), "--study", STUDY, "--user", user]
    start = time.perf_counter()
    subprocess.run(
        [*command, "--secret-stdin"],
        input=f"{PIN}\n",
        text=True,
        stdout=subprocess.DEVNULL,
        check=True,
        env={**os.environ, **settings},
    )
    return time.perf_counter() - start


def _text(header: str, rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return out.getvalue()


def sites_csv(size: Size) -> str:
    """Sites in three countries."""
    rows = []
    for place in range(size.sites):
        country, zone = _ZONES[place % len(_ZONES)]
        number = size.site(place)
        rows.append((number, f"Hospital {number}", country, zone, "en", "", "900"))
    return _text("number,name,country,timezone,language,phone,depot", rows)


def lots_csv(today: dt.date) -> str:
    """Lots of each type, of different dates."""
    rows = []
    for place in range(LOTS * len(ARMS)):
        expiry = today + dt.timedelta(days=400 + 10 * (place // len(ARMS)))
        rows.append((5001 + place, ARMS[place % len(ARMS)], expiry, "US ES NZ"))
    return _text("lot,kit_type,expiry,countries", rows)


def kits_csv(size: Size) -> str:
    """As many kits of each type, packaged lot by lot, a lot of each type mixed with one of the
    other, their numbers scattered."""

    def row(place: int) -> tuple[object, ...]:
        body = f"{(place * 7_654_321 + 1_234_567) % 10_000_000:07d}"
        arm = place % len(ARMS)
        lot = LOTS * place // size.kits * len(ARMS) + arm
        return body + damm(body), place + 1, ARMS[arm], 5001 + lot

    return _text("kit_number,sequence,kit_type,lot", map(row, range(size.kits)))


def subjects_csv(size: Size, today: dt.date) -> str:
    """Subjects in the midst of it: each has had some visits and may come to the next one today."""
    chance = random.Random(f"subjects {size.subjects}")

    def row(place: int) -> tuple[object, ...]:
        number, site = subject_number(size, place)
        had = chance.randint(1, _VISITS - 2)
        day = today - dt.timedelta(days=7 * _WEEKS * had + chance.randint(-12, 11))
        held = [f"V{n + 1}:{day + dt.timedelta(days=7 * _WEEKS * n)}" for n in range(had)]
        arm, sex = chance.choice(ARMS), chance.choice("FM")
        return number, site, 90_000_001 + place, day, arm, sex, " ".join(held)

    header = "subject,site,randomization_number,randomized_on,arm,sex,visits"
    return _text(header, map(row, range(size.subjects)))
