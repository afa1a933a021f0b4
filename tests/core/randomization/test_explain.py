"""Explaining a draw: published cases as a statistician would hand them in, and what is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from core.randomization.casefile import CaseFileRefused, load
from core.randomization.explain import explain


def answer(randomization: dict[str, Any], arms: dict[str, int], **more: Any) -> dict[str, Any]:
    case = {"randomization": randomization, "arms": arms, **more}
    return dict(explain(load(json.dumps(case))).to_json())


def alike(margins: list[list[int]], totals: list[int]) -> list[dict[str, Any]]:
    """A history in which `margins[factor][arm]` of an arm's `totals[arm]` subjects share the next
    subject's level of the factor ("yes")."""
    return [
        {
            "levels": {f"f{place}": "yes" if nth < row[arm] else "no"
                       for place, row in enumerate(margins)},
            "arm": str(arm + 1),
        }
        for arm, total in enumerate(totals)
        for nth in range(total)
    ]  # fmt: skip


def matching(margins: list[list[int]], totals: list[int]) -> dict[str, Any]:
    names = [f"f{place}" for place in range(len(margins))]
    return {
        "factors": {name: ["yes", "no"] for name in names},
        "history": alike(margins, totals),
        "next": {"levels": dict.fromkeys(names, "yes")},
    }


POCOCK = matching([[9, 10, 9], [9, 11, 9], [4, 5, 3]], [17, 17, 16])
THREE = {"1": 1, "2": 1, "3": 1}


def test_the_worked_example_of_pocock_and_simon() -> None:
    """G1: Pocock & Simon, Biometrics 1975;31:103, section 3.4; 50 subjects, weights 2, 1, 1."""
    section = {"method": "minimisation", "p": "2/3", "weights": {"f0": 2}}
    found = answer(section | {"measure": "range"}, THREE, **POCOCK)
    assert found == {
        "probabilities": {"1": "1/6", "2": "1/6", "3": "2/3"},
        "imbalance": {"1": "6", "2": "10", "3": "5"},
    }
    by_variance = answer(section | {"measure": "variance"}, THREE, **POCOCK)
    assert by_variance["imbalance"] == {"1": "3", "2": "8", "3": "2"}
    by_sd = answer(section | {"measure": "sd"}, THREE, **POCOCK)["imbalance"]
    assert {arm: round(float(g), 6) for arm, g in by_sd.items()} == {
        "1": 3.309401,
        "2": 5.568977,
        "3": 2.732051,
    }
    equal = answer({"method": "minimisation", "p": "2/3", "measure": "range"}, THREE, **POCOCK)
    assert equal["imbalance"] == {"1": "5", "2": "8", "3": "4"}


def test_unequal_shares_as_minirand_computes_them() -> None:
    """G2: 2:2:1, four factors of weight 1/4, as the R package Minirand computes it."""
    case = matching([[3, 1, 2], [2, 3, 2], [2, 2, 0], [2, 2, 2]], [4, 4, 3])
    weights = {f"f{place}": "1/4" for place in range(4)}
    section = {"method": "minimisation", "p": 0.9, "weights": weights}
    arms = {"1": 2, "2": 2, "3": 1}
    found = answer(section | {"measure": "range"}, arms, **case)
    assert found["imbalance"] == {"1": "9/8", "2": "9/8", "3": "13/8"}
    assert found["probabilities"] == {"1": "9/20", "2": "9/20", "3": "1/10"}
    by_variance = answer(section | {"measure": "variance"}, arms, **case)
    assert by_variance["imbalance"] == {"1": "5/12", "2": "17/48", "3": "1"}
    assert by_variance["probabilities"] == {"1": "1/20", "2": "9/10", "3": "1/20"}


def test_taves_and_range_choose_by_different_sums() -> None:
    """G5: two arms, counts 30/31, 18/17, 9/8, 19/21."""
    case = matching([[30, 31], [18, 17], [9, 8], [19, 21]], [40, 40])
    section, arms = {"method": "minimisation", "p": "4/5"}, {"1": 1, "2": 1}
    taves = answer(section | {"measure": "taves"}, arms, **case)
    assert taves["imbalance"] == {"1": "76", "2": "77"}
    assert taves["probabilities"] == {"1": "4/5", "2": "1/5"}
    assert answer(section | {"measure": "range"}, arms, **case)["probabilities"] == {
        "1": "1/2",
        "2": "1/2",
    }


def test_the_first_steps_of_a_naive_unequal_minimisation_miss_the_ratio() -> None:
    """G13: 1:2, no covariates, range on n/ratio; the mean over what may have come before."""
    arms, ratio = {"1": 1, "2": 2}, Fraction(1, 3)
    naive = {"method": "minimisation", "measure": "range", "p": "9/10", "overall_weight": 1}
    cases = {
        "biased_coin": (naive, ("1/10", "41/50", "43/250", "67/625")),
        "han": (naive | {"rule": "han", "p": "4/5"}, ("1/10", "73/100", "113/500", "313/2500")),
    }
    for section, wanted in cases.values():
        assert unconditional(section, arms, 4) == [Fraction(one) for one in wanted]
    assert unconditional(naive | {"ratio_preserving": True}, arms, 4) == [ratio] * 4


def unconditional(section: dict[str, Any], arms: dict[str, int], steps: int) -> list[Fraction]:
    """P(arm 1) at each step, over every history."""
    out: list[Fraction] = []
    paths: dict[tuple[str, ...], Fraction] = {(): Fraction(1)}
    for _ in range(steps):
        ahead: dict[tuple[str, ...], Fraction] = {}
        first = Fraction()
        for path, weight in paths.items():
            history = [{"arm": arm} for arm in path]
            chances = answer(section, arms, history=history)["probabilities"]
            first += weight * Fraction(chances["1"])
            for arm, chance in chances.items():
                if Fraction(chance):
                    ahead[(*path, arm)] = weight * Fraction(chance)
        out.append(first)
        paths = ahead
    return out


def test_a_block_urn_by_its_published_sequence() -> None:
    """G6: Zhao & Weng, Contemp Clin Trials 2011;32:953, table 1: the fourteenth P(A) is .6."""
    history = [{"arm": arm} for arm in "ABAABBBBABABA"]
    found = answer({"method": "block_urn", "lambda": 3}, {"A": 1, "B": 1}, history=history)
    assert found["probabilities"] == {"A": "3/5", "B": "2/5"}


def test_what_the_arms_leave_open_of_blocks_is_weighed() -> None:
    # After A, sizes 2 and 4 are equally likely: 1/2 + 1/2 * 2/3 for B.
    section = {"method": "permuted_block", "block_sizes": [2, 4]}
    found = answer(section, {"A": 1, "B": 1}, history=[{"arm": "A"}])
    assert found["probabilities"] == {"A": "1/6", "B": "5/6"}


def test_only_subjects_of_the_same_stratum_count() -> None:
    section, arms = {"method": "big_stick", "mti": 1}, {"A": 1, "B": 1}
    history = [{"levels": {"sex": "F"}, "arm": "A"}]
    for level, wanted in (("F", "0"), ("M", "1/2")):
        found = answer(section, arms, factors={"sex": ["F", "M"]}, history=history,
                       next={"levels": {"sex": level}})  # fmt: skip
        assert found["probabilities"]["A"] == wanted


def test_arms_outside_the_subjects_set_have_no_chance() -> None:
    sets = [{"levels": {"marker": "pos"}, "arms": ["A", "B"]},
            {"levels": {"marker": "neg"}, "arms": ["C", "D"]}]  # fmt: skip
    found = answer(
        {"method": "simple", "sets": sets},
        dict.fromkeys("ABCD", 1),
        factors={"marker": ["pos", "neg"]},
        next={"levels": {"marker": "neg"}},
    )
    assert found["probabilities"] == {"A": "0", "B": "0", "C": "1/2", "D": "1/2"}


def test_responses_feed_the_urn() -> None:
    """G14: RPW(1,1) in the ECMO trial; a success on ECMO, a failure on control."""
    history = [{"arm": "ECMO", "response": True}, {"arm": "control", "response": False}]
    history += [{"arm": "ECMO", "response": True}] * 9
    found = answer({"method": "play_the_winner", "alpha": 1, "beta": 1},
                   {"ECMO": 1, "control": 1}, history=history)  # fmt: skip
    assert found["probabilities"] == {"ECMO": "12/13", "control": "1/13"}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"randomization": {"method": "efron"}}, "randomization.p"),
        ({"randomization": {"method": "efron", "p": 0.6, "mti": 3}}, "randomization.mti"),
        ({"arms": {"A": 1, "B": 2}}, "randomization.method"),
        ({"arms": {"A": 1.5, "B": 1}}, "arms"),
        ({"factors": {"sex": []}}, "factors"),
        ({"history": [{"levels": {"sex": "F"}, "arm": "C"}]}, "history[0].arm"),
        ({"history": [{"levels": {"sex": "X"}, "arm": "A"}]}, "history[0].levels.sex"),
        ({"history": [{"levels": {}, "arm": "A"}]}, "history[0].levels.sex"),
        ({"history": [{"levels": {"sex": "F"}, "arm": "A", "side": 1}]}, "history[0].side"),
        ({"history": [{"levels": {"sex": "F"}, "arm": "A", "response": True}]}, "history[0]"),
        ({"next": {"levels": {"sex": "X"}}}, "next.levels.sex"),
        ({"nexr": {}}, "nexr"),
    ],
)
def test_a_wrong_file_is_refused_at_its_key(change: dict[str, Any], key: str) -> None:
    case: dict[str, Any] = {
        "randomization": {"method": "efron", "p": "2/3"},
        "arms": {"A": 1, "B": 1},
        "factors": {"sex": ["F", "M"]},
        "next": {"levels": {"sex": "F"}},
    }
    with pytest.raises(CaseFileRefused) as refused:
        explain(load(json.dumps(case | change)))
    assert [problem.key for problem in refused.value.problems] == [key]


def test_an_impossible_history_is_refused_at_its_entry() -> None:
    history = [{"arm": "A"}, {"arm": "A"}]
    with pytest.raises(CaseFileRefused) as refused:
        answer({"method": "big_stick", "mti": 1}, {"A": 1, "B": 1}, history=history)
    assert [problem.key for problem in refused.value.problems] == ["history[1].arm"]


def test_numbers_are_read_exactly_however_they_are_written() -> None:
    found = [
        answer({"method": "efron", "p": p}, {"A": 1, "B": 1}, history=[{"arm": "A"}])
        for p in (0.8, "0.8", "4/5")
    ]
    assert found[0]["probabilities"] == {"A": "1/5", "B": "4/5"}
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"randomization": {"method": "efron"}}'])
def test_what_is_no_case_is_refused(text: str) -> None:
    with pytest.raises(CaseFileRefused):
        load(text)
