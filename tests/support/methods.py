"""A small study for each method that a study file can name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Final

from core.study.randomization import METHODS
from tests.support.stories import set_up
from tests.support.world import TODAY, Given, World

CODE: Final = "meth"
REASON: Final = 'reason = "a test"\n'
_TWO = "AB"
_SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "simple": ("ABC", ""),
    "permuted_block": ("AB", "block_sizes = [2, 4]"),
    "random_allocation": ("ABC", "length = 12"),
    "truncated_binomial": (_TWO, "length = 12"),
    "efron": (_TWO, 'p = "2/3"'),
    "chen": (_TWO, 'p = "2/3"\nmti = 3'),
    "big_stick": (_TWO, "mti = 3"),
    "ehrenfest": (_TWO, "balls = 10"),
    "wei_urn": ("ABC", "alpha = 1\nbeta = 2"),
    "block_urn": ("ABC", "lambda = 2"),
    "maximal": (_TWO, "mti = 2\nlength = 12"),
    "minimisation": ("ABC", 'measure = "variance"\np = 0.8\nweights = { sex = 2, centre = 1 }'),
    "hierarchical": (
        _TWO,
        "p = 0.9\ntolerances = [{ of = 'study', tolerance = 2 }, "
        "{ of = 'centre', tolerance = 1 }, { of = 'stratum', tolerance = 1 }]",
    ),
    "atkinson": (_TWO, 'strata = ["centre"]'),
    "cluster": (_TWO, 'cluster = "centre"\nstrata = ["sex"]\nby = { method = "simple" }'),
    "factorial": (
        "ABCD",
        "parts = [{ name = 'x', levels = { x0 = ['A', 'B'], x1 = ['C', 'D'] } }, "
        "{ name = 'y', levels = { y0 = ['A', 'C'], y1 = ['B', 'D'] } }]\n"
        "by = { method = 'permuted_block', block_sizes = [2, 4] }",
    ),
    "crossover": ("ABC", ""),
    "play_the_winner": (_TWO, "alpha = 1\nbeta = 1"),
    "drop_the_loser": ("ABC", "balls = 1"),
    "adaptive_coin": (_TWO, "gamma = 2\nburn_in = 4"),
    "thompson": (_TWO, 'power = "1/2"\nburn_in = 4'),
}
VARIANTS: Final[Mapping[str, tuple[str, str]]] = {
    "bound statically": ("AB", 'method = "permuted_block"\nblock_sizes = [4]\nbind = "static"'),
    "bound dynamically": ("AB", 'method = "permuted_block"\nblock_sizes = [4]\nbind = "dynamic"'),
    "ratio kept": (
        "AAB",
        'method = "minimisation"\nmeasure = "range"\np = 0.8\nratio_preserving = true',
    ),
    "random first, strata apart": (
        "AAB",
        'method = "minimisation"\nmeasure = "range"\np = 0.8\nrandom_first = 5\nstrata = ["sex"]',
    ),
    "sets": (
        "ABC",
        'method = "permuted_block"\nblock_sizes = [4]\n'
        "sets = [{ levels = { sex = 'F' }, arms = ['A', 'B'] },"
        " { levels = { sex = 'M' }, arms = ['B', 'C'] }]",
    ),
    "sets minimised": (
        "ABC",
        'method = "minimisation"\nmeasure = "range"\np = 0.8\n'
        "sets = [{ levels = { sex = 'F' }, arms = ['A', 'B'] },"
        " { levels = { sex = 'M' }, arms = ['B', 'C'] }]",
    ),
}


def study_file(arms: str, section: str, more: str = "") -> str:
    """A study without screening; an arm named twice has two shares. `section` is `[randomization]`
    without its heading."""
    shares = {arm: arms.count(arm) for arm in arms}
    listed = "".join(
        f'[[arms]]\ncode = "{arm}"\nname.en = "Arm {arm}"\nratio = {share}\n'
        for arm, share in shares.items()
    )
    return f"""
[study]
code = "{CODE}"
number = "499"
title.en = "A study of a method"
sponsor = "Nobody"
blinding = "open"
languages = ["en"]

[response]
question.en = "Has the subject responded?"

[randomization]
{section}
{REASON}
{listed}
[[factors]]
name = "sex"
label.en = "Sex"
levels = [{{ value = "F", label.en = "Female" }}, {{ value = "M", label.en = "Male" }}]

[[factors]]
name = "centre"
label.en = "Centre"
source = "site"
{more}"""


def _designs() -> dict[str, str]:
    plain = {
        name: study_file(arms, f'method = "{name}"\n{keys}')
        for name, (arms, keys) in _SECTIONS.items()
    }
    return plain | {name: study_file(*one) for name, one in VARIANTS.items()}


DESIGNS: Final[Mapping[str, str]] = _designs()
"""Every method but the imported list, and variants of some: name to study file."""
LEFT_OUT: Final = set(METHODS) - set(_SECTIONS)


def trial(world: World, source: str) -> World:
    """The study, open at two sites."""
    here = set_up(world, source)
    here.do("activate_site", "Mia", to_site="102", approval_date=TODAY)
    here.do("import_users", "Admin", file=DAN)
    return here


DAN: Final = """user_id,name,email,mobile,role,sites,language
16,Dan,dan@example.org,+12025550116,investigator,102,en
"""


def enrol(world: World, count: int) -> list[str]:
    """So many subjects, at both sites, of both sexes; every third has an answer at once."""
    whole = itertools.cycle([("Ivy", "F"), ("Dan", "F"), ("Ivy", "M"), ("Ivy", "F"), ("Dan", "M")])
    numbers = []
    for place, (who, sex) in zip(range(count), whole, strict=False):
        numbers.append(world.randomized(who, sex=sex))
        if place % 3 == 2:
            answer = "yes" if place % 2 else "no"
            given: Given = {"subject": numbers[-1], "assessed_on": TODAY, "answer": answer}
            world.do("respond", who, **given)
    return numbers
