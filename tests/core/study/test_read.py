"""Reading: everything wrong at once, each at its key and line, and numbers exact."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.messages import Message, message_from_json, to_json
from core.study.problems import StudyFileErrors
from core.study.randomization import Randomization, Section
from core.study.read import digest, load, load_for_publishing, read_published, review
from tests.core.study.files import MINIMISED, SMALL, edited, one, problems


def test_reads_a_lawful_file_without_a_word() -> None:
    assert review(SMALL).problems == ()
    assert load_for_publishing(SMALL).code == "small"


def test_tells_all_mistakes_of_all_sections_at_once() -> None:
    text = edited(
        SMALL,
        ("ratio = 2", 'ratio = "two"'),
        ('number = "77"', "number = 77"),
        ("block_sizes", "block_size"),
        ("rescreens_max = 1", "rescreens_max = -1"),
        ("day = 56", "day = 20"),
        ('on = "randomize"', 'on = "randomise"'),
        ('telephone = "+12025550152"', 'telephone = "0202555"'),
    )
    assert problems(text) == {
        "arms[0].ratio": "study.must_be_whole",
        "study.number": "study.must_be_text",
        "randomization.block_size": "study.unknown_key",
        "screening.rescreens_max": "study.at_least",
        "visits[2].day": "study.visit_order",
        "notices[0].on": "study.unknown_transaction",
        "operators[0].telephone": "study.not_a_telephone",
    }


def test_error_carries_every_problem_and_tells_each() -> None:
    with pytest.raises(StudyFileErrors) as caught:
        load(edited(SMALL, ("ratio = 2", "ratio = 0"), ("day = 56", "day = -1")))
    assert [problem.key for problem in caught.value.problems] == ["arms[0].ratio", "visits[2].day"]
    assert caught.value.message.id == "error.study_file_refused"
    told = caught.value.message.params["problems"]
    assert isinstance(told, tuple)
    assert told[0] == Message(
        "study.problem_line",
        {
            "key": "arms[0].ratio",
            "line": 26,
            "problem": Message("study.at_least", {"limit": 1}),
        },
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("ratio = 1", "ratio = 0", 31),
        ('number = "77"', "number = 77", 5),
        ('value = "M"', 'value = "m m"', 36),  # within a list: where the list begins
        ('en = "in the safe"', 'en = ""', 14),
    ],
)
def test_names_the_line_or_the_closest_one(old: str, new: str, line: int) -> None:
    problem = next(iter(review(edited(SMALL, (old, new))).problems))
    assert problem.line == line


def test_text_over_several_lines_is_not_taken_for_keys() -> None:
    long = 'sponsor = """\nratio = 5\n[[arms]]\n"""'
    problem = one(edited(SMALL, ('sponsor = "Nobody"', long), ("ratio = 2", "ratio = 0")))
    assert (problem.key, problem.line) == ("arms[0].ratio", 29)


def test_broken_toml_is_one_problem_with_its_line() -> None:
    problem = one(edited(SMALL, ("[screening]", "[screening")))
    assert (problem.message.id, problem.line) == ("study.toml_syntax", 16)


@pytest.mark.parametrize(
    "text",
    ["", "x = " + "[" * 5000, "p = 1e99999999999999999999", "n = " + "9" * 5000, "\x00", "[[a]\n"],
)
def test_hostile_text_is_refused_in_words(text: str) -> None:
    assert review(text).config is None
    assert review(text).problems


@given(st.text())
def test_any_text_is_answered_with_problems(text: str) -> None:
    assert review(text).problems


def test_unknown_keys_are_answered_with_the_ones_there_are() -> None:
    problem = one(edited(SMALL, ("after = 1", "afterwards = 1")))
    assert problem.message.id == "study.unknown_key"
    assert "before, after, window" in str(problem.message.params["allowed"])


@pytest.mark.parametrize(
    ("old", "new", "id_"),
    [
        ('code = "small"', 'code = "Small Trial"', "study.bad_study_code"),
        ('number = "77"', 'number = "7a"', "study.bad_digits"),
        ('blinding = "double"', 'blinding = "triple"', "study.must_be_one_of"),
        ('languages = ["en"]', "languages = []", "study.empty"),
        ('languages = ["en"]', 'languages = "en"', "study.must_be_list"),
        ('title = { en = "A small trial" }', 'title = "A small trial"', "study.must_be_table"),
        ('title = { en = "A small trial" }', "title = {}", "study.no_words"),
        ('sponsor = "Nobody"', "", "study.missing"),
        ('name = "sex"', 'name = "Sex"', "study.bad_name"),
        ('value = "F"', 'value = "F F"', "study.bad_value"),
        ('code = "V3"', 'code = "V 3"', "study.bad_code"),
        ("day = 56", "day = 56.5", "study.must_be_whole"),
        ("day = 56", "day = true", "study.must_be_whole"),
        ("day = 56", "day = 99999", "study.at_most"),
        ('"101" = 20', '"101" = 0', "study.at_least"),
        ('"101" = 20', '"site" = 20', "study.bad_digits"),
        ('sponsor = "Nobody"', f'sponsor = "{"x" * 501}"', "study.too_long"),
        ("after = 1", 'after = 1\nwindow = "firm"', "study.must_be_one_of"),
    ],
)
def test_says_what_a_value_should_look_like(old: str, new: str, id_: str) -> None:
    assert one(edited(SMALL, (old, new))).message.id == id_


def test_telephone_numbers_are_kept_as_e164() -> None:
    config = load(edited(SMALL, ('"+12025550152"', '"+1 (202) 555-0152"')))
    assert config.operators[0].telephone == "+12025550152"


@pytest.mark.parametrize("written", ["0.8", '"0.8"', '"4/5"', "0.80"])
def test_a_probability_is_read_exactly_however_it_is_written(written: str) -> None:
    plan = load(edited(MINIMISED, ("p = 0.8", f"p = {written}"))).randomization
    assert plan is not None
    assert plan.p == Fraction(4, 5)
    assert type(plan.p) is Fraction


def test_a_tenth_is_a_tenth() -> None:
    plan = load(edited(MINIMISED, ("sex = 2", "sex = 0.1"))).randomization
    assert plan is not None
    assert plan.weight("sex") == Fraction(1, 10) != Fraction(0.1)
    assert plan.weight("centre") == Fraction(1, 3)
    assert plan.weight("not weighted") == 1


@given(st.decimals(min_value=Decimal("0.5"), max_value=1, places=12))
def test_every_decimal_survives_reading(p: Decimal) -> None:
    plan = read_published(edited(MINIMISED, ("p = 0.8", f"p = {p}"))).randomization
    assert plan is not None
    assert plan.p == Fraction(p)


@pytest.mark.parametrize("written", ["nan", "inf", '"one half"', '"1/0"', "true", "1e999999"])
def test_what_is_no_exact_number_is_refused(written: str) -> None:
    problem = one(edited(MINIMISED, ("p = 0.8", f"p = {written}")))
    assert (problem.key, problem.message.id) == ("randomization.p", "study.not_exact")


def test_a_float_is_refused_by_type() -> None:
    with pytest.raises(ValidationError):
        Randomization.model_validate({"method": "minimisation", "p": 0.8})


def test_a_published_version_is_read_without_todays_checks() -> None:
    text = edited(SMALL, ('roles = ["monitor"]', 'roles = ["a_role_of_old"]'))
    assert problems(text) == {"notices[0].roles": "study.unknown_role"}
    assert read_published(text).notices[0].roles == ("a_role_of_old",)
    with pytest.raises(StudyFileErrors):
        read_published("not a study file")
    with pytest.raises(StudyFileErrors):
        read_published(edited(SMALL, ("ratio = 2", "ratio = 0")))


def test_the_digest_is_that_of_sha256sum() -> None:
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest("día") != digest("dia")


def test_a_config_cannot_be_changed() -> None:
    config = load(SMALL)
    with pytest.raises(ValidationError):
        config.study.__setattr__("code", "other")


def test_message_parameters_can_go_on_record() -> None:
    for problem in review(edited(SMALL, ("ratio = 2", "ratio = 0"))).problems:
        assert message_from_json(to_json(problem.told)) == problem.told


def test_the_example_of_the_reference_can_be_published_and_all_keys_are_in_it() -> None:
    reference = (Path(__file__).parents[3] / "docs" / "STUDY.md").read_text(encoding="utf-8")
    assert load_for_publishing(reference.split("```toml\n")[1].split("```")[0]).code == "small"
    # Case files of commands are sections too, in packages of their own.
    sections = [one for one in Section.__subclasses__() if one.__module__.startswith("core.study.")]
    fields = [each for section in sections for each in section.model_fields.items()]
    keys = {field.alias or name for name, field in fields}
    assert not {key for key in keys if not re.search(rf"\b{key}\b", reference)}
