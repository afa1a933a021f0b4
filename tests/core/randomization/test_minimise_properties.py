"""What holds for every minimised design, whatever its numbers."""

from dataclasses import replace
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomization.method import Method, grown, shares_of
from core.randomization.methods.minimise import MEASURES, canonical, imbalance, minimisation
from core.randomization.simulation.compile import INTEGER_RANGE, compiled, is_compilable
from tests.support.paths import Levels, counted, largest_integer, probabilities, unconditional
from tests.support.trials import Trial

COMPILED = tuple(name for name in MEASURES if name != "sd")


class Design(dict[str, Any]):
    """The arguments of a builder."""

    def build(self) -> Method:
        """The method."""
        return minimisation(**self)

    @property
    def columns(self) -> int:
        """Arms, or fake arms."""
        ratio = self["ratio"]
        fake = self["ratio_preserving"] and len(set(ratio)) > 1
        return sum(ratio) // gcd(*ratio) if fake else len(ratio)


@st.composite
def designs(
    draw: st.DrawFn,
    measures: tuple[str, ...] = tuple(MEASURES),
    rules: tuple[str, ...] = ("biased_coin", "han", "rank"),
    weight_max: int = 4,
) -> Design:
    ratio = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    weight = st.fractions(Fraction(1, 10), weight_max, max_denominator=10)
    rule = draw(st.sampled_from(rules))
    design = Design(
        ratio=tuple(ratio),
        sizes=tuple(sizes),
        weights=tuple(draw(weight) for _ in sizes),
        measure=draw(st.sampled_from(measures)),
        p=Fraction(1),
        ties=draw(st.sampled_from(["split", "pick"])),
        rule=rule,
        overall_weight=draw(st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(2)])),
        ratio_preserving=rule != "han" and draw(st.booleans()),
        random_first=draw(st.sampled_from([0, 0, 5])),
    )
    least = Fraction(1, design.columns)
    if rule == "han":
        least = Fraction(min(ratio), sum(ratio))
    most = Fraction(2, design.columns) if rule == "rank" else Fraction(1)
    design["p"] = least + draw(st.fractions(0, 1, max_denominator=10)) * (most - least)
    return design


@st.composite
def trials(draw: st.DrawFn, /, **options: Any) -> Trial[Design]:
    design = draw(designs(**options))
    subject = st.tuples(*(st.integers(0, size - 1) for size in design["sizes"]))
    column = st.integers(0, design.columns - 1)
    earlier = draw(st.lists(st.tuples(subject, column), max_size=25))
    return Trial(design, earlier, draw(subject))


@given(trials())
def test_shares_are_whole_parts_of_one_denominator(trial: Trial[Design]) -> None:
    method, state = trial.method(), trial.state()
    shares = shares_of(method, state, trial.levels)
    assert all(type(share) is int and share >= 0 for share in shares)
    assert sum(probabilities(method, state, trial.levels)) == 1


def by_definition(design: Design, g: tuple[Fraction, ...]) -> list[Fraction]:
    """The probability of each column from its score, as the module and its sources write it.

    SD is known to 50 decimals; sums nearer than that are ties, as no small counts come closer.
    """
    k, p, ratio = design.columns, design["p"], design["ratio"]
    slack = Fraction(1, 10**40) if design["measure"] == "sd" else 0
    best = [i for i, score in enumerate(g) if score - min(g) <= slack]
    if design["rule"] == "rank":
        lower = [sum(score < mine - slack for score in g) for mine in g]
        tied = [sum(abs(score - mine) <= slack for score in g) for mine in g]
        ranks = [low + Fraction(ties - 1, 2) for low, ties in zip(lower, tied, strict=True)]
        return [p - 2 * rank * (k * p - 1) / (k * (k - 1)) for rank in ranks]
    if design["rule"] == "han":
        c = (1 - p) / (sum(ratio) - min(ratio))
        vectors = [
            [c * r if j != i else 1 - c * (sum(ratio) - r) for j, r in enumerate(ratio)]
            for i in best
        ]
        return [sum(column, Fraction(0)) / len(best) for column in zip(*vectors, strict=True)]
    if len(best) == k:
        return [Fraction(1, k)] * k
    if design["ties"] == "pick":
        rest = (1 - p) / (k - 1)
        hit = (p + rest * (len(best) - 1)) / len(best)
        return [hit if i in best else rest for i in range(k)]
    whole = max(p, Fraction(len(best), k))
    return [whole / len(best) if i in best else (1 - whole) / (k - len(best)) for i in range(k)]


@given(trials())
@settings(max_examples=300)
def test_step_is_the_rule_applied_to_the_imbalances(trial: Trial[Design]) -> None:
    """The fast integer steps against the definitions in fractions."""
    method, state = trial.method(), trial.state()
    found = probabilities(method, state, trial.levels)[-trial.design.columns :]
    if len(trial.earlier) < trial.design["random_first"]:
        ratio = (1,) * method.moves or trial.design["ratio"]
        assert found == tuple(Fraction(r, sum(ratio)) for r in ratio)
    else:
        expected = by_definition(trial.design, imbalance(method, state, trial.levels))
        assert list(found) == expected


@given(trials(), st.randoms(use_true_random=False))
def test_relabelling_arms_permutes_their_probabilities(trial: Trial[Design], shuffler: Any) -> None:
    order = list(range(len(trial.design["ratio"])))
    shuffler.shuffle(order)
    ratio = trial.design["ratio"]
    design = Design(trial.design | {"ratio": tuple(ratio[arm] for arm in order)})
    parts = [r // gcd(*ratio) if trial.method().moves else 1 for r in ratio]
    columns = [[sum(parts[:arm]) + i for i in range(parts[arm])] for arm in order]
    moved = [column for arm in columns for column in arm]
    earlier = [(levels, moved.index(column)) for levels, column in trial.earlier]
    relabelled = Trial(design, earlier, trial.levels)
    here = probabilities(trial.method(), trial.state(), trial.levels)[-len(moved) :]
    there = probabilities(relabelled.method(), relabelled.state(), trial.levels)[-len(moved) :]
    assert there == tuple(here[column] for column in moved)


@given(trials(), st.fractions(Fraction(1, 50), 50, max_denominator=50))
def test_scaling_all_weights_changes_nothing(trial: Trial[Design], scale: Fraction) -> None:
    design = trial.design
    scaled = Design(
        design
        | {
            "weights": tuple(weight * scale for weight in design["weights"]),
            "overall_weight": design["overall_weight"] * scale,
        }
    )
    state = trial.state()
    assert shares_of(scaled.build(), state, trial.levels) == shares_of(
        trial.method(), state, trial.levels
    )


@given(trials(), st.randoms(use_true_random=False))
def test_names_of_levels_do_not_matter(trial: Trial[Design], shuffler: Any) -> None:
    orders = [list(range(size)) for size in trial.design["sizes"]]
    for order in orders:
        shuffler.shuffle(order)

    def renamed(levels: Levels) -> Levels:
        return tuple(order[level] for order, level in zip(orders, levels, strict=True))

    earlier = [(renamed(levels), column) for levels, column in trial.earlier]
    other = Trial(trial.design, earlier, renamed(trial.levels))
    method = trial.method()
    assert shares_of(method, other.state(), other.levels) == shares_of(
        method, trial.state(), trial.levels
    )


@given(trials(), st.data())
def test_more_levels_leave_the_others_as_they_are(
    trial: Trial[Design], data: st.DataObject
) -> None:
    sizes = tuple(size + data.draw(st.integers(0, 2)) for size in trial.design["sizes"])
    wider = Design(trial.design | {"sizes": sizes}).build()
    state = grown(wider, trial.state(), trial.design["sizes"])
    assert tuple(state) == counted(wider, trial.earlier)
    assert shares_of(wider, state, trial.levels) == shares_of(
        trial.method(), trial.state(), trial.levels
    )


@given(designs(), st.data())
@settings(max_examples=60)
def test_ratio_is_kept_at_every_step_where_the_design_says_so(
    design: Design, data: st.DataObject
) -> None:
    """Every path of five subjects, whose levels are whatever they are."""
    ratio = design["ratio"]
    method = design.build()
    assert method.keeps_ratio or (not design["ratio_preserving"] and len(set(ratio)) > 1)
    if method.keeps_ratio and method.outcomes <= 9:
        subject = st.tuples(*(st.integers(0, size - 1) for size in design["sizes"]))
        subjects = data.draw(st.lists(subject, min_size=1, max_size=5))
        expected = tuple(Fraction(r, sum(ratio)) for r in ratio)
        assert list(unconditional(method, subjects, canonical)) == [expected] * len(subjects)


@given(trials())
def test_alike_states_go_on_alike(trial: Trial[Design]) -> None:
    method, state = trial.method(), trial.state()
    alike = canonical(method, state)
    assert sorted(alike) == sorted(state)
    assert canonical(method, alike) == alike
    if not method.moves:
        assert alike == state
    following = [
        list(unconditional(replace(method, start=s), [trial.levels] * 2)) for s in (state, alike)
    ]
    assert following[0] == following[1]


@given(trials(measures=COMPILED, weight_max=10**9), st.data())
@settings(max_examples=200)
def test_no_integer_passes_the_bound(trial: Trial[Design], data: st.DataObject) -> None:
    method = trial.method()
    assert method.bound is not None
    shares = shares_of(method, trial.state(), trial.levels)
    outcome = data.draw(st.sampled_from([i for i, share in enumerate(shares) if share]))
    largest = largest_integer(method, trial.state(), trial.levels, outcome)
    assert largest <= method.bound(len(trial.earlier) + 1)


@given(trials(measures=COMPILED, weight_max=10**6))
@settings(max_examples=200, deadline=None)
def test_compiled_for_64_bits_it_is_the_same_step(trial: Trial[Design]) -> None:
    method, state = trial.method(), np.array(trial.state(), np.int64)
    if not is_compilable(method, len(trial.earlier) + 1):
        assert method.bound is not None
        assert method.bound(len(trial.earlier) + 1) >= INTEGER_RANGE
        return
    design, levels = np.array(method.design, np.int64), np.array(trial.levels, np.int64)
    out = np.full(method.outcomes, 7, np.int64)
    compiled(method.shares)(design, state, levels, out)
    plain = shares_of(method, trial.state(), trial.levels)
    assert out.tolist() == plain
    counts = list(trial.state())
    outcome = plain.index(max(plain))
    method.after(method.design, counts, trial.levels, outcome)
    compiled(method.after)(design, state, levels, outcome)
    assert state.tolist() == counts
