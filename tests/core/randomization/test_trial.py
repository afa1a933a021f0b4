"""From a case file to the trial that is simulated: factors in the method's order, strata apart."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from core.randomization.casefile import CaseFileRefused, load
from core.randomization.trial import MORE, Trial, combined, trial_of

TWO = {"A": 1, "B": 1}
FACTORS = {"sex": ["F", "M"], "age": ["young", "old"]}


def trial(section: dict[str, Any], **more: Any) -> Trial:
    case = {"randomization": section, "arms": TWO, "factors": FACTORS, **more}
    return trial_of(load(json.dumps(case), more=MORE))


def ids(refused: CaseFileRefused) -> list[tuple[str, str]]:
    return [(one.key, one.message.id) for one in refused.problems]


def test_factors_of_a_method_without_covariates_are_all_strata() -> None:
    found = trial({"method": "permuted_block", "block_sizes": [4]})
    assert [(axis.name, axis.is_stratum) for axis in found.axes] == [("sex", True), ("age", True)]
    assert found.population.strata_count == 4
    assert found.ratio == (1, 1)


def test_strata_of_a_minimisation_come_behind_what_it_counts() -> None:
    section = {"method": "minimisation", "measure": "range", "p": "4/5", "strata": ["sex"]}
    found = trial(section)
    assert [(axis.name, axis.is_stratum) for axis in found.axes] == [("age", False), ("sex", True)]
    assert found.method.sizes == (2,)


def test_the_stratum_of_a_hierarchy_has_every_combination_with_its_frequency_and_effect() -> None:
    levels = [{"of": "study", "tolerance": 4}, {"of": "stratum", "tolerance": 2}]
    found = trial(
        {"method": "hierarchical", "p": "0.9", "tolerances": levels},
        frequencies={"sex": {"F": 3, "M": 1}},
        factor_effects={"sex": {"M": 1}, "age": {"old": "0.5"}},
    )
    (axis,) = found.axes
    assert axis.levels == ("F|young", "F|old", "M|young", "M|old")
    assert list(map(str, axis.frequencies)) == ["3", "3", "1", "1"]
    assert list(map(str, axis.effects)) == ["0", "1/2", "1", "3/2"]
    assert combined(found, {"sex": "M", "age": "young"}) == "M|young"


def test_a_factor_inside_and_beside_the_stratum_cannot_be_simulated() -> None:
    levels = [{"of": "sex", "tolerance": 4}, {"of": "stratum", "tolerance": 2}]
    with pytest.raises(CaseFileRefused) as caught:
        trial({"method": "hierarchical", "p": "0.9", "tolerances": levels})
    assert ids(caught.value) == [("randomization.tolerances", "study.case_dependent")]


def test_subjects_of_a_set_all_have_the_levels_that_choose_it() -> None:
    sets = [
        {"levels": {"sex": "F"}, "arms": ["A", "B"]},
        {"levels": {"sex": "M"}, "arms": ["B", "C"]},
    ]
    following = {"levels": {"sex": "M", "age": "old"}}
    found = trial({"method": "simple", "sets": sets}, arms={"A": 1, "B": 2, "C": 4}, next=following)
    assert found.arms == ("B", "C")
    assert found.ratio == (1, 2)
    told = {axis.name: " ".join(map(str, axis.frequencies)) for axis in found.axes}
    assert told == {"sex": "0 1", "age": "1 1"}


def test_sequences_of_a_crossover_are_equally_likely_whatever_their_number() -> None:
    found = trial({"method": "crossover"}, arms={"A": 1, "B": 1, "C": 1})
    assert len(found.arms) == 6
    assert found.ratio == (1,) * 6


def test_responses_default_to_one_half_and_only_where_they_are_heard() -> None:
    assert trial({"method": "simple"}).successes is None
    heard = trial({"method": "play_the_winner", "alpha": 1, "beta": 1}, responses={"B": "0.7"})
    assert heard.successes == (Fraction(1, 2), Fraction(7, 10))


def test_numbers_are_read_exactly_and_have_defaults() -> None:
    found = trial({"method": "simple"}, effect="1/3", trend=0.1)
    assert (found.effect, found.trend, found.alpha) == (
        Fraction(1, 3), Fraction(1, 10), Fraction(1, 20)
    )  # fmt: skip


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(CaseFileRefused) as caught:
        trial(
            {"method": "simple"},
            effect="much",
            alpha=0,
            frequencies={"sex": {"F": 1}, "size": {}},
            factor_effects=[],
            responses={"A": 1},
        )
    assert ids(caught.value) == [
        ("frequencies.sex.M", "study.missing"),
        ("frequencies.size", "study.unknown_factor"),
        ("factor_effects", "study.must_be_table"),
        ("effect", "study.not_exact"),
        ("alpha", "study.case_probability"),
        ("responses", "study.case_response"),
    ]
