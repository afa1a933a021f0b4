"""The section `[randomization]`: every method with its own keys, and what is wrong with others."""

from __future__ import annotations

import pytest

from core.randomization.scheme import Scheme
from core.study.problems import Severity
from core.study.randomization import METHODS, PARAMETERS
from core.study.read import load, review
from tests.core.study.files import SMALL

_ARM = '[[arms]]\ncode = "{0}"\nname = {{ en = "{0}" }}\nratio = {1}\n'
_FACTORS = """
[[factors]]
name = "sex"
label = { en = "Sex" }
levels = [{ value = "F", label = { en = "Female" } }, { value = "M", label = { en = "Male" } }]

[[factors]]
name = "site"
label = { en = "Site" }
source = "site"
"""
EXAMPLES = {
    "simple": "",
    "permuted_block": "block_sizes = [4, 6]",
    "random_allocation": "length = 20",
    "truncated_binomial": "length = 20",
    "efron": 'p = "2/3"',
    "chen": "p = 0.7\nmti = 3",
    "big_stick": "mti = 3",
    "ehrenfest": "balls = 10",
    "wei_urn": "alpha = 0\nbeta = 1",
    "block_urn": "lambda = 3",
    "maximal": "mti = 3\nlength = 20",
    "minimisation": 'measure = "range"\np = 0.8',
    "hierarchical": 'p = 0.8\ntolerances = [{ of = "study", tolerance = 4 },'
    ' { of = "site", tolerance = 2 }, { of = "stratum", tolerance = "3/2" }]',
    "atkinson": 'strata = ["site"]',
    "cluster": 'reason = "Whole sites"\nby = { method = "big_stick", mti = 2 }',
    "factorial": 'parts = [{ name = "p", levels = { yes = ["A"], no = ["B"] } }]\n'
    'by = { method = "simple" }',
    "crossover": "",
    "play_the_winner": "alpha = 1\nbeta = 1",
    "drop_the_loser": "balls = 2",
    "adaptive_coin": 'gamma = 2\ntarget = "neyman"\nburn_in = 4',
    "thompson": 'power = "1/2"\nburn_in = 4',
    "list": "",
}


def written(method: str, keys: str, arms: dict[str, int] | None = None) -> str:
    """A study that randomizes like this, open and without drug."""
    head = SMALL[: SMALL.index("[randomization]")].replace('"double"', '"open"')
    shares = arms or {"A": 1, "B": 1}
    listed = "\n".join(_ARM.format(*each) for each in shares.items())
    response = '[response]\nquestion = { en = "Did the subject respond?" }\n'
    return f'{head}[randomization]\nmethod = "{method}"\n{keys}\n\n{listed}\n{_FACTORS}\n{response}'


def found(text: str, *severities: Severity) -> dict[str, str]:
    """Key to message id of these problems."""
    return {p.key: p.message.id for p in review(text).of(*severities)}


def test_every_method_has_an_example() -> None:
    assert set(EXAMPLES) == set(METHODS) == set(PARAMETERS)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_read_with_its_keys(method: str) -> None:
    text = written(method, EXAMPLES[method])
    assert found(text, Severity.ERROR, Severity.PUBLISH) == {}
    scheme = Scheme.of(load(text))
    levels = {"sex": "F", "site": "101"}
    assert scheme.outcomes(levels) in {("A", "B"), ("A.B", "B.A")}
    if method != "list":
        assert scheme.method(levels, scheme.known({}, levels)).arms == 2


@pytest.mark.parametrize("method", [each for each in METHODS if PARAMETERS[each].needs])
def test_each_method_misses_the_keys_that_it_needs(method: str) -> None:
    needs = PARAMETERS[method].needs
    assert found(written(method, ""), Severity.ERROR).items() >= {
        (f"randomization.{key}", "study.missing_for_method") for key in needs
    }


@pytest.mark.parametrize("method", [each for each in METHODS if each != "big_stick"])
def test_each_method_refuses_the_key_of_another(method: str) -> None:
    if "mti" in PARAMETERS[method].needs:
        return
    text = written(method, EXAMPLES[method] + "\nmti = 3")
    assert found(text, Severity.ERROR) == {"randomization.mti": "study.not_for_method"}


@pytest.mark.parametrize(
    "method",
    ["efron", "chen", "big_stick", "ehrenfest", "maximal", "atkinson", "wei_urn", "crossover",
     "play_the_winner", "drop_the_loser"],
)  # fmt: skip
def test_methods_of_equal_arms_refuse_unequal_shares(method: str) -> None:
    text = written(method, EXAMPLES[method], {"A": 1, "B": 2})
    assert found(text, Severity.ERROR)["randomization.method"] == "study.equal_arms_only"


@pytest.mark.parametrize("method", ["efron", "chen", "big_stick", "ehrenfest", "maximal"])
def test_methods_of_two_arms_refuse_three(method: str) -> None:
    text = written(method, EXAMPLES[method], {"A": 1, "B": 1, "C": 1})
    assert found(text, Severity.ERROR)["randomization.method"] == "study.two_arms_only"


@pytest.mark.parametrize(
    ("method", "keys", "arms", "warned"),
    [
        ("minimisation", EXAMPLES["minimisation"], {"A": 1, "B": 2}, True),
        ("minimisation", EXAMPLES["minimisation"], {"A": 1, "B": 1}, False),
        (
            "minimisation",
            EXAMPLES["minimisation"] + "\nratio_preserving = true",
            {"A": 1, "B": 2},
            False,
        ),
        ("permuted_block", "block_sizes = [3, 6]", {"A": 1, "B": 2}, False),
        ("random_allocation", "length = 21", {"A": 1, "B": 2}, False),
        ("truncated_binomial", "length = 21", {"A": 1, "B": 2}, True),
        ("thompson", "", {"A": 1, "B": 1}, True),
    ],
)
def test_a_method_that_breaks_the_ratio_at_some_step_warns(
    method: str, keys: str, arms: dict[str, int], warned: bool
) -> None:
    told = found(written(method, keys, arms), Severity.WARNING)
    assert ("study.ratio_not_kept" in told.values()) is warned


@pytest.mark.parametrize(
    ("method", "keys", "key", "id_"),
    [
        ("random_allocation", "length = 7", "randomization.length", "study.length_multiple"),
        ("thompson", "burn_in = 3", "randomization.burn_in", "study.length_multiple"),
        ("efron", 'p = "1/3"', "randomization.p", "study.p_out_of_range"),
        ("efron", "p = 1.1", "randomization.p", "study.p_out_of_range"),
        ("maximal", "mti = 3\nlength = 0", "randomization.length", "study.at_least"),
        ("block_urn", "lambda = 0", "randomization.lambda", "study.at_least"),
        (
            "minimisation",
            'measure = "range"\np = 0.8\nstrata = ["age"]',
            "randomization.strata[0]",
            "study.unknown_factor",
        ),
        (
            "hierarchical",
            'p = 0.8\ntolerances = [{ of = "age", tolerance = 1 }]',
            "randomization.tolerances[0].of",
            "study.unknown_factor",
        ),
        (
            "simple",
            'sets = [{ levels = { sex = "X" }, arms = ["A", "B"] }]',
            "randomization.sets[0].levels.sex",
            "study.unknown_level",
        ),
        (
            "simple",
            'sets = [{ levels = { sex = "F" }, arms = ["A", "D"] }]',
            "randomization.sets[0].arms[1]",
            "study.unknown_arm",
        ),
        (
            "simple",
            'sets = [{ levels = { sex = "F" }, arms = ["A", "B"] }]',
            "randomization",
            "study.method_impossible",
        ),
        (
            "cluster",
            'reason = "x"\ncluster = "ward"\nby = { method = "simple" }',
            "randomization.cluster",
            "study.unknown_factor",
        ),
        (
            "cluster",
            'reason = "x"\nby = { method = "thompson" }',
            "randomization.by.method",
            "study.must_be_one_of",
        ),
        (
            "cluster",
            'reason = "x"\nby = { method = "efron" }',
            "randomization.by.p",
            "study.missing_for_method",
        ),
        ("atkinson", "", "factors[1].levels", "study.levels_must_be_listed"),
        (
            "factorial",
            'parts = [{ name = "p", levels = { yes = ["A", "B"], no = [] } }]\n'
            'by = { method = "simple" }',
            "randomization",
            "study.method_impossible",
        ),
    ],
)
def test_wrong_numbers_and_names_are_found_at_their_key(
    method: str, keys: str, key: str, id_: str
) -> None:
    assert found(written(method, keys), Severity.ERROR) == {key: id_}


@pytest.mark.parametrize(
    ("keys", "arms"),
    [
        ('p = "1/3"\nratio_preserving = true', {"A": 1, "B": 2}),
        ('p = "2/3"\nrule = "rank"\nratio_preserving = true', {"A": 1, "B": 2}),
        ('p = "1/6"\nrule = "han"', {"A": 1, "B": 2, "C": 3}),
    ],
)
def test_the_least_and_the_largest_p_of_a_rule_are_allowed(keys: str, arms: dict[str, int]) -> None:
    text = written("minimisation", f'measure = "range"\n{keys}', arms)
    assert found(text, Severity.ERROR) == {}


def test_the_bounds_of_p_are_those_of_the_arms_that_are_open() -> None:
    keys = 'measure = "range"\np = 1\nrule = "rank"\nreason = "x"'
    text = written("minimisation", keys, {"A": 1, "B": 1, "C": 1})
    assert found(text, Severity.ERROR) == {"randomization.p": "study.p_out_of_range"}
    third = _ARM.format("C", 1)
    assert found(text.replace(third, third + "closed = true\n"), Severity.ERROR) == {}


def test_whole_clusters_need_a_reason_to_publish() -> None:
    text = written("cluster", 'by = { method = "simple" }')
    assert found(text, Severity.PUBLISH) == {"randomization.method": "study.predictable"}


@pytest.mark.parametrize(
    ("method", "keys", "key"),
    [
        ("chen", "p = 1\nmti = 3", "p"),
        ("chen", "p = 0.7\nmti = 1", "mti"),
        ("big_stick", "mti = 1", "mti"),
        ("maximal", "mti = 1\nlength = 20", "mti"),
        ("block_urn", "lambda = 1", "lambda"),
    ],
)
def test_a_fixed_block_by_another_name_needs_a_reason_to_publish(
    method: str, keys: str, key: str
) -> None:
    text = written(method, keys)
    assert found(text, Severity.PUBLISH) == {f"randomization.{key}": "study.predictable"}
    assert found(written(method, keys + '\nreason = "x"'), Severity.PUBLISH) == {}


def test_taves_needs_no_coin_and_says_that_it_can_be_foreseen() -> None:
    text = written("minimisation", 'measure = "taves"')
    assert found(text, Severity.ERROR) == {}
    assert found(text, Severity.PUBLISH) == {"randomization.p": "study.predictable"}


def test_arms_may_be_closed_but_not_all_of_them() -> None:
    arms = _ARM.format("A", 1), _ARM.format("B", 1), _ARM.format("C", 1)
    text = written("simple", "", dict.fromkeys("ABC", 1))
    one = text.replace(arms[0], arms[0] + "closed = true\n")
    assert found(one, Severity.ERROR) == {}
    assert Scheme.of(load(one)).outcomes({"sex": "F", "site": "1"}) == ("B", "C")
    for arm in arms[1:]:
        one = one.replace(arm, arm + "closed = true\n")
    assert "study.arms_all_closed" in found(one, Severity.ERROR).values()
