"""A study with dose levels: blinded, titrated at its visits, with kits of three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import text

from tests.support.stories import set_up
from tests.support.world import TODAY, World

TITRATED = """
[study]
code = "titra"
number = "451"
title = { en = "Study titra" }
sponsor = "Nobody"
blinding = "double"
languages = ["en"]
telephones = ["+12025550170"]
emergency_telephones = ["+12025550171"]

[sealed_cards]
en = "in the safe"

[screening]

[randomization]
method = "permuted_block"
block_sizes = [2, 4]

[[arms]]
code = "active"
name = { en = "Active" }

[[arms]]
code = "placebo"
name = { en = "Placebo" }

[[kit_types]]
code = "A50"
description = "Active 50 mg"
group = "Bottle"
size = 50

[[kit_types]]
code = "A20"
description = "Active 20 mg"
group = "Blister"
size = 20

[[kit_types]]
code = "P50"
description = "Placebo for 50 mg"
group = "Bottle"
size = 50

[[kit_types]]
code = "P20"
description = "Placebo for 20 mg"
group = "Blister"
size = 20

[[depots]]
code = "900"
name = "Depot"

[dosing]
start = "d40"

[dosing.sizes]
active = ["A50", "A20"]
placebo = ["P50", "P20"]

[[dosing.levels]]
code = "d20"
label = { en = "20 milligrams" }
amount = 20

[[dosing.levels]]
code = "d40"
label = { en = "40 milligrams" }
amount = 40

[[dosing.levels]]
code = "d90"
label = { en = "90 milligrams" }
amount = 90

[[visits]]
code = "V1"
name = { en = "Visit 1" }
day = 0
after = 3
dose = true

[[visits]]
code = "V2"
name = { en = "Visit 2" }
day = 28
before = 3
after = 3
dose = true
titration = true

[[visits]]
code = "V3"
name = { en = "Visit 3" }
day = 56
before = 3
after = 3
dose = true
titration = true

[[visits]]
code = "V4"
name = { en = "Visit 4" }
day = 84
before = 3
after = 3

[unscheduled]
dose = true

[[operators]]
name = "Desk"
telephone = "+12025550152"
"""


def opened(source: str = TITRATED, *, partial: bool = False) -> str:
    """The same study without the blind."""
    source = source.replace('blinding = "double"', 'blinding = "open"')
    return source + ("\n[dispensing]\npartial = true\n" if partial else "")


class Do(Protocol):
    """Does a deed and gives its facts."""

    def __call__(self, name: str, who: str, **given: str) -> Mapping[str, Any]: ...


def treated(do: Do) -> str:
    """A subject randomized today; returns the number."""
    number = str(do("screen", "Ada", consent_date=TODAY)["screening_number"])
    do("randomize", "Ivy", subject=number, consent="yes", eligible="yes")
    return number


def run_low(world: World, left: int = 1) -> None:
    """All kits of the site but so many of each lot are gone, by a hand."""
    _turn(world, "available", "missing", f">= {left}")


def refill(world: World, count: int = 1) -> None:
    """So many of each lot are there again."""
    _turn(world, "missing", "available", f"< {count}")


def _turn(world: World, before: str, after: str, which: str) -> None:
    query = (
        "UPDATE kit SET disposition = :after WHERE study = :study AND site = '101' AND "
        "disposition = :before AND (SELECT count(*) FROM kit other WHERE other.lot_id = "
        "kit.lot_id AND other.disposition = :before AND other.site = '101' AND "
        f"other.id < kit.id) {which}"
    )
    with world.core.writing() as db:
        values = {"study": world.study, "before": before, "after": after}
        db.execute(text(query), values)


def before_a_titration(world: World) -> World:
    """The blinded study with two subjects a visit away from it, the second one's dose on hold."""
    here = set_up(world, TITRATED)
    for _ in range(2):
        number = treated(lambda name, who, **given: here.do(name, who, **given).facts)
        here.dispense(number, "V1")
    here.days_later(28)
    here.do("hold_dose", "Ada", subject=number, reason="safety")
    return here


def lived_in(world: World) -> None:
    """The same by the command line."""
    here = set_up(world, opened(partial=True))
    live(here, lambda name, who, **given: here.do(name, who, **given).facts)


def live(world: World, do: Do) -> None:
    """Everything that is done with doses, and what goes wrong with kits, in the open study."""
    first, second = treated(do), treated(do)
    (kit, other) = do("dispense", "Ada", subject=first, visit="V1")["kits"]
    reason = {"reason": "safety", "details": "Nausea"}
    do("hold_dose", "Ada", subject=first, **reason)
    do("resume_dose", "Ada", subject=first)
    do("change_dose", "Ada", subject=first, dose="d20", **reason)
    never = {"subject": first, "kit": kit, "storage_confirmed": "yes"}
    proposal = do("never_got_it", "Ada", **never)["proposal"]
    do("approve", "Cy", proposal=str(proposal))
    wrong = {"subject": second, "kit": other, "given_date": TODAY}
    proposal = do("wrong_kit", "Ada", **wrong)["proposal"]
    do("approve", "Cy", proposal=str(proposal))
    do("replace", "Ada", subject=first, kit=other, reason="not_given")
    run_low(world)
    do("unscheduled", "Ada", subject=second)
    do("missed_visit", "Ada", subject=second, visit="V1")
    world.days_later(28)
    do("dispense", "Ada", subject=second, visit="V2", dose="d90")
    refill(world)
    do("give_rest", "Ada", subject=second)
