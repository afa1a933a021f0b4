"""Hierarchical balancing: who decides, what each arm gets, and the bounds of every path."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomization.method import Method, draw, grown, shares_of
from core.randomization.methods.hierarchical import STUDY, hierarchical
from core.randomization.simulation.compile import compiled, is_compilable
from tests.support.enumerate import walk
from tests.support.paths import Earlier, counted, largest_integer, probabilities, unconditional
from tests.support.trials import Trial


class Design(NamedTuple):
    """The arguments of the builder."""

    ratio: tuple[int, ...]
    sizes: tuple[int, ...]
    tolerances: tuple[tuple[int, Fraction], ...]
    p: Fraction

    def build(self) -> Method:
        """The method."""
        return hierarchical(*self)


@st.composite
def designs(draw: st.DrawFn) -> Design:
    ratio = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    sizes = draw(st.lists(st.integers(1, 3), max_size=3))
    named = draw(
        st.lists(st.sampled_from(range(STUDY, len(sizes))), min_size=1, max_size=3, unique=True)
    )
    limit = st.fractions(Fraction(1, 3), 4, max_denominator=6)
    least = Fraction(max(ratio), sum(ratio))
    p = least + draw(st.fractions(0, 1, max_denominator=10)) * (1 - least)
    return Design(tuple(ratio), tuple(sizes), tuple((f, draw(limit)) for f in named), p)


@st.composite
def trials(draw: st.DrawFn) -> Trial[Design]:
    design = draw(designs())
    subject = st.tuples(*(st.integers(0, size - 1) for size in design.sizes))
    arm = st.integers(0, len(design.ratio) - 1)
    return Trial(design, draw(st.lists(st.tuples(subject, arm), max_size=20)), draw(subject))


def by_definition(trial: Trial[Design]) -> tuple[Fraction, ...]:
    """The rule over fractions and the list of subjects."""
    ratio, _, tolerances, p = trial.design
    total = sum(ratio)
    for factor, limit in tolerances:
        arms = [
            arm
            for levels, arm in trial.earlier
            if factor == STUDY or levels[factor] == trial.levels[factor]
        ]
        counts = [Fraction(arms.count(arm), share) for arm, share in enumerate(ratio)]
        if max(counts) - min(counts) >= limit:
            light = [count == min(counts) for count in counts]
            theirs = sum(share for share, is_light in zip(ratio, light, strict=True) if is_light)
            best = max(p, Fraction(theirs, total))
            return tuple(
                best * share / theirs if is_light else (1 - best) * share / (total - theirs)
                for share, is_light in zip(ratio, light, strict=True)
            )
    return tuple(Fraction(share, total) for share in ratio)


@given(trials())
@settings(max_examples=400)
def test_step_is_the_rule_over_the_list_of_subjects(trial: Trial[Design]) -> None:
    found = probabilities(trial.method(), trial.state(), trial.levels)
    assert found == by_definition(trial)
    assert sum(found) == 1


def test_the_first_margin_beyond_its_tolerance_decides() -> None:
    """Signorini et al. 1993: two arms, study before site, p = 1."""
    study_first = hierarchical((1, 1), (2,), [(STUDY, 3), (0, 2)], 1)
    site_first = hierarchical((1, 1), (2,), [(0, 2), (STUDY, 3)], 1)
    # Site 0 has two more of arm 1, the study three more of arm 0.
    earlier: Earlier = [((0,), 1)] * 2 + [((1,), 0)] * 5
    state = counted(study_first, earlier)
    assert probabilities(study_first, state, (0,)) == (Fraction(0), Fraction(1))
    assert probabilities(site_first, state, (0,)) == (Fraction(1), Fraction(0))


def test_nothing_beyond_its_tolerance_leaves_it_to_the_ratio() -> None:
    method = hierarchical((1, 2), (2,), [(STUDY, 2), (0, 2)], 1)
    state = counted(method, [((0,), 0), ((1,), 1)])
    assert probabilities(method, state, (0,)) == (Fraction(1, 3), Fraction(2, 3))


def test_lightest_arms_share_p_and_the_others_the_rest_by_ratio() -> None:
    method = hierarchical((1, 1, 2, 2), (), [(STUDY, 1)], Fraction(9, 10))
    state = counted(method, [((), 1)] + [((), 3)] * 2)
    expected = (Fraction(3, 10), Fraction(1, 30), Fraction(6, 10), Fraction(2, 30))
    assert probabilities(method, state, ()) == expected


def test_one_margin_of_two_equal_arms_is_the_big_stick() -> None:
    """Reference case G7, big stick 4, n = 100: CG .55875, DA .1175, EB .1300 (Zhao 2011).

    Means over subjects 1 … 100, but EB: whether arms are level, after each.
    """
    method = hierarchical((1, 1), (), [(STUDY, 4)], 1)
    stages = list(walk(method, 100))
    correct = sum((stage.convergence() for stage in stages[:100]), Fraction(0)) / 100
    certain = sum((stage.certain() for stage in stages[:100]), Fraction(0)) / 100
    level = sum((stage.level() for stage in stages[1:]), Fraction(0)) / 100
    assert [round(float(x), 5) for x in (correct, certain, level)] == [0.55875, 0.1175, 0.13]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 10**6)), max_size=60),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_highest_margin_stays_within_its_tolerance_on_every_path(
    subjects: list[tuple[int, int]], study: int, site: int
) -> None:
    """With p = 1 and two equal arms; and with the site first, so does every site."""
    for tolerances, of_site in (
        (((STUDY, study), (0, site)), False),
        (((0, site), (STUDY, study)), True),
    ):
        method = hierarchical((1, 1), (3,), tolerances, 1)
        state = list(method.start)
        for level, chance in subjects:
            draw(method, state, (level,), lambda attempt, k, chance=chance: chance % k)  # type: ignore[misc]
            pairs = [state[i : i + 2] for i in ((2, 4, 6) if of_site else (0,))]
            assert all(abs(a - b) <= (site if of_site else study) for a, b in pairs)


@given(trials(), st.randoms(use_true_random=False))
def test_relabelling_arms_permutes_their_probabilities(trial: Trial[Design], shuffler: Any) -> None:
    order = list(range(len(trial.design.ratio)))
    shuffler.shuffle(order)
    design = trial.design._replace(ratio=tuple(trial.design.ratio[arm] for arm in order))
    earlier = [(levels, order.index(arm)) for levels, arm in trial.earlier]
    other = Trial(design, earlier, trial.levels)
    here = probabilities(trial.method(), trial.state(), trial.levels)
    there = probabilities(other.method(), other.state(), trial.levels)
    assert there == tuple(here[arm] for arm in order)


@given(designs(), st.data())
@settings(max_examples=60)
def test_ratio_is_kept_at_every_step_among_equal_arms(design: Design, data: st.DataObject) -> None:
    """Every path of five subjects, whose levels are whatever they are."""
    method, k = design.build(), len(design.ratio)
    assert method.keeps_ratio == (len(set(design.ratio)) == 1)
    if method.keeps_ratio:
        subject = st.tuples(*(st.integers(0, size - 1) for size in design.sizes))
        subjects = data.draw(st.lists(subject, min_size=1, max_size=5))
        expected = (Fraction(1, k),) * k
        assert list(unconditional(method, subjects)) == [expected] * len(subjects)


def test_unequal_arms_leave_their_ratio_once_a_tolerance_is_reached() -> None:
    method = hierarchical((1, 2), (), [(STUDY, 1)], 1)
    first = [arms[0] for arms in unconditional(method, [()] * 2)]
    assert first[0] == Fraction(1, 3)
    assert first[1] != Fraction(1, 3)


@given(trials(), st.data())
def test_more_levels_leave_the_others_as_they_are(
    trial: Trial[Design], data: st.DataObject
) -> None:
    sizes = tuple(size + data.draw(st.integers(0, 2)) for size in trial.design.sizes)
    wider = trial.design._replace(sizes=sizes).build()
    state = grown(wider, trial.state(), trial.design.sizes)
    assert tuple(state) == counted(wider, trial.earlier)


@given(trials(), st.data())
@settings(deadline=None, max_examples=200)
def test_compiled_for_64_bits_it_is_the_same_step_within_its_bound(
    trial: Trial[Design], data: st.DataObject
) -> None:
    method, state = trial.method(), np.array(trial.state(), np.int64)
    assert method.bound is not None
    plain = shares_of(method, trial.state(), trial.levels)
    arm = data.draw(st.sampled_from([arm for arm, share in enumerate(plain) if share]))
    n = len(trial.earlier) + 1
    assert largest_integer(method, trial.state(), trial.levels, arm) <= method.bound(n)
    assert is_compilable(method, n)
    design, levels = np.array(method.design, np.int64), np.array(trial.levels, np.int64)
    out = np.full(method.arms, 7, np.int64)
    compiled(method.shares)(design, state, levels, out)
    assert out.tolist() == plain
    compiled(method.after)(design, state, levels, arm)
    assert state.tolist() == list(counted(method, [*trial.earlier, (trial.levels, arm)]))


@pytest.mark.parametrize(("p", "predictable"), [(1, True), (Fraction(9, 10), False)])
def test_is_predictable_where_a_lightest_arm_is_certain(
    p: Fraction | int, predictable: bool
) -> None:
    assert hierarchical((1, 1), (), [(STUDY, 2)], p).is_predictable == predictable


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ratio": (1,)}, "two arms"),
        ({"sizes": (0,)}, "size"),
        ({"tolerances": ()}, "no tolerance"),
        ({"tolerances": ((0, 1), (0, 2))}, "two tolerances"),
        ({"tolerances": ((1, 1),)}, "no such factor"),
        ({"tolerances": ((-2, 1),)}, "factor"),
        ({"tolerances": ((0, 0),)}, "above 0"),
        ({"p": Fraction(1, 3)}, "p is not"),
        ({"ratio": (1, 2), "p": Fraction(1, 2)}, "p is not"),
    ],
)
def test_refuses_a_design_that_cannot_be_run(changed: dict[str, Any], reason: str) -> None:
    design = Design((1, 1), (2,), ((0, Fraction(2)),), Fraction(1))._replace(**changed)
    with pytest.raises(ValueError, match=reason):
        design.build()


@pytest.mark.parametrize("changed", [{"p": 0.9}, {"tolerances": ((0, 2.0),)}, {"ratio": (1.0, 1)}])
def test_refuses_floats_wherever_a_number_is_given(changed: dict[str, Any]) -> None:
    design = Design((1, 1), (2,), ((0, Fraction(2)),), Fraction(1))._replace(**changed)
    with pytest.raises(TypeError):
        design.build()
