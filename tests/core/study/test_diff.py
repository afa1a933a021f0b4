"""An amendment in plain words, and what it may not change."""

from __future__ import annotations

from typing import Any

import pytest

from core.messages import Labels, Message, message_from_json, to_json
from core.study.diff import check_amendment, diff
from core.study.read import load
from tests.core.study.files import MINIMISED, SMALL, edited

WIDE_BLOCKS = SMALL.replace("[3, 6]", "[12, 24]")
V4 = '[[visits]]\ncode = "V4"\nname = { en = "Visit 4" }\nday = 84\nbefore = 3\nafter = 3\n\n[caps]'


def sentences(text: str, *edits: tuple[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Of each sentence its id and parameters, messages among these as (id, parameters)."""
    return [flat(each) for each in diff(load(text), load(edited(text, *edits)))]


def flat(message: Message) -> tuple[str, dict[str, Any]]:
    params = {
        name: flat(value) if isinstance(value, Message) else value
        for name, value in message.params.items()
    }
    return message.id.removeprefix("study.").removeprefix("what."), params


def test_nothing_changed_says_nothing() -> None:
    assert diff(load(SMALL), load(SMALL)) == ()
    assert diff(load(SMALL), load("# a comment\n" + SMALL)) == ()


def test_a_cap_rises_or_falls() -> None:
    cap = ("cap_site", {"site": "101"})
    assert sentences(SMALL, ('"101" = 20', '"101" = 30')) == [
        ("diff.rises", {"what": cap, "old": 20, "new": 30})
    ]
    assert sentences(SMALL, ('"101" = 20', '"101" = 10')) == [
        ("diff.falls", {"what": cap, "old": 20, "new": 10})
    ]


def test_a_site_that_loses_its_own_cap_falls_back_to_the_general_one() -> None:
    told = sentences(SMALL, ('per_site = { "101" = 20 }', "site = 25"))
    assert told == [
        ("diff.new", {"what": ("cap_each_site", {}), "new": 25}),
        ("diff.rises", {"what": ("cap_site", {"site": "101"}), "old": 20, "new": 25}),
    ]


def test_a_new_visit_is_told_with_its_window() -> None:
    window = ("value.window", {"day": 84, "before": 3, "after": 3})
    assert sentences(SMALL, ("[caps]", V4)) == [
        ("diff.new", {"what": ("visit", {"code": "V4"}), "new": window})
    ]


def test_a_visit_moved_and_made_hard_is_one_sentence() -> None:
    (told,) = sentences(SMALL, ("day = 56", 'day = 60\nwindow = "hard"'))
    after = ("value.window", {"day": 60, "before": 3, "after": 3})
    assert told == (
        "diff.changes",
        {
            "what": ("visit", {"code": "V3"}),
            "old": ("value.window", {"day": 56, "before": 3, "after": 3}),
            "new": ("value.hard", {"window": after}),
        },
    )


@pytest.mark.parametrize(
    ("old", "new", "id_", "what"),
    [
        ('sponsor = "Nobody"', 'sponsor = "Somebody"', "diff.changes", "sponsor"),
        ('title = { en = "A small trial" }', 'title = { en = "X" }', "diff.changes", "title"),
        (
            'languages = ["en"]',
            'languages = ["en"]\nsay_treatment = true',
            "diff.changes",
            "say_treatment",
        ),
        ("[screening]\nrescreens_max = 1\n", "", "diff.disappears", "screening"),
        ("rescreens_max = 1", "rescreens_max = 2", "diff.rises", "rescreens_max"),
        (
            "rescreens_max = 1",
            "rescreens_max = 1\nyear_of_birth = true",
            "diff.changes",
            "year_of_birth",
        ),
        ("ratio = 2", "ratio = 5", "diff.rises", "arm_ratio"),
        ('name = { en = "Active" }', 'name = { en = "Drug" }', "diff.changes", "arm_name"),
        ("[12, 24]", "[12]", "diff.changes", "block_sizes"),
        ('label = { en = "Male" }', 'label = { en = "Man" }', "diff.changes", "level"),
        ('description = "Active"', 'description = "New"', "diff.changes", "kit_description"),
        ('name = { en = "Visit 3" }', 'name = { en = "End" }', "diff.changes", "visit_name"),
        ("day = 56", 'day = 56\nanchor = "previous"', "diff.changes", "visit_anchor"),
        ("[caps]", "[unscheduled]\n[caps]", "diff.appears", "unscheduled"),
        ("[caps]", "[caps]\nstudy = 99", "diff.new", "cap_study"),
        ("[caps]", "[caps]\nper_country = { ES = 9 }", "diff.new", "cap_country"),
        (
            "[caps]",
            "[caps]\nstrata = [{ levels = { sex = 'F' }, randomized = 9 }]",
            "diff.new",
            "cap_stratum",
        ),
        ("+12025550152", "+12025550153", "diff.changes", "operators"),
        ('roles = ["monitor"]', 'roles = ["monitor", "safety"]', "diff.changes", "notice"),
        ('signatures = ["randomize"]\n', "", "diff.removed", "signatures"),
        ('en = "in the safe"', 'en = "in the fridge"', "diff.changes", "sealed_cards"),
        ("[study]", 'code_break = "continue"\n[study]', "diff.changes", "code_break"),
        ("[caps]", "[dispensing]\ndnd_days = 3\n[caps]", "diff.rises", "dnd_days"),
        ("[caps]", "[[depots]]\ncode = '9'\nname = 'D'\n[caps]", "diff.new", "depot"),
    ],
)
def test_each_part_of_the_file_has_its_sentence(old: str, new: str, id_: str, what: str) -> None:
    told = sentences(WIDE_BLOCKS, (old, new))
    assert [(sentence, params["what"][0]) for sentence, params in told] == [(id_, what)]


def test_kits_are_told_by_visit_and_arm() -> None:
    new = 'day = 28\nbefore = 3\nafter = 3\nkits = { active = ["A", "A"], placebo = ["B", "B"] }'
    old = new.replace('"A", "A"', '"A"').replace('"B", "B"', '"B"')
    assert sentences(SMALL, (old, new)) == [
        ("diff.changes", {"what": ("visit_kits", {"visit": "V2", "arm": arm}), "old": a, "new": b})
        for arm, a, b in (("active", "A", "A, A"), ("placebo", "B", "B, B"))
    ]


def test_weights_and_probabilities_are_told_exactly() -> None:
    told = sentences(MINIMISED, ("p = 0.8", 'p = "2/3"'), ("sex = 2, ", ""))
    assert told == [
        ("diff.falls", {"what": ("p", {}), "old": "0.8", "new": "2/3"}),
        ("diff.falls", {"what": ("weight", {"factor": "sex"}), "old": "2", "new": "1"}),
    ]


def test_a_new_factor_is_told_with_its_levels() -> None:
    factor = '[[factors]]\nname = "age"\nlabel = { en = "Age" }\nlevels = [\n'
    factor += (
        '{ value = "0", label = { en = "Young" } }, { value = "1", label = { en = "Old" } }]\n'
    )
    (told,) = sentences(SMALL, ('[[kit_types]]\ncode = "A"', factor + '[[kit_types]]\ncode = "A"'))
    words = ("value.factor", {"label": Labels((("en", "Age"),)), "levels": "0, 1"})
    assert told == ("diff.new", {"what": ("factor", {"code": "age"}), "new": words})


def test_sentences_come_in_the_order_of_the_file_and_can_go_on_record() -> None:
    told = diff(
        load(SMALL),
        load(edited(SMALL, ('"101" = 20', '"101" = 30'), ("[caps]", V4), ("Nobody", "Somebody"))),
    )
    subjects = [flat(message)[1]["what"][0] for message in told]
    assert subjects == ["sponsor", "visit", "cap_site"]
    assert tuple(message_from_json(to_json(message)) for message in told) == told


def refused(text: str, *edits: tuple[str, str], enrolled: bool = True) -> dict[str, str]:
    problems = check_amendment(load(text), load(edited(text, *edits)), enrolled=enrolled)
    return {problem.key: problem.message.id for problem in problems}


@pytest.mark.parametrize(
    ("old", "new", "key", "id_"),
    [
        ('blinding = "double"', 'blinding = "open"', "study.blinding", "study.fixed"),
        ("[screening]\nrescreens_max = 1\n", "", "screening", "study.fixed_screening"),
        ("ratio = 2", "ratio = 5", "arms", "study.fixed_arms"),
        ("[12, 24]", "[24]", "randomization.block_sizes", "study.fixed"),
        ('name = "sex"', 'name = "gender"', "factors", "study.fixed_factors"),
        ('value = "M"', 'value = "X"', "factors[0].levels", "study.level_removed"),
        ('group = "Capsules"', 'group = "Tablets"', "kit_types[1].group", "study.fixed"),
    ],
)
def test_what_subjects_rest_on_is_fixed_once_there_are_any(
    old: str, new: str, key: str, id_: str
) -> None:
    assert refused(WIDE_BLOCKS, (old, new))[key] == id_
    assert refused(WIDE_BLOCKS, (old, new), enrolled=False) == {}


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('code = "small"', 'code = "other"', "study.code"),
        ('number = "77"', 'number = "78"', "study.number"),
        ("languages", "training = true\nlanguages", "study.training"),
    ],
)
def test_the_studys_identity_is_fixed_from_its_first_version(old: str, new: str, key: str) -> None:
    assert refused(SMALL, (old, new), enrolled=False) == {key: "study.fixed"}


SMALL_OPEN = (
    SMALL.replace('"double"', '"open"')
    .replace("[3, 6]", "[12]")
    .replace('{ active = ["A"], placebo = ["B"] }', '{ "*" = ["A", "B"] }')
)


def test_removed_and_reordered_arms_are_refused_new_and_closed_ones_are_not() -> None:
    arm = '[[arms]]\ncode = "placebo"\nname = { en = "Placebo" }\nratio = 1\n'
    third = arm.replace("placebo", "third")
    config, wider = load(SMALL), load(SMALL_OPEN.replace(arm, arm + third))
    assert check_amendment(load(SMALL_OPEN), wider) == ()
    assert [p.key for p in check_amendment(wider, load(SMALL_OPEN))] == ["arms"]
    closed = load(SMALL_OPEN.replace(arm, arm + "closed = true\n" + third))
    assert check_amendment(wider, closed) == ()
    active = '[[arms]]\ncode = "active"\nname = { en = "Active" }\nratio = 2\n\n'
    swapped = load(edited(SMALL, (active, ""), (arm, arm + "\n" + active)))
    (problem,) = check_amendment(config, swapped)
    assert problem.message == Message("study.fixed_arm_order", {"old": "active, placebo"})


def test_a_method_cannot_change_for_enrolled_subjects() -> None:
    keys = refused(
        SMALL, ('"permuted_block"\nblock_sizes = [3, 6]', '"minimisation"\nmeasure = "sd"\np = 0.9')
    )
    assert keys["randomization.method"] == "study.fixed"


def test_kit_types_and_depots_with_stock_stay() -> None:
    kit_type = '[[kit_types]]\ncode = "C"\ndescription = "C"\ngroup = "C"\n'
    depot = '[[depots]]\ncode = "9"\nname = "D"\n'
    wider = edited(SMALL, ("[caps]", kit_type + depot + "[caps]"))
    problems = check_amendment(load(wider), load(SMALL))
    assert {p.message.id for p in problems} == {"study.kit_type_removed", "study.depot_removed"}


def test_what_amendments_are_for_is_allowed() -> None:
    level = '{ value = "M", label = { en = "Male" } },'
    other = level + '{ value = "X", label = { en = "Other" } },'
    assert not refused(SMALL, ('"101" = 20', '"101" = 30'), ("[caps]", V4), (level, other))
    assert not refused(MINIMISED, ("p = 0.8", "p = 0.9"))
