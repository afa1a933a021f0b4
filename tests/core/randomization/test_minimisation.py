"""Minimisation against published numbers and exact enumeration."""

from collections import defaultdict
from fractions import Fraction
from itertools import product

import pytest

from core.randomization.exact import exact
from core.randomization.measures import Measure, spread
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

THREE = (Arm("A"), Arm("B"), Arm("C"))
TWO_TWO_ONE = (Arm("A", 2), Arm("B", 2), Arm("C", 1))
SIXTH = Fraction(1, 6)


def given_counts(
    arms: tuple[Arm, ...],
    counts: list[list[int]],
    weights: list[str],
    p: str,
    measure: Measure,
    ties: Ties = Ties.SPLIT,
) -> tuple[Plan, State, list[int]]:
    """A plan whose factors have one level each, with these counts by arm on record."""
    factors = tuple(
        Factor(f"factor {i}", ("matching",), exact(weight)) for i, weight in enumerate(weights)
    )
    state = State(tuple((tuple(row),) for row in counts), (0,) * len(arms))
    return Plan(arms, factors, exact(p), measure, ties), state, [0] * len(counts)


def fractions(*texts: str) -> tuple[Fraction, ...]:
    """Published numbers as exact fractions."""
    return tuple(exact(text) for text in texts)


def decimals(values: tuple[Fraction, ...], digits: int) -> list[str]:
    """Rounded half up to the digits that a paper prints."""
    scale = 10**digits
    rounded = [int(value * scale + Fraction(1, 2)) for value in values]
    return [f"{n // scale}.{n % scale:0{digits}d}" for n in rounded]


def pocock_simon(measure: Measure, weights: list[str]) -> tuple[Plan, State, list[int]]:
    counts = [[9, 10, 9], [9, 11, 9], [4, 5, 3]]
    return given_counts(THREE, counts, weights, "2/3", measure)


def minirand(measure: Measure, ties: Ties = Ties.SPLIT) -> tuple[Plan, State, list[int]]:
    counts = [[3, 1, 2], [2, 3, 2], [2, 2, 0], [2, 2, 2]]
    return given_counts(TWO_TWO_ONE, counts, ["1/4"] * 4, "0.9", measure, ties)


@pytest.mark.parametrize(
    ("measure", "weights", "g"),
    [
        (Measure.RANGE, ["2", "1", "1"], ("6", "10", "5")),
        (Measure.VARIANCE, ["2", "1", "1"], ("3", "8", "2")),
        (Measure.RANGE, ["1", "1", "1"], ("5", "8", "4")),
    ],
)
def test_pocock_and_simon_worked_example(
    measure: Measure, weights: list[str], g: tuple[str, ...]
) -> None:
    """Reference case G1: Pocock & Simon 1975, section 3.4."""
    example = pocock_simon(measure, weights)
    assert imbalance(*example) == fractions(*g)
    assert probabilities(*example) == (SIXTH, SIXTH, Fraction(2, 3))


def test_pocock_and_simon_worked_example_by_standard_deviation() -> None:
    """Reference case G1, SD, to the digits printed."""
    example = pocock_simon(Measure.SD, ["2", "1", "1"])
    assert decimals(imbalance(*example), 6) == ["3.309401", "5.568977", "2.732051"]
    assert probabilities(*example) == (SIXTH, SIXTH, Fraction(2, 3))


def test_unequal_ratio_by_range_ties_two_arms_which_share_p() -> None:
    """Reference case G2: 2:2:1 as R Minirand computes it, range on n/ratio."""
    example = minirand(Measure.RANGE)
    assert imbalance(*example) == fractions("9/8", "9/8", "13/8")
    assert probabilities(*example) == fractions("9/20", "9/20", "1/10")


def test_unequal_ratio_by_variance_and_standard_deviation_prefers_the_second_arm() -> None:
    """Reference case G2: SD and variance on n/ratio."""
    expected = fractions("1/20", "9/10", "1/20")
    variance = minirand(Measure.VARIANCE)
    assert imbalance(*variance) == fractions("5/12", "17/48", "1")
    assert probabilities(*variance) == expected
    sd = minirand(Measure.SD)
    assert decimals(imbalance(*sd), 6) == ["0.604616", "0.585278", "0.863460"]
    assert probabilities(*sd) == expected


def test_picked_tie_prefers_one_of_the_tied_arms() -> None:
    """G2's tie under Pocock & Simon's random ranking: half of (.9,.05,.05) and (.05,.9,.05)."""
    example = minirand(Measure.RANGE, Ties.PICK)
    assert probabilities(*example) == fractions("19/40", "19/40", "1/20")


def test_scott_example_goes_to_control() -> None:
    """Reference case G3: Scott 2002 (PMC3503622), table 3."""
    arms = (Arm("intervention"), Arm("control"))
    example = given_counts(arms, [[2, 2], [3, 1]], ["1", "1"], "1", Measure.RANGE)
    assert imbalance(*example) == fractions("4", "2")
    assert probabilities(*example) == fractions("0", "1")


@pytest.mark.parametrize(
    ("measure", "digits", "first", "second"),
    [
        (Measure.RANGE, 0, "6.0", "1.0"),
        (Measure.SD, 4, "3.0551", "0.5774"),
        (Measure.VARIANCE, 4, "9.3333", "0.3333"),
        (Measure.MARGINAL_BALANCE, 6, "0.045113", "0.045455"),
    ],
)
def test_four_measures_of_two_rows(measure: Measure, digits: int, first: str, second: str) -> None:
    """Reference case G4: Han 2009."""
    rows = (spread(measure, (41, 47, 45)), spread(measure, (7, 8, 7)))
    assert decimals(rows, digits) == [first, second]


def test_range_ties_where_variance_prefers_one() -> None:
    """Reference case G5: range 5 v 5 is a tie, variance 4.5 v 6.5 prefers A."""
    counts = [[30, 31], [18, 17], [9, 8], [19, 21]]
    arms = (Arm("A"), Arm("B"))
    by_range = given_counts(arms, counts, ["1"] * 4, "0.9", Measure.RANGE)
    assert imbalance(*by_range) == fractions("5", "5")
    assert probabilities(*by_range) == fractions("1/2", "1/2")
    by_variance = given_counts(arms, counts, ["1"] * 4, "0.9", Measure.VARIANCE)
    assert imbalance(*by_variance) == fractions("9/2", "13/2")
    assert probabilities(*by_variance) == fractions("9/10", "1/10")


def test_naive_unequal_minimisation_swings_around_its_ratio() -> None:
    """Reference case G13: 1:2, no covariates, p = .9, every path enumerated."""
    arms = (Arm("one", 1), Arm("two", 2))
    plan = Plan(arms, (), Fraction(9, 10), overall_weight=Fraction(1))
    paths = {State.empty(plan): Fraction(1)}
    first_arm = []
    for _ in range(4):
        following: dict[State, Fraction] = defaultdict(Fraction)
        chance = Fraction(0)
        for state, reached in paths.items():
            for arm, probability in enumerate(probabilities(plan, state, ())):
                following[state.after((), arm)] += reached * probability
                chance += reached * probability if arm == 0 else 0
        first_arm.append(chance)
        paths = following
    assert first_arm == [
        Fraction(1, 10),
        Fraction(41, 50),
        Fraction(43, 250),
        Fraction(67, 625),
    ]


@pytest.mark.parametrize("measure", list(Measure))
def test_true_tie_of_decimal_weights_is_a_tie(measure: Measure) -> None:
    """Reference rules: weights .1/.2/.3/.4, .1 + .2 against .3, under every measure."""
    counts = [[1, 0], [1, 0], [0, 1], [3, 3]]
    arms = (Arm("A"), Arm("B"))
    example = given_counts(arms, counts, ["0.1", "0.2", "0.3", "0.4"], "0.9", measure)
    assert probabilities(*example) == fractions("1/2", "1/2")


def test_no_true_tie_of_decimal_weights_is_lost() -> None:
    """Reference rules: weights .1/.2/.3/.4, every difference of two arms from -3 to 3."""
    plan = given_counts(
        (Arm("A"), Arm("B")), [[0, 0]] * 4, ["0.1", "0.2", "0.3", "0.4"], "0.9", Measure.RANGE
    )[0]
    lost_by_floats = 0
    for lead in product(range(-3, 4), repeat=4):
        state = State(tuple(((3 + d, 3),) for d in lead), (0, 0))
        a = sum(weight * abs(d + 1) for weight, d in enumerate(lead, 1))
        b = sum(weight * abs(d - 1) for weight, d in enumerate(lead, 1))
        tied = Fraction(1, 2), Fraction(1, 2)
        assert (probabilities(plan, state, (0,) * 4) == tied) == (a == b)
        floats = [
            sum(w * abs(d + arm) for w, d in zip((0.1, 0.2, 0.3, 0.4), lead, strict=True))
            for arm in (1, -1)
        ]
        lost_by_floats += a == b and floats[0] != floats[1]
    assert lost_by_floats > 0


def test_tie_of_unlike_roots_is_a_tie() -> None:
    """SD of two arms is |difference|/√2: differences 1, 2, 1 against 1, 0, 3 tie as 4 v 4."""
    counts = [[10, 10], [11, 10], [10, 12]]
    arms = (Arm("A"), Arm("B"))
    example = given_counts(arms, counts, ["1", "1", "1"], "0.9", Measure.SD)
    assert probabilities(*example) == fractions("1/2", "1/2")


@pytest.mark.parametrize("third", range(3, 12))
def test_tie_of_irrational_scores_is_a_tie_however_their_digits_are_cut(third: int) -> None:
    """SD: √m + √m + 2√n against √n + √n + 2√m, which cut digits tell apart for some m, n."""
    counts = [[1, 2, third], [1, 2, third], [2, 1, third]]
    example = given_counts(THREE, counts, ["1", "1", "2"], "0.9", Measure.SD)
    assert probabilities(*example) == fractions("9/20", "9/20", "1/10")


def test_preferred_arms_are_never_less_likely_than_the_others() -> None:
    """Five of six arms tie at p = .3: sharing .3 would make the worst arm the likeliest."""
    arms = tuple(Arm(name) for name in "ABCDEF")
    counts = [[0, 0, 0, 0, 0, 1]]
    example = given_counts(arms, counts, ["1"], "0.3", Measure.RANGE)
    assert probabilities(*example) == (SIXTH,) * 6


def test_all_tied_arms_are_equally_likely_at_the_start() -> None:
    plan = Plan(THREE, (Factor("sex", ("F", "M")),), Fraction(1))
    assert probabilities(plan, State.empty(plan), (0,)) == (Fraction(1, 3),) * 3


def test_only_earlier_subjects_at_the_same_level_count() -> None:
    plan = Plan((Arm("A"), Arm("B")), (Factor("sex", ("F", "M")),), Fraction(9, 10))
    state = State.empty(plan).after((0,), 0)
    assert probabilities(plan, state, (0,)) == fractions("1/10", "9/10")
    assert probabilities(plan, state, (1,)) == fractions("1/2", "1/2")


def test_overall_weight_lets_the_whole_study_speak() -> None:
    sexes = (Factor("sex", ("F", "M")),)
    plan = Plan((Arm("A"), Arm("B")), sexes, Fraction(9, 10), overall_weight=Fraction(1, 2))
    state = State.empty(plan).after((0,), 0)
    assert imbalance(plan, state, (1,)) == fractions("2", "1")
    assert probabilities(plan, state, (1,)) == fractions("1/10", "9/10")


def test_uniform_number_falls_on_each_arm_as_often_as_its_share() -> None:
    plan, state, levels = minirand(Measure.RANGE)
    shares = step(plan, state, levels)
    drawn = [choose(shares, uniform) for uniform in range(plan.denominator)]
    assert tuple(drawn.count(arm) for arm in range(3)) == shares
    assert drawn == sorted(drawn)


@pytest.mark.parametrize("uniform", [-1, 20])
def test_refuses_a_uniform_number_outside_the_shares(uniform: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        choose((9, 9, 2), uniform)


SEX = Factor("sex", ("F",))


@pytest.mark.parametrize(
    ("arms", "factors", "p", "overall", "reason"),
    [
        ((Arm("A"),), (SEX,), "1", "0", "two arms"),
        ((Arm("A"), Arm("A")), (SEX,), "0.8", "0", "same arm twice"),
        ((Arm("A"), Arm("B", 0)), (SEX,), "0.8", "0", "ratio of B"),
        (THREE, (), "0.8", "0", "nothing to balance"),
        (THREE, (Factor("sex", ()),), "0.8", "0", "no level"),
        (THREE, (Factor("sex", ("F", "F")),), "0.8", "0", "same level of sex twice"),
        (THREE, (SEX, SEX), "0.8", "0", "same factor twice"),
        (THREE, (Factor("sex", ("F",), Fraction(0)),), "0.8", "0", "weight of sex"),
        (THREE, (SEX,), "0.3", "0", "p must lie"),
        (THREE, (SEX,), "1.1", "0", "p must lie"),
        (THREE, (SEX,), "0.8", "-1", "overall weight"),
    ],
)
def test_refuses_a_plan_that_cannot_be_run(
    arms: tuple[Arm, ...], factors: tuple[Factor, ...], p: str, overall: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Plan(arms, factors, exact(p), overall_weight=exact(overall))


def test_refuses_floats_wherever_a_number_is_given() -> None:
    with pytest.raises(TypeError):
        Plan(THREE, (SEX,), 0.8)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Plan(THREE, (Factor("sex", ("F",), 0.5),), Fraction(4, 5))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Plan((Arm("A", 1.0), Arm("B")), (SEX,), Fraction(4, 5))  # type: ignore[arg-type]


def test_levels_are_found_by_name_and_missing_ones_are_named() -> None:
    plan = Plan(THREE, (Factor("sex", ("F", "M")), Factor("site", ("101",))), Fraction(4, 5))
    assert plan.levels_of({"site": "101", "sex": "M"}) == (1, 0)
    with pytest.raises(ValueError, match="site"):
        plan.levels_of({"sex": "M", "site": "102"})
    with pytest.raises(ValueError, match="sex"):
        plan.levels_of({"site": "101"})


@pytest.mark.parametrize(("levels", "arm"), [((2,), 0), ((-1,), 0), ((0,), 3), ((0,), -1)])
def test_refuses_levels_and_arms_that_do_not_exist(levels: tuple[int, ...], arm: int) -> None:
    plan = Plan(THREE, (Factor("sex", ("F", "M")),), Fraction(4, 5))
    with pytest.raises(IndexError):
        State.empty(plan).after(levels, arm)


def test_step_refuses_another_number_of_levels() -> None:
    plan = Plan(THREE, (Factor("sex", ("F", "M")),), Fraction(4, 5))
    for levels in ((), (0, 0)):
        with pytest.raises(ValueError, match="zip"):
            step(plan, State.empty(plan), levels)


def test_new_site_joins_without_touching_earlier_counts() -> None:
    before = Plan(THREE, (Factor("site", ("101",)),), Fraction(4, 5))
    after = Plan(THREE, (Factor("site", ("101", "102")),), Fraction(4, 5))
    state = State.empty(before).after((0,), 2)
    wider = state.widened(after)
    assert wider == State((((0, 0, 1), (0, 0, 0)),), (0, 0, 1))
    with pytest.raises(ValueError, match="taken away"):
        wider.widened(before)
    with pytest.raises(ValueError, match="number of"):
        wider.widened(Plan(THREE[:2], before.factors, Fraction(4, 5)))


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"counts": [[[1, 0]]], "totals": [0, 1]},
        {"counts": [[[1, 0, 0]]], "totals": [1, 0]},
        {"counts": [[[True, 0]]], "totals": [1, 0]},
        {"counts": [[[1.0, 0]]], "totals": [1, 0]},
        {"counts": [[[2, 0], [-1, 0]]], "totals": [1, 0]},
        {"counts": [], "totals": [1.5, 0]},
    ],
)
def test_refuses_a_stored_state_whose_margins_disagree(value: object) -> None:
    with pytest.raises(ValueError, match=r"state|counts"):
        State.from_json(value)
