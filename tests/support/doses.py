"""A study with dose levels: blinded, titrated at its visits, with kits of three sizes."""

from __future__ import annotations

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
block_sizes = [2]

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
