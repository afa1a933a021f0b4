"""Minimisation against published numbers and exact enumeration."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import pytest

from core.randomization.exact import exact
from core.randomization.measures import Measure, spread
from core.randomization.method import draw, grown
from core.randomization.methods.minimise import (
    MEASURES,
    imbalance,
    minimisation,
)
from tests.support.paths import probabilities

SIXTH = Fraction(1, 6)
TWO_TWO_ONE = (2, 2, 1)
POCOCK_SIMON = [[9, 10, 9], [9, 11, 9], [4, 5, 3]]
MINIRAND = [[3, 1, 2], [2, 3, 2], [2, 2, 0], [2, 2, 2]]
P = Fraction(9, 10)


class Example:
    """A design whose factors have one level each, with these counts by arm on record."""

    def __init__(
        self,
        ratio: Sequence[int],
        counts: list[list[int]],
        weights: Sequence[str | int],
        measure: str,
        p: str,
        ties: str = "split",
        rule: str = "biased_coin",
    ) -> None:
        self.levels = (0,) * len(counts)
        exactly = [exact(weight) for weight in weights]
        ones = (1,) * len(counts)
        self.method = minimisation(ratio, ones, exactly, measure, exact(p), ties=ties, rule=rule)
        self.state = (0,) * len(ratio) + tuple(n for row in counts for n in row)

    def imbalance(self) -> tuple[Fraction, ...]:
        """G of each arm."""
        return imbalance(self.method, self.state, self.levels)

    def probabilities(self) -> tuple[Fraction, ...]:
        """The probability of each arm."""
        return probabilities(self.method, self.state, self.levels)


def fractions(*texts: str) -> tuple[Fraction, ...]:
    """Published numbers as exact fractions."""
    return tuple(exact(text) for text in texts)


def decimals(values: tuple[Fraction, ...], digits: int) -> list[str]:
    """Rounded half up to the digits that a paper prints."""
    scale = 10**digits
    rounded = [int(value * scale + Fraction(1, 2)) for value in values]
    return [f"{n // scale}.{n % scale:0{digits}d}" for n in rounded]


@pytest.mark.parametrize(
    ("measure", "weights", "g"),
    [
        ("range", [2, 1, 1], ("6", "10", "5")),
        ("variance", [2, 1, 1], ("3", "8", "2")),
        ("range", [1, 1, 1], ("5", "8", "4")),
    ],
)
def test_pocock_and_simon_worked_example(
    measure: str, weights: list[int], g: tuple[str, ...]
) -> None:
    """Reference case G1: Pocock & Simon 1975, section 3.4."""
    example = Example((1, 1, 1), POCOCK_SIMON, weights, measure, "2/3")
    assert example.imbalance() == fractions(*g)
    assert example.probabilities() == (SIXTH, SIXTH, Fraction(2, 3))


def test_pocock_and_simon_worked_example_by_standard_deviation() -> None:
    """Reference case G1, SD, to the digits printed."""
    example = Example((1, 1, 1), POCOCK_SIMON, [2, 1, 1], "sd", "2/3")
    assert decimals(example.imbalance(), 6) == ["3.309401", "5.568977", "2.732051"]
    assert example.probabilities() == (SIXTH, SIXTH, Fraction(2, 3))


def test_pocock_and_simon_example_by_rank() -> None:
    """G1's order is third, first, second; Pocock & Simon's q = 1/2 is p = 5/12 (N = 3).

    Their formula q - 2(Nq - 1)k / (N(N + 1)) is then 1/2 - k/12 for the ranks k = 1, 2, 3.
    """
    example = Example((1, 1, 1), POCOCK_SIMON, [2, 1, 1], "range", "5/12", rule="rank")
    assert example.probabilities() == fractions("4/12", "3/12", "5/12")


@pytest.mark.parametrize("arms", [2, 3, 4, 7])
@pytest.mark.parametrize("share", [Fraction(0), Fraction(1, 3), Fraction(1)])
def test_ranks_follow_pocock_and_simons_linear_formula(arms: int, share: Fraction) -> None:
    """p_k = q - 2(Nq - 1)k / (N(N + 1)), k = 1 … N, 1/N <= q <= 2/(N - 1): Pocock & Simon 1975."""
    n = arms
    q = Fraction(1, n) + share * (Fraction(2, n - 1) - Fraction(1, n))
    theirs = tuple(q - 2 * (n * q - 1) * k / (n * (n + 1)) for k in range(1, n + 1))
    p = (n * (n - 1) * q + 2) / (n * (n + 1))
    example = Example((1,) * n, [list(range(0, 10 * n, 10))], [1], "taves", str(p), rule="rank")
    assert example.probabilities() == theirs
    assert example.method.is_predictable == (n == 2 and share == 1)


def test_tied_arms_share_the_mean_of_their_ranks() -> None:
    example = Example((1,) * 4, [[7, 0, 7, 0]], [1], "range", "2/5", rule="rank")
    # Ranks get 8/20, 6/20, 4/20, 2/20.
    assert example.probabilities() == fractions("3/20", "7/20", "3/20", "7/20")


def test_unequal_ratio_by_range_ties_two_arms_which_share_p() -> None:
    """Reference case G2: 2:2:1 as R Minirand computes it, range on n/ratio."""
    example = Example(TWO_TWO_ONE, MINIRAND, ["1/4"] * 4, "range", "0.9")
    assert example.imbalance() == fractions("9/8", "9/8", "13/8")
    assert example.probabilities() == fractions("9/20", "9/20", "1/10")


def test_unequal_ratio_by_variance_and_standard_deviation_prefers_the_second_arm() -> None:
    """Reference case G2: SD and variance on n/ratio."""
    expected = fractions("1/20", "9/10", "1/20")
    variance = Example(TWO_TWO_ONE, MINIRAND, ["1/4"] * 4, "variance", "0.9")
    assert variance.imbalance() == fractions("5/12", "17/48", "1")
    assert variance.probabilities() == expected
    sd = Example(TWO_TWO_ONE, MINIRAND, ["1/4"] * 4, "sd", "0.9")
    assert decimals(sd.imbalance(), 6) == ["0.604616", "0.585278", "0.863460"]
    assert sd.probabilities() == expected


def test_picked_tie_prefers_one_of_the_tied_arms() -> None:
    """G2's tie under Pocock & Simon's random ranking: half of (.9,.05,.05) and (.05,.9,.05)."""
    example = Example(TWO_TWO_ONE, MINIRAND, ["1/4"] * 4, "range", "0.9", "pick")
    assert example.probabilities() == fractions("19/40", "19/40", "1/20")


def test_scott_example_goes_to_control() -> None:
    """Reference case G3: Scott 2002 (PMC3503622), table 3."""
    example = Example((1, 1), [[2, 2], [3, 1]], [1, 1], "range", "1")
    assert example.imbalance() == fractions("4", "2")
    assert example.probabilities() == fractions("0", "1")
    assert example.method.is_predictable


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


@pytest.mark.parametrize(
    ("light", "vector"),
    [(0, ("0.70", "0.12", "0.18")), (1, ("0.06", "0.76", "0.18")), (2, ("0.06", "0.12", "0.82"))],
)
def test_han_biased_coin_by_preferred_arm(light: int, vector: tuple[str, ...]) -> None:
    """Reference case G4: Han 2009, 1:2:3, p_L = .7."""
    counts = [10 * (arm + 1) * (arm != light) for arm in range(3)]
    example = Example((1, 2, 3), [counts], [1], "range", "0.7", rule="han")
    assert example.probabilities() == fractions(*vector)


def test_han_tie_gets_the_mean_of_the_tied_arms_vectors() -> None:
    """G4's first two vectors, averaged: arms 1 and 2 are both ten ratios behind."""
    example = Example((1, 2, 3), [[0, 0, 30]], [1], "taves", "0.7", rule="han")
    assert example.probabilities() == fractions("0.38", "0.44", "0.18")


def test_han_at_the_share_of_the_lowest_arm_is_the_ratio_itself() -> None:
    example = Example((1, 2, 3), [[9, 0, 4]], [1], "range", "1/6", rule="han")
    assert example.probabilities() == fractions("1/6", "1/3", "1/2")
    assert example.method.keeps_ratio


@pytest.mark.parametrize(
    ("measure", "g", "expected"),
    [
        ("taves", ("76", "77"), ("9/10", "1/10")),
        ("range", ("5", "5"), ("1/2", "1/2")),
        ("variance", ("9/2", "13/2"), ("9/10", "1/10")),
    ],
)
def test_taves_sum_range_and_variance_are_three_rules(
    measure: str, g: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """Reference case G5."""
    counts = [[30, 31], [18, 17], [9, 8], [19, 21]]
    example = Example((1, 1), counts, [1] * 4, measure, "0.9")
    assert example.imbalance() == fractions(*g)
    assert example.probabilities() == fractions(*expected)


@pytest.mark.parametrize("measure", [name for name in MEASURES if name != "taves"])
def test_true_tie_of_decimal_weights_is_a_tie(measure: str) -> None:
    """Reference rules: weights .1/.2/.3/.4, .1 + .2 against .3, under every measure."""
    counts = [[1, 0], [1, 0], [0, 1], [3, 3]]
    example = Example((1, 1), counts, ["0.1", "0.2", "0.3", "0.4"], measure, "0.9")
    assert example.probabilities() == fractions("1/2", "1/2")


def test_no_true_tie_of_decimal_weights_is_lost() -> None:
    """Reference rules: weights .1/.2/.3/.4, every difference of two arms from -3 to 3."""
    weights = ["0.1", "0.2", "0.3", "0.4"]
    lost_by_floats = 0
    for lead in product(range(-3, 4), repeat=4):
        example = Example((1, 1), [[3 + d, 3] for d in lead], weights, "range", "0.9")
        a = sum(weight * abs(d + 1) for weight, d in enumerate(lead, 1))
        b = sum(weight * abs(d - 1) for weight, d in enumerate(lead, 1))
        assert (example.probabilities() == fractions("1/2", "1/2")) == (a == b)
        floats = [
            sum(w * abs(d + arm) for w, d in zip((0.1, 0.2, 0.3, 0.4), lead, strict=True))
            for arm in (1, -1)
        ]
        lost_by_floats += a == b and floats[0] != floats[1]
    assert lost_by_floats > 0


def test_tie_of_unlike_roots_is_a_tie() -> None:
    """SD of two arms is |difference|/√2: differences 1, 2, 1 against 1, 0, 3 tie as 4 v 4."""
    example = Example((1, 1), [[10, 10], [11, 10], [10, 12]], [1] * 3, "sd", "0.9")
    assert example.probabilities() == fractions("1/2", "1/2")


@pytest.mark.parametrize("third", range(3, 12))
def test_tie_of_irrational_scores_is_a_tie_however_their_digits_are_cut(third: int) -> None:
    """SD: √m + √m + 2√n against √n + √n + 2√m, which cut digits tell apart for some m, n."""
    counts = [[1, 2, third], [1, 2, third], [2, 1, third]]
    example = Example((1, 1, 1), counts, [1, 1, 2], "sd", "0.9")
    assert example.probabilities() == fractions("9/20", "9/20", "1/10")


def test_preferred_arms_are_never_less_likely_than_the_others() -> None:
    """Five of six arms tie at p = .3: sharing .3 would make the worst arm the likeliest."""
    example = Example((1,) * 6, [[0, 0, 0, 0, 0, 1]], [1], "range", "0.3")
    assert example.probabilities() == (SIXTH,) * 6


def test_only_earlier_subjects_at_the_same_level_count() -> None:
    method = minimisation((1, 1), (2,), (1,), "range", P)
    state = list(method.start)
    method.after(method.design, state, (0,), 0)
    assert probabilities(method, state, (0,)) == fractions("1/10", "9/10")
    assert probabilities(method, state, (1,)) == fractions("1/2", "1/2")


def test_overall_weight_lets_the_whole_study_speak() -> None:
    method = minimisation((1, 1), (2,), (1,), "range", P, overall_weight=Fraction(1, 2))
    state = list(method.start)
    method.after(method.design, state, (0,), 0)
    assert imbalance(method, state, (1,)) == fractions("2", "1")
    assert probabilities(method, state, (1,)) == fractions("1/10", "9/10")


def test_new_site_joins_without_touching_earlier_counts() -> None:
    before = minimisation((1, 1, 1), (1, 2), (1, 1), "range", P)
    after = minimisation((1, 1, 1), (3, 2), (1, 1), "range", P)
    state = list(before.start)
    for number in range(9):
        draw(before, state, (0, number % 2), lambda attempt, k, n=number: n % k)  # type: ignore[misc]
    wider = grown(after, state, before.sizes)
    for sex in (0, 1):
        here = probabilities(before, state, (0, sex))
        assert probabilities(after, wider, (0, sex)) == here
        assert imbalance(after, wider, (2, sex)) != imbalance(after, wider, (0, sex))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ratio": (1,)}, "two arms"),
        ({"ratio": (1, 0)}, "ratio"),
        ({"sizes": (0,)}, "size"),
        ({"sizes": (2, 2)}, "one weight"),
        ({"sizes": (), "weights": ()}, "nothing to balance"),
        ({"weights": (0,)}, "above 0"),
        ({"p": Fraction(1, 3)}, "p must"),
        ({"p": Fraction(11, 10)}, "p must"),
        ({"p": 1, "rule": "rank", "ratio": (1, 1, 1)}, "p must"),
        ({"p": Fraction(1, 7), "rule": "han", "ratio": (1, 5)}, "p must"),
        ({"rule": "han", "ratio_preserving": True, "ratio": (1, 2)}, "fake arms"),
        ({"overall_weight": -1}, "overall"),
        ({"random_first": -1}, "random_first"),
        ({"measure": "entropy"}, "measure"),
        ({"rule": "efron"}, "rule"),
        ({"ties": "toss"}, "ties"),
    ],
)
def test_refuses_a_design_that_cannot_be_run(changed: dict[str, object], reason: str) -> None:
    design = {"ratio": (1, 1), "sizes": (2,), "weights": (1,), "measure": "range", "p": P}
    with pytest.raises(ValueError, match=reason):
        minimisation(**design | changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [{"p": 0.8}, {"weights": (0.5,)}, {"ratio": (1.0, 1)}, {"overall_weight": 0.5}, {"p": True}],
)
def test_refuses_floats_wherever_a_number_is_given(changed: dict[str, object]) -> None:
    design = {"ratio": (1, 1), "sizes": (2,), "weights": (1,), "measure": "range", "p": P}
    with pytest.raises(TypeError):
        minimisation(**design | changed)  # type: ignore[arg-type]
