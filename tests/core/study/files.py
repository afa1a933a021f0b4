"""A small lawful study file and ways to change it."""

from __future__ import annotations

from core.study.problems import Problem, Severity
from core.study.read import review

SMALL = """\
signatures = ["randomize"]

[study]
code = "small"
number = "77"
title = { en = "A small trial" }
sponsor = "Nobody"
blinding = "double"
languages = ["en"]
telephones = ["+12025550150"]
emergency_telephones = ["+12025550151"]

[sealed_cards]
en = "in the safe"

[screening]
rescreens_max = 1

[randomization]
method = "permuted_block"
block_sizes = [3, 6]

[[arms]]
code = "active"
name = { en = "Active" }
ratio = 2

[[arms]]
code = "placebo"
name = { en = "Placebo" }
ratio = 1

[[factors]]
name = "sex"
label = { en = "Sex" }
levels = [
    { value = "F", label = { en = "Female" } },
    { value = "M", label = { en = "Male" } },
]

[[kit_types]]
code = "A"
description = "Active"
group = "Capsules"

[[kit_types]]
code = "B"
description = "Placebo"
group = "Capsules"

[[visits]]
code = "V1"
name = { en = "Visit 1" }
day = 0
after = 1
kits = { active = ["A"], placebo = ["B"] }

[[visits]]
code = "V2"
name = { en = "Visit 2" }
day = 28
before = 3
after = 3
kits = { active = ["A"], placebo = ["B"] }

[[visits]]
code = "V3"
name = { en = "Visit 3" }
day = 56
before = 3
after = 3

[caps]
per_site = { "101" = 20 }

[[operators]]
name = "Desk"
telephone = "+12025550152"

[[notices]]
on = "randomize"
roles = ["monitor"]
"""

MINIMISED = """\
[study]
code = "mini"
number = "78"
title = { en = "A minimised trial" }
sponsor = "Nobody"
blinding = "open"
languages = ["en"]

[randomization]
method = "minimisation"
measure = "range"
p = 0.8
weights = { sex = 2, centre = "1/3" }

[[arms]]
code = "A"
name = { en = "A" }

[[arms]]
code = "B"
name = { en = "B" }

[[factors]]
name = "sex"
label = { en = "Sex" }
levels = [
    { value = "F", label = { en = "Female" } },
    { value = "M", label = { en = "Male" } },
]

[[factors]]
name = "centre"
label = { en = "Centre" }
source = "site"
"""


def edited(text: str, *edits: tuple[str, str]) -> str:
    """The text with each first part put in place of the second; each has to be there."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def problems(text: str) -> dict[str, str]:
    """Key to message id of everything that stops the file."""
    return {each.key: each.message.id for each in review(text).of(Severity.ERROR)}


def found(text: str, severity: Severity) -> dict[str, str]:
    """Key to message id of everything of that severity."""
    return {each.key: each.message.id for each in review(text).of(severity)}


def one(text: str) -> Problem:
    """The only problem that stops the file."""
    (problem,) = review(text).of(Severity.ERROR)
    return problem
