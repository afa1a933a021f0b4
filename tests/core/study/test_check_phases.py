"""Checks of responses, cohorts, phases and periods: each finds its mistake, at its key."""

from __future__ import annotations

import pytest

from core.study.amendment import check_amendment
from core.study.phases import arms_in, tells_treatment
from core.study.problems import Problem, Severity
from core.study.read import load, review
from tests.core.study.files import edited, found, one, problems
from tests.core.subjects.test_phases import CROSS
from tests.core.subjects.test_responses import WINNER
from tests.support.studies import DOSED

RESPONSE = '[response]\nquestion = { en = "Dose-limiting toxicity" }\n'
RUN_IN = '[[phases]]\ncode = "RI"\nname = { en = "Run-in" }\nkind = "run_in"\n'
EXT_ARMS = 'arms = { low = "high", high = "low", placebo = "low" }'
R1 = 'phase = "RI"\nday = 0\nafter = 3\nkits = { "*" = ["P"] }'


def test_the_examples_have_no_mistake() -> None:
    assert [problems(text) for text in (DOSED, CROSS, WINNER)] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("old", "new", "key", "id_"),
    [
        (RESPONSE, "", "response", "study.response_missing_for_cohorts"),
        ('doses = ["low", "high"]', 'doses = ["low", "max"]', "escalation.doses[1]",
         "study.unknown_arm"),
        ('controls = ["placebo"]', 'controls = ["low"]', "escalation.controls[0]", "study.twice"),
        ("target = 0.3", "", "escalation.target", "study.target_rate"),
        ("target = 0.3", "target = 0.9", "escalation.target", "study.target_rate"),
        ('rule = "boin"', 'rule = "three_plus_three"', "escalation.target",
         "study.target_not_used"),
        ('rule = "boin"', 'rule = "three_plus_three"', "escalation.size", "study.three_at_a_dose"),
        ("block_sizes = [2, 4]", "block_sizes = [3, 6]", "randomization.block_sizes[0]",
         "study.block_size_multiple"),
        ("[screening]\n", "", "phases[0].kind", "study.run_in_without_screening"),
        ('kind = "rollover"', 'kind = "run_in"', "phases[3].kind", "study.run_in_late"),
        ('kind = "run_in"', 'kind = "run_in"\narms = { "*" = "low" }', "phases[0]",
         "study.run_in_has_no_arms"),
        ('arms = { "*" = "high" }', 'arms = { low = "high" }', "phases[2].arms",
         "study.phase_arm_missing"),
        ('arms = { "*" = "high" }', 'arms = { "*" = "max" }', "phases[2].arms.*",
         "study.unknown_arm"),
        ('arms = { "*" = "high" }', 'arms = { max = "high", "*" = "low" }', "phases[2].arms",
         "study.unknown_arm"),
        ('arms = { "*" = "high" }', 'arms = { "*" = "high" }\nratio = { low = 1 }',
         "phases[2].ratio", "study.phase_ratio_unused"),
        ('{ method = "simple" }', '{ method = "simple" }\narms = { "*" = "low" }', "phases[3]",
         "study.phase_arms_or_draw"),
        ("ratio = { low = 1, high = 1 }", "ratio = { low = 1, max = 1 }", "phases[3].ratio.max",
         "study.unknown_arm"),
        ('{ method = "simple" }', '{ method = "thompson" }', "phases[3].randomization.method",
         "study.phase_method"),
        ('{ method = "simple" }', '{ method = "efron" }', "phases[3].randomization.p",
         "study.missing_for_method"),
        ('{ method = "simple" }\nratio = { low = 1, high = 1 }',
         '{ method = "big_stick", mti = 2 }\nratio = { low = 1, high = 2 }',
         "phases[3].randomization", "study.method_impossible"),
        ('code = "EXT"', 'code = "OLE"', "phases[2].code", "study.twice"),
        ('phase = "EXT"', 'phase = "EXTRA"', "visits[4].phase", "study.unknown_phase"),
        (R1, R1.replace('"*"', "low"), "visits[0].kits.low", "study.run_in_kits"),
        ('code = "D1"', 'code = "D1"\nperiod = 1', "visits[2].period",
         "study.period_without_crossover"),
        ('phase = "ROLL"\nday = 0', 'phase = "ROLL"\nday = 0\nanchor = "previous"',
         "visits[7].anchor", "study.no_previous_visit"),
        ('kits = { low = ["A"], high = ["B"] }', 'kits = { low = ["A"] }', "visits[4].kits",
         "study.kits_missing_for_arm"),
        ('name = { en = "Rollover" }', 'name = { es = "Otra" }', "phases[3].name",
         "study.translation_missing"),
        ('question = { en = "Dose-limiting toxicity" }', 'question = { es = "X" }',
         "response.question", "study.translation_missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_key(old: str, new: str, key: str, id_: str) -> None:
    assert id_ in {each.message.id for each in _of(edited(DOSED, (old, new))) if each.key == key}, (
        problems(edited(DOSED, (old, new)))
    )


def _of(text: str) -> tuple[Problem, ...]:
    return review(text).of(Severity.ERROR)


def test_methods_that_listen_need_a_response() -> None:
    text = edited(WINNER, ('[response]\nquestion = { en = "Response" }\n', ""))
    assert problems(text) == {"response": "study.response_missing"}


@pytest.mark.parametrize(
    ("old", "new", "id_"),
    [
        ("period = 2\n", "", "study.period_missing"),
        ("period = 2", "period = 3", "study.period_too_late"),
        ("period = 1", "period = 2", None),
    ],
)
def test_periods_follow_one_another_within_the_arms(old: str, new: str, id_: str | None) -> None:
    assert set(problems(edited(CROSS, (old, new))).values()) == ({id_} if id_ else set())


def test_a_period_never_comes_before_an_earlier_one() -> None:
    text = edited(CROSS, ("period = 1", "period = 3"), ("period = 2", "period = 1"))
    text = edited(text, ("period = 3", "period = 2"))
    assert problems(text) == {"visits[1].period": "study.period_order"}


def test_an_open_label_phase_that_would_tell_the_arm_before_is_warned_of() -> None:
    arms = 'arms = { low = "low", high = "high", placebo = "high" }'
    text = edited(DOSED, ('arms = { "*" = "high" }', arms))
    assert found(text, Severity.WARNING)["phases[2].arms"] == "study.phase_keeps_blind"
    assert "phases[2].arms" not in found(DOSED, Severity.WARNING)


def test_kits_that_tell_apart_the_arms_of_a_blind_phase_are_an_error() -> None:
    text = edited(
        DOSED,
        ('description = "20 mg"\ngroup = "Capsules"', 'description = "20 mg"\ngroup = "Tablets"'),
    )
    assert problems(text) == dict.fromkeys(
        ("visits[2].kits", "visits[3].kits", "visits[4].kits", "visits[7].kits"),
        "study.kits_unblind",
    )


def test_the_arms_of_a_phase_are_those_one_may_come_to() -> None:
    config = load(DOSED)
    assert arms_in(config, None) == ("low", "high", "placebo")
    assert arms_in(config, "RI") == ()
    assert arms_in(config, "EXT") == ("low", "high")
    assert arms_in(config, "OLE") == ("high",)
    assert arms_in(config, "ROLL") == ("low", "high")


def test_a_treatment_is_told_of_open_label_phases_alone() -> None:
    config = load(DOSED)
    told = {phase.code: tells_treatment(config, phase) for phase in config.phases}
    assert told == {"RI": False, "EXT": False, "OLE": True, "ROLL": False}


AMENDED = [
    (RUN_IN, "", "study.phase_removed"),
    ('kind = "rollover"', 'kind = "double_blind"', "study.fixed"),
    ('doses = ["low", "high"]', 'doses = ["high", "low"]', "study.fixed_doses"),
    (RESPONSE, "", "study.response_removed"),
]


@pytest.mark.parametrize(("old", "new", "id_"), AMENDED)
def test_an_amendment_keeps_what_subjects_are_in(old: str, new: str, id_: str) -> None:
    config = load(DOSED)
    text = edited(DOSED, (old, new))
    if id_ == "study.response_removed":
        changed = config.model_copy(update={"response": None})
    elif id_ == "study.phase_removed":
        changed = config.model_copy(update={"phases": config.phases[1:]})
    else:
        changed = load(text)
    assert id_ in {problem.message.id for problem in check_amendment(config, changed)}
    assert not check_amendment(config, changed, enrolled=False)


def test_an_amendment_may_add_a_dose_and_a_phase() -> None:
    config = load(DOSED)
    rule = config.escalation
    assert rule is not None
    longer = rule.model_copy(update={"doses": (*rule.doses, "max")})
    phases = (*config.phases, config.phases[-1].model_copy(update={"code": "LAST"}))
    changed = config.model_copy(update={"escalation": longer, "phases": phases})
    assert check_amendment(config, changed) == ()


def test_one_mistake_is_told_once() -> None:
    assert one(edited(DOSED, ("target = 0.3", "target = 1"))).message.id == "study.target_rate"
