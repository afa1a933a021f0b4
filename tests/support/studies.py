"""The studies of the small world: one of each kind that IxRS runs, in one installation."""

from __future__ import annotations

_ARMS = """
[[arms]]
code = "active"
name = { en = "Active" }
ratio = 2

[[arms]]
code = "placebo"
name = { en = "Placebo" }
ratio = 1
"""

_SEX = """
[[factors]]
name = "sex"
label = { en = "Sex" }
levels = [
    { value = "F", label = { en = "Female" } },
    { value = "M", label = { en = "Male" } },
]
"""

_KITS = """
[[kit_types]]
code = "A"
description = "Active"
group = "Capsules"

[[kit_types]]
code = "B"
description = "Placebo"
group = "Capsules"

[dispensing]
dnd_days = 10
lead_days = 2

[[depots]]
code = "900"
name = "Depot"

[[depots]]
code = "901"
name = "Depot in Madrid"
supplied_by = "900"
timezone = "Europe/Madrid"
cut_off = "14:00"
workdays = [1, 2, 3, 4, 5]
"""


def _head(code: str, number: str, blinding: str = "open") -> str:
    return f"""
[study]
code = "{code}"
number = "{number}"
title = {{ en = "Study {code}" }}
sponsor = "Nobody"
blinding = "{blinding}"
languages = ["en"]
"""


COMBI = (
    'signatures = ["screen_failure"]\n'
    + _head("combi", "401", "double")
    + """
telephones = ["+12025550150"]
emergency_telephones = ["+12025550151"]

[sealed_cards]
en = "in the safe"

[screening]
year_of_birth = true
rescreens_max = 1
failure_reasons = [
    { value = "laboratory", label = { en = "Laboratory" } },
    { value = "other", label = { en = "Other" } },
]

[randomization]
method = "permuted_block"
block_sizes = [3, 6]
"""
    + _ARMS
    + _SEX
    + _KITS
    + """
[[visits]]
code = "V1"
name = { en = "Visit 1" }
day = 0
after = 3
kits = { active = ["A"], placebo = ["B"] }

[[visits]]
code = "V2"
name = { en = "Visit 2" }
day = 28
before = 3
after = 3
kits = { active = ["A", "A"], placebo = ["B", "B"] }

[[visits]]
code = "V3"
name = { en = "Visit 3" }
day = 56
before = 3
after = 3
window = "hard"
kits = { active = ["A"], placebo = ["B"] }

[[visits]]
code = "V4"
name = { en = "Visit 4" }
day = 84
before = 3
after = 3

[unscheduled]
kits = { active = ["A"], placebo = ["B"] }

[[operators]]
name = "Desk"
telephone = "+12025550152"

[[notices]]
on = "randomize"
roles = ["monitor"]

[[discontinuation_reasons]]
value = "adverse_event"
label = { en = "Adverse event" }
"""
)

SOLO = (
    _head("solo", "402")
    + """
[randomization]
method = "permuted_block"
block_sizes = [3, 6]
"""
    + _ARMS
    + _SEX
)

MINI = (
    _head("mini", "403")
    + """
[randomization]
method = "minimisation"
measure = "range"
p = 0.8
"""
    + _ARMS
    + _SEX
    + """
[[factors]]
name = "centre"
label = { en = "Centre" }
source = "site"
"""
)

DRUG = (
    _head("drug", "404")
    + """
[screening]
"""
    + _KITS
    + """
[[visits]]
code = "D1"
name = { en = "Day 1" }
day = 0
after = 5
kits = { "*" = ["A", "B"] }

[[visits]]
code = "D2"
name = { en = "Day 15" }
day = 14
before = 3
after = 3
anchor = "previous"
kits = { "*" = ["A"] }
"""
)

DOSED = (
    _head("dosed", "405", "double")
    + """
telephones = ["+12025550160"]
emergency_telephones = ["+12025550161"]

[sealed_cards]
en = "in the safe"

[screening]

[response]
question = { en = "Dose-limiting toxicity" }

[randomization]
method = "permuted_block"
block_sizes = [2, 4]

[escalation]
rule = "boin"
doses = ["low", "high"]
controls = ["placebo"]
size = 4
target = 0.3

[[arms]]
code = "low"
name = { en = "Low dose" }

[[arms]]
code = "high"
name = { en = "High dose" }

[[arms]]
code = "placebo"
name = { en = "Placebo" }

[[kit_types]]
code = "A"
description = "10 mg"
group = "Capsules"

[[kit_types]]
code = "B"
description = "20 mg"
group = "Capsules"

[[kit_types]]
code = "P"
description = "Placebo"
group = "Capsules"

[[depots]]
code = "900"
name = "Depot"

[[phases]]
code = "RI"
name = { en = "Run-in" }
kind = "run_in"

[[phases]]
code = "EXT"
name = { en = "Blind extension" }
kind = "double_blind"
arms = { low = "high", high = "low", placebo = "low" }

[[phases]]
code = "OLE"
name = { en = "Open extension" }
kind = "open_label"
arms = { "*" = "high" }

[[phases]]
code = "ROLL"
name = { en = "Rollover" }
kind = "rollover"
randomization = { method = "simple" }
ratio = { low = 1, high = 1 }

[[visits]]
code = "R1"
name = { en = "Run-in day 1" }
phase = "RI"
day = 0
after = 3
kits = { "*" = ["P"] }

[[visits]]
code = "R2"
name = { en = "Run-in day 15" }
phase = "RI"
day = 14
after = 3

[[visits]]
code = "D1"
name = { en = "Day 1" }
day = 0
after = 3
kits = { low = ["A"], high = ["B"], placebo = ["P"] }

[[visits]]
code = "D2"
name = { en = "Day 29" }
day = 28
after = 3
kits = { low = ["A"], high = ["B"], placebo = ["P"] }

[[visits]]
code = "E1"
name = { en = "Extension day 1" }
phase = "EXT"
day = 0
after = 3
kits = { low = ["A"], high = ["B"] }

[[visits]]
code = "O1"
name = { en = "Open day 1" }
phase = "OLE"
day = 0
after = 3
kits = { "*" = ["B"] }

[[visits]]
code = "O2"
name = { en = "Open day 8" }
phase = "OLE"
day = 7
after = 3
anchor = "previous"
kits = { "*" = ["B", "B"] }

[[visits]]
code = "X1"
name = { en = "Rollover day 1" }
phase = "ROLL"
day = 0
after = 3
kits = { low = ["A"], high = ["B"] }

[[operators]]
name = "Desk"
telephone = "+12025550152"
"""
)
"""Cohorts, a run-in, and three ways on. In none of the worlds until `stories.set_up` adds it."""

STUDIES = {"combi": COMBI, "solo": SOLO, "mini": MINI, "drug": DRUG}


def capped(text: str, caps: str) -> str:
    """The study file with a section of caps."""
    return f"{text}\n[caps]\n{caps}\n"
