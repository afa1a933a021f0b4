"""Two worlds that differ only in which of two arms gets which kits: the blinded must not see it.

In the other world the arms stand in the other order in the study file, so that whoever draws the
one draws the other, and every lot and kit is of the other arm's type. Clock and entropy are the
same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import insert

from core.db.models import grant, person
from tests.support.world import SITE_STAFF, SITES, STAFF, TODAY, World, kit_number, users

CODE: Final = "swap"
NUMBER: Final = "452"
LINE: Final = "+12025550172"
EMERGENCY: Final = "+12025550173"
OFFICE: Final = {
    "Aud": ("31", "auditor"),
    "Dep": ("33", "depot"),
    "Opal": ("35", "emergency_operator"),
    "Otto": ("36", "emergency_operator"),
    "Saf": ("37", "safety"),
    "Stat": ("38", "statistician"),
}
"""The roles that the small world does without; whoever uses them puts them into PEOPLE."""
BLINDED: Final = ("Ada", "Ivy", "Pat", "Di", "Cy", "Mia", "Aud", "Hal", "Opal", "Admin")
EACH: Final = 160
_ACTIVE: Final = '[[arms]]\ncode = "active"\nname = { en = "Active" }\n'
_PLACEBO: Final = '[[arms]]\ncode = "placebo"\nname = { en = "Placebo" }\n'
_BODY: Final = f"""
[study]
code = "{CODE}"
number = "{NUMBER}"
title = {{ en = "Study swap" }}
sponsor = "Nobody"
blinding = "double"
languages = ["en"]
telephones = ["{LINE}"]
emergency_telephones = ["{EMERGENCY}"]

[sealed_cards]
en = "in the safe"

[screening]

[randomization]
method = "permuted_block"
block_sizes = [2, 4]

%s
[[kit_types]]
code = "A50"
description = "Active 50 mg"
group = "Bottle"
size = 50
pack_size = 30

[[kit_types]]
code = "A20"
description = "Active 20 mg"
group = "Blister"
size = 20
pack_size = 30

[[kit_types]]
code = "P50"
description = "Placebo for 50 mg"
group = "Bottle"
size = 50
pack_size = 30

[[kit_types]]
code = "P20"
description = "Placebo for 20 mg"
group = "Blister"
size = 20
pack_size = 30

[[depots]]
code = "900"
name = "Depot East"
timezone = "America/New_York"
cut_off = "15:00"
workdays = [1, 2, 3, 4, 5]
lead_days = {{ US = 2, "*" = 5 }}
email = "east@depot.example.org"

[[depots]]
code = "901"
name = "Depot Europe"
supplied_by = "900"
timezone = "Europe/Madrid"

[dispensing]
dnd_days = 31
lead_days = 5

[resupply]
strategy = "predictive"
short_days = 14
long_days = 42
minimum = {{ "*" = 2 }}
maximum = {{ "*" = 4 }}
at = "02:00"

[dosing]
start = "d40"

[dosing.sizes]
active = ["A50", "A20"]
placebo = ["P50", "P20"]

[[dosing.levels]]
code = "d20"
label = {{ en = "20 milligrams" }}
amount = 20

[[dosing.levels]]
code = "d40"
label = {{ en = "40 milligrams" }}
amount = 40

[[dosing.levels]]
code = "d90"
label = {{ en = "90 milligrams" }}
amount = 90

[[visits]]
code = "V1"
name = {{ en = "Visit 1" }}
day = 0
after = 3
dose = true

[[visits]]
code = "V2"
name = {{ en = "Visit 2" }}
day = 28
before = 3
after = 3
dose = true
titration = true

[[visits]]
code = "V3"
name = {{ en = "Visit 3" }}
day = 56
before = 3
after = 3
dose = true

[[visits]]
code = "V4"
name = {{ en = "Visit 4" }}
day = 84
before = 3
after = 3

[unscheduled]
dose = true

[[operators]]
name = "Desk"
telephone = "+12025550152"

[[notices]]
on = "dispense"
roles = ["monitor"]
"""
ARMS: Final = _ACTIVE + "\n" + _PLACEBO
ARMS_EXCHANGED: Final = _PLACEBO + "\n" + _ACTIVE
SOURCE: Final = _BODY % ARMS
EXCHANGED: Final = _BODY % ARMS_EXCHANGED

OTHER: Final = {"A50": "P50", "A20": "P20", "P50": "A50", "P20": "A20"}
LOTS: Final = (
    ("7701", "A50", "2027-05-31"),
    ("7702", "P50", "2027-08-31"),
    ("7703", "A20", "2027-07-31"),
    ("7704", "P20", "2027-06-30"),
)
"""Of each type a lot, no two with the same date."""


def set_up(world: World, *, exchanged: bool, lots_kept: bool = False, each: int = EACH) -> World:
    """The study in this world, stock at its depot, site 102 open too. `lots_kept`: in the exchanged
    world lots keep their types and every kit is of another lot; otherwise a kit's lot stays its
    own, and is of the other type."""
    here = found(world, EXCHANGED if exchanged else SOURCE)
    lots = _lots(exchanged=exchanged and not lots_kept)
    stock(here, lots, _of_the_other(lots) if exchanged and lots_kept else lots, each)
    return here


def found(world: World, file: str) -> World:
    """The study with its people and sites, and no kits yet."""
    here = world.of(CODE)
    here.do("import_users", "Admin", file=users(STAFF))
    here.do("publish", "Mia", file=file)
    sites = SITES.format(depot="900").replace("Auckland,en,,900", "Auckland,en,,901")
    here.do("import_sites", "Mia", file=sites)
    elsewhere = (("Di", "coordinator", "102"), ("Dan", "investigator", "102"))
    here.do("import_users", "Admin", file=users((*SITE_STAFF, *elsewhere)))
    _hire(here)
    for number in ("101", "102"):
        here.do("activate_site", "Mia", to_site=number, approval_date=TODAY)
    return here


def _hire(here: World) -> None:
    now = here.core.now()
    people = [
        {"user_id": number, "name": who, "language": "en", "status": "active", "created_at": now}
        for who, (number, _) in OFFICE.items()
    ]
    roles = [
        {"user_id": number, "role": role, "study": CODE, "starts_at": now}
        for number, role in OFFICE.values()
    ]
    with here.core.writing() as db:
        db.execute(insert(person), people)
        db.execute(insert(grant), roles)
    for who in OFFICE:
        here.let_in(who)


Lots = Sequence[tuple[str, str, str]]


def _lots(*, exchanged: bool) -> Lots:
    return [(lot, OTHER[code] if exchanged else code, expiry) for lot, code, expiry in LOTS]


def stock(here: World, lots: Lots, holding: Lots, each: int, *, place: int = 50_000) -> None:
    """The lots, and for each of `holding` so many kits at the depot, released."""
    header = "lot,kit_type,expiry,countries"
    rows = [f"{lot},{code},{expiry},US ES NZ" for lot, code, expiry in lots]
    here.do("import_lots", "Sam", file="\n".join([header, *rows]))
    lines = ["kit_number,sequence,kit_type,lot"]
    for lot, code, _ in holding:
        for _ in range(each):
            place += 1
            lines.append(f"{kit_number(place)},{place},{code},{lot}")
    here.do("import_kits", "Sam", file="\n".join(lines))
    for lot, _, _ in lots:
        here.release(lot)


def _of_the_other(lots: Lots) -> Lots:
    """Each lot's kits are those of the lot of the other arm's type."""
    by_type = {code: (lot, code, expiry) for lot, code, expiry in lots}
    return [by_type[OTHER[code]] for _, code, _ in lots]


def day_of(here: World) -> str:
    """Today, in New York."""
    return (here.core.now() - dt.timedelta(hours=5)).date().isoformat()


def amended(*, exchanged: bool) -> str:
    """The second version of the study file: a visit more may be a little late."""
    found = (EXCHANGED if exchanged else SOURCE).replace(
        'name = { en = "Visit 4" }\nday = 84\nbefore = 3\nafter = 3',
        'name = { en = "Visit 4" }\nday = 84\nbefore = 3\nafter = 5',
    )
    assert "after = 5" in found
    return found
