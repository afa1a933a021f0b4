"""A case file as someone outside writes it: read generously, refused where it says two things."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from core.randomization.casefile import CaseFileRefused, load
from core.randomization.explain import explain

AB = {"A": 1, "B": 1}
_OF_THE_FILE = ("factors", "history", "next")


def chances(case: dict[str, Any] | str) -> dict[str, str]:
    text = case if isinstance(case, str) else json.dumps(case)
    return dict(explain(load(text)).to_json()["probabilities"])


def refused(case: dict[str, Any] | str) -> list[tuple[str, str]]:
    with pytest.raises(CaseFileRefused) as found:
        chances(case)
    return [(problem.key, problem.message.id) for problem in found.value.problems]


def case(method: str, arms: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A case of this method; `more` are keys of its section, or of the file where it has them."""
    file = {name: value for name, value in more.items() if name in _OF_THE_FILE}
    more = {name: value for name, value in more.items() if name not in _OF_THE_FILE}
    return {"randomization": {"method": method, **more}, "arms": arms or AB, **file}


def deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"method": "simple"}
    for _ in range(levels):
        found = {"method": "simple", "by": found}
    return found


def test_minimisation_without_factors_balances_the_arms_themselves() -> None:
    """G13: 1:2, no covariates, range on n/ratio, p = .9: P(arm 1) = 1/10 at the first step."""
    naive = case("minimisation", {"1": 1, "2": 2}, measure="range", p=0.9)
    assert chances(naive) == {"1": "1/10", "2": "9/10"}
    assert chances(naive | {"factors": None, "history": [{"arm": "2"}]})["1"] == "9/10"
    han = case("minimisation", {"1": 1, "2": 2}, measure="range", p=0.8, rule="han", weights={})
    assert chances(han)["1"] == "1/10"


def test_counts_of_published_examples_may_come_in_any_order() -> None:
    """G3: Scott 2002, table 3: matching counts 2/2 and 3/1; p = 1, though no trial with p = 1
    could begin with three subjects on one arm."""
    level = {"levels": {"f": "yes", "g": "yes"}, "arm": "intervention"}
    history = [level, level, {"levels": {"f": "no", "g": "yes"}, "arm": "intervention"}]
    history += [{"levels": {"f": "yes", "g": one}, "arm": "control"} for one in ("yes", "no")]
    scott = case(
        "minimisation",
        {"intervention": 1, "control": 1},
        measure="range",
        p=1,
        factors={"f": ["yes", "no"], "g": ["yes", "no"]},
        history=history,
        next={"levels": {"f": "yes", "g": "yes"}},
    )
    found = explain(load(json.dumps(scott))).to_json()
    assert found["imbalance"] == {"intervention": "4", "control": "2"}
    assert found["probabilities"] == {"intervention": "0", "control": "1"}


def test_rows_of_a_design_matrix_may_be_numbers() -> None:
    """G15: Atkinson 1982; rows of +1 and -1, the next one (1, 1)."""
    rows = [(1, 1), (-1, 1), (1, -1), (-1, -1), (1, 1), (-1, 1)]
    history = [
        {"levels": {"x1": a, "x2": b}, "arm": arm}
        for (a, b), arm in zip(rows, (1, 2, 2, 1, 1, 2), strict=True)
    ]
    atkinson = case(
        "atkinson",
        {"1": 1, "2": 1},
        factors={"x1": [1, -1], "x2": [1, -1]},
        history=history,
        next={"levels": {"x1": 1, "x2": 1}},
    )
    assert chances(atkinson) == {"1": "1/5", "2": "4/5"}
    atkinson["next"] = {"levels": {"x1": -1, "x2": -1}}
    assert chances(atkinson) == {"1": "4/5", "2": "1/5"}


@pytest.mark.parametrize("mti", ["3", "3.0", '"3"'])
def test_whole_numbers_are_read_however_they_are_written(mti: str) -> None:
    text = '{"randomization": {"method": "big_stick", "mti": %s}, "arms": {"A": 1.0, "B": "1"}}'
    assert chances(text % mti) == {"A": "1/2", "B": "1/2"}


def test_what_is_null_is_missing_and_a_single_block_size_needs_no_list() -> None:
    blocks = case("permuted_block", block_sizes=4, factors=None, history=None, next=None)
    assert chances("\ufeff" + json.dumps(blocks)) == {"A": "1/2", "B": "1/2"}
    heard = [{"levels": None, "arm": "A", "response": 1}, {"arm": "B", "response": None}]
    assert chances(case("play_the_winner", alpha=1, beta=1, history=heard))["A"] == "2/3"


def test_arms_and_factors_may_have_any_name_wherever_they_are_named() -> None:
    factors = {"Age group": ["<65", ">=65"], "sex": ["F", "M"]}
    here = {"levels": {"Age group": ">=65", "sex": "F"}}
    more: dict[str, Any] = {"factors": factors, "next": here, "history": [{**here, "arm": "A"}]}
    kept = case("minimisation", measure="range", p="4/5", strata=["Age group"], **more)
    assert chances(kept) == {"A": "1/5", "B": "4/5"}
    tolerances = [{"of": "Age group", "tolerance": 1}]
    assert chances(case("hierarchical", p=0.9, tolerances=tolerances, **more))["A"] == "1/10"
    sets = [
        {"levels": {"sex": "F"}, "arms": ["Drug X", "+"]},
        {"levels": {"sex": "M"}, "arms": ["+"]},
    ]
    more["history"] = []
    odd = case("simple", {"Drug X": 3, "+": 1}, sets=sets, **more)
    assert chances(odd) == {"Drug X": "3/4", "+": "1/4"}


def test_parts_of_a_factorial_design_and_levels_of_sets_may_be_written_freely() -> None:
    parts = [
        {"name": "Aspirin, 100 mg", "levels": {"100 mg": ["A", "A+B"], "-": ["B", "none"]}},
        {"name": "Drug B", "levels": {">0": ["B", "A+B"], "0": ["A", "none"]}},
    ]
    four = dict.fromkeys(("A", "B", "A+B", "none"), 1)
    factorial = case("factorial", four, parts=parts, by={"method": "efron", "p": "2/3"},
                     history=[{"arm": "A+B"}])  # fmt: skip
    assert chances(factorial) == {"A": "2/9", "B": "2/9", "A+B": "1/9", "none": "4/9"}
    sets = [{"levels": {"x": 1}, "arms": ["A"]}, {"levels": {"x": 0}, "arms": ["B"]}]
    by_marker = case("simple", sets=sets, factors={"x": [0, 1]}, next={"levels": {"x": 1}})
    assert chances(by_marker) == {"A": "1", "B": "0"}


@pytest.mark.parametrize("name", ["site", "village"])
def test_clusters_are_the_sites_or_the_levels_of_the_only_factor(name: str) -> None:
    here = {"levels": {name: "1"}}
    by = {"method": "simple"}
    found = case("cluster", by=by, factors={name: ["1", "2"]}, next=here,
                 history=[{**here, "arm": "B"}])  # fmt: skip
    assert chances(found) == {"A": "0", "B": "1"}


def test_strata_with_bars_in_their_levels_stay_apart() -> None:
    history = [{"levels": {"a": "1|b=2", "b": "3"}, "arm": "A"}]
    factors = {"a": ["1", "1|b=2"], "b": ["3", "2|b=3"]}
    apart = case("big_stick", mti=1, factors=factors, history=history,
                 next={"levels": {"a": "1", "b": "2|b=3"}})  # fmt: skip
    assert chances(apart) == {"A": "1/2", "B": "1/2"}


@pytest.mark.parametrize("method", ["simple", "minimisation"])
def test_where_factors_are_the_next_subject_needs_levels(method: str) -> None:
    more: dict[str, Any] = {"measure": "range", "p": 1} if method == "minimisation" else {}
    found = refused(case(method, factors={"sex": ["F", "M"]}, **more))
    assert found == [("next.levels.sex", "study.missing")]


def test_levels_without_a_set_of_arms_are_refused_however_many_there_are() -> None:
    """Twenty levels of each of three factors: 8,000 combinations, one of them without arms."""
    factors = {name: [str(n) for n in range(20)] for name in ("a", "b", "c")}
    sets = [{"levels": {"b": str(n)}, "arms": ["A", "B"]} for n in range(19)]
    there = {"levels": {"a": "0", "b": "19", "c": "0"}}
    found = case("simple", sets=sets, factors=factors, next=there)
    assert refused(found) == [("randomization", "study.method_impossible")]
    by_three = [{"levels": {"a": str(n)}, "arms": ["A", "B"]} for n in range(19)]
    by_three += [{"levels": {"a": "19", "b": "0", "c": "0"}, "arms": ["A", "B"]}]
    there = {"levels": {"a": "19", "b": "0", "c": "1"}}
    found = case("simple", sets=by_three, factors=factors, next=there)
    assert refused(found) == [("next.levels", "study.method_impossible")]


def test_an_arm_nobody_has_is_refused_in_every_stratum() -> None:
    history = [{"levels": {"sex": "F"}, "arm": "Z"}]
    found = case("simple", factors={"sex": ["F", "M"]}, history=history,
                 next={"levels": {"sex": "M"}})  # fmt: skip
    assert refused(found) == [("history[0].arm", "study.case_arm")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"randomization": {"method": "simple"}, "arms": {"A": 1, "A": 3, "B": 1}}',
         ("file", "study.json_syntax")),
        ('{"randomization": {"method": "simple"}, "arms": {"A": 1, "B": 1.5}}',
         ("arms", "study.case_arms")),
        ('{"randomization": {"method": "simple"}, "arms": {"A": 1, "B": 1}, "next": {"level": {}}}',
         ("next.level", "study.unknown_key")),
        ('{"randomization": {"method": "simple"}, "arms": {"A": 1, "B": 1},'
         ' "factors": {"x": [1, "1"]}}', ("factors", "study.case_factors")),
        ('{"randomization": {"method": "big_stick", "mti": 2.5}, "arms": {"A": 1, "B": 1}}',
         ("randomization.mti", "study.must_be_whole")),
        ("[" * 100_000, ("file", "study.json_syntax")),
        (json.dumps(case("simple", by=deep(900))), ("randomization", "study.json_syntax")),
    ],
)  # fmt: skip
def test_what_could_mean_two_things_is_refused(text: str, problem: tuple[str, str]) -> None:
    assert refused(text) == [problem]


PARTS = [{"name": "p", "levels": {"x": ["A"], "y": ["B"]}}]
PARTS += [{"name": f"p{n}", "levels": {"x": ["A", "B"], "y": ["A", "B"]}} for n in range(40)]


@pytest.mark.parametrize(
    "huge",
    [
        case("permuted_block", block_sizes=list(range(2, 200_000, 2))),
        case("simple", {str(n): 1 for n in range(2_000)}),
        case("crossover", {str(n): 1 for n in range(1_000)}),
        case("factorial", parts=PARTS, by={"method": "simple"}),
        case("minimisation", {str(n): 1000 - n for n in range(12)}, measure="range", p=1,
             ratio_preserving=True),
        case("atkinson", factors={"x": list(range(300))}, next={"levels": {"x": 1}}),
        case("maximal", mti=1, length=1_000_000),
        case("drop_the_loser", balls=1,
             history=[{"arm": "AB"[n % 2], "response": n % 3 == 0} for n in range(2_000)]),
    ],
    ids=lambda huge: str(huge["randomization"]["method"]),
)  # fmt: skip
def test_a_design_too_large_to_run_is_refused_in_seconds(huge: dict[str, Any]) -> None:
    began = time.monotonic()
    assert refused(huge)
    assert time.monotonic() - began < 30
