"""Cross-checks: each finds its mistake, at its key, and says so."""

from __future__ import annotations

from fractions import Fraction

import pytest

from core.messages import Message
from core.study.known import Known
from core.study.problems import Severity, StudyFileErrors
from core.study.read import load, load_for_publishing, review
from tests.core.study.files import MINIMISED, SMALL, edited, found, one, problems

OPERATOR = '[[operators]]\nname = "Desk"\ntelephone = "+12025550152"\n'
V2_KITS = 'after = 3\nkits = { active = ["A"], placebo = ["B"] }'


@pytest.mark.parametrize(
    ("old", "new", "key", "id_"),
    [
        (
            "[caps]",
            "[[depots]]\ncode = '9'\nname = 'D'\n[[depots]]\ncode = '9'\nname = 'E'\n[caps]",
            "depots[1].code",
            "study.twice",
        ),
        ('code = "V3"', 'code = "V2"', "visits[2].code", "study.twice"),
        ('value = "M"', 'value = "F"', "factors[0].levels[1].value", "study.twice"),
        ("[3, 6]", "[3, 3]", "randomization.block_sizes[1]", "study.twice"),
        ('languages = ["en"]', 'languages = ["en", "en"]', "study.languages[1]", "study.twice"),
        ("+12025550151", "+12025550150", "study.emergency_telephones[0]", "study.telephone_twice"),
        ("+12025550152", "+12025550150", "operators[0].telephone", "study.operator_is_line"),
        (
            'signatures = ["randomize"]',
            'signatures = ["pay"]',
            "signatures",
            "study.unknown_transaction",
        ),
        (
            'signatures = ["randomize"]',
            'signatures = ["code_break"]',
            "signatures",
            "study.code_break_approval",
        ),
        ('roles = ["monitor"]', 'roles = ["boss"]', "notices[0].roles", "study.unknown_role"),
        ("[3, 6]", "[3, 4]", "randomization.block_sizes[1]", "study.block_size_multiple"),
        ("block_sizes = [3, 6]", "", "randomization.block_sizes", "study.missing_for_method"),
        ("[3, 6]", "[3, 6]\np = 0.8", "randomization.p", "study.not_for_method"),
        ('name = "sex"', 'name = "subject"', "factors[0].name", "study.reserved_name"),
        (
            'label = { en = "Sex" }',
            'label = { en = "Sex" }\nsource = "site"',
            "factors[0].levels",
            "study.levels_derived",
        ),
        ("day = 0", 'day = 0\nanchor = "previous"', "visits[0].anchor", "study.no_previous_visit"),
        ("day = 0", "day = 0\nbefore = 1", "visits[0].before", "study.before_day_zero"),
        ("day = 56", "day = 28", "visits[2].day", "study.visit_order"),
        (V2_KITS, 'kits = { "*" = ["C"] }', "visits[1].kits.*", "study.unknown_kit_type"),
        (
            V2_KITS,
            'kits = { "*" = ["A"], third = ["A"] }',
            "visits[1].kits.third",
            "study.unknown_arm",
        ),
        (
            V2_KITS,
            'kits = { active = ["A", "A"], placebo = ["B"] }',
            "visits[1].kits",
            "study.kits_unblind",
        ),
        (
            "[caps]",
            '[unscheduled]\nkits = { "*" = ["C"] }\n[caps]',
            "unscheduled.kits.*",
            "study.unknown_kit_type",
        ),
        (
            "[caps]",
            "[dispensing]\ndnd_days = 5\nlead_days = 2\ndnc_days = 6\n[caps]",
            "dispensing.dnc_days",
            "study.dnc_too_short",
        ),
        (
            "[caps]",
            "[dispensing]\nlead_days = 3\ndnc_days = 8\ndns_days = 10\n[caps]",
            "dispensing.dns_days",
            "study.dns_too_short",
        ),
        (
            "[caps]",
            "[caps]\nstrata = [{ levels = { age = '1' }, randomized = 5 }]",
            "caps.strata[0].levels.age",
            "study.unknown_factor",
        ),
        (
            "[caps]",
            "[caps]\nstrata = [{ levels = { sex = 'X' }, randomized = 5 }]",
            "caps.strata[0].levels.sex",
            "study.unknown_level",
        ),
        (
            "[caps]",
            "[code_break]\napproval = 'study_manager'\n[caps]",
            "code_break",
            "study.code_break_approval",
        ),
    ],
)
def test_finds_the_mistake_at_its_key(old: str, new: str, key: str, id_: str) -> None:
    assert problems(edited(SMALL, (old, new))) == {key: id_}


@pytest.mark.parametrize(
    ("old", "new", "key", "id_"),
    [
        ("p = 0.8", "p = 0.4", "randomization.p", "study.p_out_of_range"),
        ("p = 0.8", "p = 1.1", "randomization.p", "study.p_out_of_range"),
        ("p = 0.8\n", "", "randomization.p", "study.missing_for_method"),
        ('measure = "range"\n', "", "randomization.measure", "study.missing_for_method"),
        (
            "p = 0.8",
            "p = 0.8\nblock_sizes = [2]",
            "randomization.block_sizes",
            "study.not_for_method",
        ),
        ("sex = 2", "sex = 0", "randomization.weights.sex", "study.weight_not_positive"),
        ("sex = 2", "age = 2", "randomization.weights.age", "study.unknown_factor"),
        (
            "p = 0.8",
            "p = 0.8\noverall_weight = -1",
            "randomization.overall_weight",
            "study.weight_negative",
        ),
    ],
)
def test_finds_the_mistake_of_a_minimised_design(old: str, new: str, key: str, id_: str) -> None:
    assert problems(edited(MINIMISED, (old, new))) == {key: id_}


def test_says_what_would_be_right() -> None:
    blocks = one(edited(SMALL, ("[3, 6]", "[3, 4]")))
    assert blocks.message == Message("study.block_size_multiple", {"size": 4, "unit": 3})
    days = "[dispensing]\ndnd_days = 5\nlead_days = 2\nreview_lag_days = 2\ndnc_days = 8\n[caps]"
    least = one(edited(SMALL, ("[caps]", days)))
    assert least.message == Message("study.dnc_too_short", {"least": 9})


def test_worked_case_w15_is_lawful_only_within_its_lead_and_lag() -> None:
    def days(lead: int, lag: int) -> dict[str, str]:
        rule = "[dispensing]\ndnd_days = 5\ndnc_days = 8\ndns_days = 10\n"
        rule += f"lead_days = {lead}\nreview_lag_days = {lag}\n[caps]"
        return problems(edited(SMALL, ("[caps]", rule)))

    assert days(2, 1) == {}
    assert days(2, 2) == {"dispensing.dnc_days": "study.dnc_too_short"}
    assert days(3, 0) == {"dispensing.dns_days": "study.dns_too_short"}


def test_every_language_of_the_study_needs_its_words() -> None:
    text = edited(SMALL, ('languages = ["en"]', 'languages = ["en", "es"]'))
    keys = problems(text)
    assert set(keys.values()) == {"study.translation_missing"}
    assert {"study.title", "arms[0].name", "factors[0].levels[1].label", "visits[2].name"} <= set(
        keys
    )
    assert "sealed_cards" in keys


def test_languages_are_those_that_are_spoken_here() -> None:
    text = edited(SMALL, ("en = ", "de = "), ('languages = ["en"]', 'languages = ["de"]'))
    assert problems(text) == {"study.languages[0]": "study.bad_language_here"}
    assert load(text, Known(languages=("de",))).languages == ("de",)


def test_transactions_and_roles_are_those_given() -> None:
    known = Known(transactions=("draw",), roles=("monitor",))
    ids = {problem.message.id for problem in review(SMALL, known).problems}
    assert ids == {"study.unknown_transaction"}


@pytest.mark.parametrize("blinding", ["double", "single"])
def test_a_blinded_study_without_operators_is_read_but_not_published(blinding: str) -> None:
    text = edited(SMALL, (OPERATOR, ""), ('"double"', f'"{blinding}"'))
    assert load(text).operators == ()
    with pytest.raises(StudyFileErrors) as caught:
        load_for_publishing(text)
    assert [problem.message.id for problem in caught.value.problems] == ["study.operators_missing"]


def test_an_open_study_needs_no_operators() -> None:
    assert load_for_publishing(edited(SMALL, (OPERATOR, ""), ('"double"', '"open"'))).code


@pytest.mark.parametrize(
    ("text", "edit"),
    [(SMALL, ("[3, 6]", "[3]")), (MINIMISED, ("p = 0.8", "p = 1"))],
)
def test_a_predictable_allocation_needs_a_reason_to_publish(
    text: str, edit: tuple[str, str]
) -> None:
    predictable = edited(text, edit)
    assert list(found(predictable, Severity.PUBLISH).values()) == ["study.predictable"]
    reasoned = edited(predictable, (edit[1], edit[1] + '\nreason = "Open label, one draw a site."'))
    assert load_for_publishing(reasoned).code
    assert "study.predictable_because" in found(reasoned, Severity.WARNING).values()


@pytest.mark.parametrize(
    ("old", "new", "key", "id_"),
    [
        (
            "before = 3\nafter = 3\n\n[caps]",
            "before = 25\nafter = 3\n\n[caps]",
            "visits[2]",
            "study.windows_overlap",
        ),
        (
            '[[visits]]\ncode = "V1"',
            '[[kit_types]]\ncode = "C"\ndescription = "C"\ngroup = "C"\n[[visits]]\ncode = "V1"',
            "kit_types[2]",
            "study.kit_type_unused",
        ),
        (
            'emergency_telephones = ["+12025550151"]\n',
            "",
            "study.emergency_telephones",
            "study.emergency_line_missing",
        ),
        ('[sealed_cards]\nen = "in the safe"\n', "", "sealed_cards", "study.sealed_cards_missing"),
        (
            'languages = ["en"]',
            'languages = ["en"]\nsay_treatment = true',
            "study.say_treatment",
            "study.treatment_spoken",
        ),
    ],
)
def test_warns_and_still_publishes(old: str, new: str, key: str, id_: str) -> None:
    text = edited(SMALL, (old, new))
    assert found(text, Severity.WARNING) == {key: id_}
    assert load_for_publishing(text).code


def test_adjacent_windows_do_not_overlap() -> None:
    # V2 closes on day 31; V3 may open on day 32.
    edit = "before = 3\nafter = 3\n\n[caps]"
    assert not review(edited(SMALL, (edit, edit.replace("3", "24", 1)))).problems


def test_a_visit_anchored_to_the_previous_one_cannot_overlap_its_window() -> None:
    edit = "day = 56\nbefore = 3"
    near = 'day = 56\nanchor = "previous"\nbefore = 27'
    assert not review(edited(SMALL, (edit, near))).problems
    meets = edited(SMALL, (edit, near.replace("27", "28")))
    assert found(meets, Severity.WARNING) == {"visits[2]": "study.windows_overlap"}


def test_unequal_minimisation_warns_that_steps_do_not_keep_the_ratio() -> None:
    text = edited(MINIMISED, ('name = { en = "B" }', 'name = { en = "B" }\nratio = 2'))
    assert found(text, Severity.WARNING) == {"randomization.method": "study.ratio_not_kept"}


def test_arms_that_look_alike_may_be_given_different_kits_and_others_not() -> None:
    seen = edited(SMALL, ('group = "Capsules"\n\n[[visits]]', 'group = "Tablets"\n\n[[visits]]'))
    assert set(problems(seen).values()) == {"study.kits_unblind"}
    prepared = edited(
        SMALL,
        ('group = "Capsules"\n\n[[visits]]', 'group = "Capsules"\nunblinded = true\n[[visits]]'),
    )
    assert set(problems(prepared).values()) == {"study.kits_unblind"}


def test_an_open_study_may_give_an_arm_nothing_if_it_says_so() -> None:
    nothing = edited(SMALL, ('"double"', '"open"'), ('placebo = ["B"]', "placebo = []"))
    assert problems(nothing) == {}
    forgotten = edited(SMALL, ('"double"', '"open"'), (', placebo = ["B"]', ""))
    assert set(problems(forgotten).values()) == {"study.kits_missing_for_arm"}
    blinded = edited(SMALL, ('placebo = ["B"]', "placebo = []"))
    assert set(problems(blinded).values()) == {"study.kits_unblind"}


def test_more_choices_than_keys_are_refused() -> None:
    reasons = ", ".join(f'{{ value = "r{n}", label = {{ en = "R" }} }}' for n in range(10))
    screening = edited(SMALL, ("rescreens_max = 1", f"failure_reasons = [{reasons}]"))
    assert problems(screening) == {"screening.failure_reasons": "study.too_many_choices"}
    levels = MINIMISED.replace('{ value = "F", label = { en = "Female" } },', f"{reasons},")
    assert problems(levels) == {"factors[0].levels": "study.too_many_choices"}


def test_a_factor_that_is_asked_needs_two_levels() -> None:
    text = edited(SMALL, ('    { value = "M", label = { en = "Male" } },\n', ""))
    assert problems(text) == {"factors[0].levels": "study.levels_too_few"}


def test_two_factors_cannot_both_be_the_site() -> None:
    text = MINIMISED + '\n[[factors]]\nname = "again"\nlabel = { en = "x" }\nsource = "site"\n'
    assert set(problems(text).values()) == {"study.source_twice"}


def test_countries_admitted_are_the_only_ones_with_caps() -> None:
    listed = '[[factors]]\nname = "country"\nlabel = { en = "Country" }\nsource = "country"\n'
    listed += 'levels = [{ value = "ES", label = { en = "Spain" } }]\n'
    text = edited(SMALL, ("[caps]", f"{listed}[caps]\nper_country = {{ ES = 5, FR = 5 }}"))
    assert problems(text) == {"caps.per_country.FR": "study.unknown_level"}


def test_a_study_randomizes_or_dispenses() -> None:
    text = "[study]" + SMALL.split("[study]")[1].split("[sealed_cards]")[0]
    text = edited(text, ('"double"', '"open"'))
    assert problems(text) == {"randomization": "study.does_nothing"}


def test_randomization_needs_two_arms_and_arms_need_randomization() -> None:
    one_arm = MINIMISED.replace('[[arms]]\ncode = "B"\nname = { en = "B" }\n', "")
    assert problems(one_arm.replace("p = 0.8", "p = 1")) == {"arms": "study.arms_too_few"}
    plan = MINIMISED[MINIMISED.index("[randomization]") : MINIMISED.index("[[arms]]")]
    assert problems(edited(MINIMISED, (plan, ""))) == {
        "arms": "study.arms_without_randomization",
        "factors": "study.factors_without_randomization",
        "randomization": "study.does_nothing",
    }


def test_minimisation_without_factors_needs_an_overall_weight() -> None:
    bare = MINIMISED[: MINIMISED.index("[[factors]]")].replace(
        'weights = { sex = 2, centre = "1/3" }', ""
    )
    assert problems(bare) == {"factors": "study.nothing_to_balance"}
    weighed = load(edited(bare, ("p = 0.8", 'p = 0.8\noverall_weight = "1/2"')))
    assert weighed.randomization is not None
    assert weighed.randomization.overall_weight == Fraction(1, 2)


def test_a_dispensing_only_study_gives_everyone_the_same() -> None:
    text = SMALL[: SMALL.index("[randomization]")] + SMALL[SMALL.index("[[kit_types]]") :]
    text = text.replace('{ active = ["A"], placebo = ["B"] }', '{ "*" = ["A", "B"] }')
    config = load_for_publishing(text)
    assert (config.has_randomization, config.dispenses) == (False, True)
    assert config.kits_for("V2", None) == ("A", "B")
