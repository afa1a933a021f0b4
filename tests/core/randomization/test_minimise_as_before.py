"""The step gives exactly the shares that earlier draws were made with."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomization import measures
from core.randomization import minimisation as before
from core.randomization.method import shares_of
from core.randomization.methods.minimise import imbalance, minimisation


@given(st.data())
@settings(max_examples=400)
def test_shares_and_imbalances_are_those_of_the_earlier_step(data: st.DataObject) -> None:
    ratios = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    sizes = data.draw(st.lists(st.integers(1, 3), max_size=4))
    weights = [data.draw(st.fractions(Fraction(1, 10), 4, max_denominator=10)) for _ in sizes]
    overall = data.draw(
        st.sampled_from([Fraction(1, 3), Fraction(2), *([Fraction(0)] if sizes else [])])
    )
    p = data.draw(st.fractions(Fraction(1, len(ratios)), 1, max_denominator=20))
    measure = data.draw(st.sampled_from(measures.Measure))
    ties = data.draw(st.sampled_from(before.Ties))
    method = minimisation(ratios, sizes, weights, measure, p, ties=ties, overall_weight=overall)
    plan = before.Plan(
        tuple(before.Arm(str(i), ratio) for i, ratio in enumerate(ratios)),
        tuple(
            before.Factor(str(i), tuple(map(str, range(size))), weight)
            for i, (size, weight) in enumerate(zip(sizes, weights, strict=True))
        ),
        p,
        measure,
        ties,
        overall,
    )
    subject = st.tuples(*(st.integers(0, size - 1) for size in sizes))
    state, counts = list(method.start), before.State.empty(plan)
    arms = st.integers(0, len(ratios) - 1)
    for levels, arm in data.draw(st.lists(st.tuples(subject, arms), max_size=25)):
        method.after(method.design, state, levels, arm)
        counts = counts.after(levels, arm)
    levels = data.draw(subject)
    rows = [counts.totals, *(row for factor in counts.counts for row in factor)]
    assert state == [n for row in rows for n in row]
    assert tuple(shares_of(method, state, levels)) == before.step(plan, counts, levels)
    assert imbalance(method, state, levels) == before.imbalance(plan, counts, levels)
