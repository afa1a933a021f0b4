"""What holds for every minimised design, whatever its numbers."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomization.measures import Measure
from core.randomization.minimisation import (
    Arm,
    Factor,
    Plan,
    State,
    Ties,
    choose,
    imbalance,
    probabilities,
    step,
)
from core.randomization.roots import sign_of_root_sum


class Trial(NamedTuple):
    """A plan, the subjects so far as (levels, arm), and the levels of the next one."""

    plan: Plan
    earlier: list[tuple[tuple[int, ...], int]]
    levels: tuple[int, ...]

    def state(self) -> State:
        """The counts of the subjects so far."""
        state = State.empty(self.plan)
        for levels, arm in self.earlier:
            state = state.after(levels, arm)
        return state


@st.composite
def trials(draw: st.DrawFn, measures: tuple[Measure, ...] = tuple(Measure)) -> Trial:
    ratios = draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    weight = st.fractions(Fraction(1, 10), 4, max_denominator=10)
    factors = tuple(
        Factor(f"factor {i}", tuple(str(n) for n in range(size)), draw(weight))
        for i, size in enumerate(sizes)
    )
    plan = Plan(
        tuple(Arm(f"arm {i}", ratio) for i, ratio in enumerate(ratios)),
        factors,
        draw(st.fractions(Fraction(1, len(ratios)), 1, max_denominator=20)),
        draw(st.sampled_from(measures)),
        draw(st.sampled_from(Ties)),
        draw(st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(2)])),
    )
    subject = st.tuples(*(st.integers(0, size - 1) for size in sizes))
    earlier = draw(st.lists(st.tuples(subject, st.integers(0, len(ratios) - 1)), max_size=25))
    return Trial(plan, earlier, draw(subject))


@given(trials())
def test_probabilities_sum_to_exactly_one(trial: Trial) -> None:
    state = trial.state()
    assert sum(probabilities(trial.plan, state, trial.levels)) == 1
    assert sum(step(trial.plan, state, trial.levels)) == trial.plan.denominator


@given(trials())
@settings(max_examples=300)
def test_step_prefers_exactly_the_arms_of_lowest_imbalance(trial: Trial) -> None:
    """The fast integer rules against the measures' definitions in fractions.

    SD is known to 50 decimals; sums nearer than that are ties, as no small counts come closer.
    """
    state = trial.state()
    g = imbalance(trial.plan, state, trial.levels)
    slack = Fraction(1, 10**40) if trial.plan.measure is Measure.SD else 0
    lowest = [arm for arm, score in enumerate(g) if score - min(g) <= slack]
    hit, miss = trial.plan.shares[len(lowest)]
    shares = tuple(hit if arm in lowest else miss for arm in range(len(g)))
    assert step(trial.plan, state, trial.levels) == shares
    assert hit >= miss


@given(trials(), st.randoms(use_true_random=False))
def test_relabelling_arms_permutes_their_probabilities(trial: Trial, shuffler: object) -> None:
    order = list(range(len(trial.plan.arms)))
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    plan = replace(trial.plan, arms=tuple(trial.plan.arms[arm] for arm in order))
    moved = [(levels, order.index(arm)) for levels, arm in trial.earlier]
    relabelled = probabilities(plan, Trial(plan, moved, trial.levels).state(), trial.levels)
    original = probabilities(trial.plan, trial.state(), trial.levels)
    assert relabelled == tuple(original[arm] for arm in order)


@given(trials(), st.fractions(Fraction(1, 50), 50, max_denominator=50))
def test_scaling_all_weights_changes_nothing(trial: Trial, scale: Fraction) -> None:
    plan = replace(
        trial.plan,
        factors=tuple(replace(f, weight=f.weight * scale) for f in trial.plan.factors),
        overall_weight=trial.plan.overall_weight * scale,
    )
    state = trial.state()
    assert step(plan, state, trial.levels) == step(trial.plan, state, trial.levels)


@given(trials())
def test_incremental_state_equals_a_recount(trial: Trial) -> None:
    arms = range(len(trial.plan.arms))
    counts = tuple(
        tuple(
            tuple(
                sum(levels[f] == level and got == arm for levels, got in trial.earlier)
                for arm in arms
            )
            for level in range(len(factor.levels))
        )
        for f, factor in enumerate(trial.plan.factors)
    )
    totals = tuple(sum(got == arm for _, got in trial.earlier) for arm in arms)
    assert trial.state() == State(counts, totals)


@given(trials())
def test_state_survives_json(trial: Trial) -> None:
    state = trial.state()
    assert State.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(trials(), st.data())
def test_an_arm_is_chosen_exactly_within_its_share(trial: Trial, data: st.DataObject) -> None:
    shares = step(trial.plan, trial.state(), trial.levels)
    uniform = data.draw(st.integers(0, trial.plan.denominator - 1))
    arm = choose(shares, uniform)
    assert sum(shares[:arm]) <= uniform < sum(shares[: arm + 1])


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 60)), max_size=6),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_sum_of_roots_less_itself_rewritten_is_zero(
    terms: list[tuple[int, int]], inside: int, shuffler: object
) -> None:
    """a·√(n·c²) = a·c·√n: equal sums with unlike radicands, in any order."""
    rewritten = [(-coefficient * inside, n) for coefficient, n in terms]
    both = [(coefficient, n * inside**2) for coefficient, n in terms] + rewritten
    shuffler.shuffle(both)  # type: ignore[attr-defined]
    assert sign_of_root_sum(both) == 0


@given(st.integers(1, 10**12))
def test_sum_of_roots_tells_neighbours_apart_that_floats_cannot(n: int) -> None:
    """√(n) + √(n+2) < 2·√(n+1), by about n^(-3/2)/4; at 10**12 far below a float's digits."""
    assert sign_of_root_sum([(1, n), (1, n + 2), (-2, n + 1)]) == -1
    assert sign_of_root_sum([(-1, n), (-1, n + 2), (2, n + 1)]) == 1
