"""Unequal ratios and what can be known of the next arm, by exact enumeration."""

from fractions import Fraction
from itertools import product

import pytest

from core.randomization.exact import exact
from core.randomization.method import Knowledge, Method, shares_of
from core.randomization.methods.minimise import (
    MEASURES,
    arms_of_scores,
    canonical,
    imbalance,
    minimisation,
)
from tests.support.paths import probabilities, unconditional

THIRD = Fraction(1, 3)
P = Fraction(9, 10)


def fractions(*texts: str) -> tuple[Fraction, ...]:
    """Published numbers as exact fractions."""
    return tuple(exact(text) for text in texts)


def first_arm(method: Method, steps: int) -> list[Fraction]:
    """The unconditional probability of the first arm at each step, without covariates."""
    return [arms[0] for arms in unconditional(method, [()] * steps)]


def test_naive_unequal_minimisation_swings_around_its_ratio() -> None:
    """Reference case G13: 1:2, no covariates, range on n/ratio, p = .9."""
    method = minimisation((1, 2), (), (), "range", P, overall_weight=1)
    assert first_arm(method, 4) == list(fractions("1/10", "41/50", "43/250", "67/625"))
    assert not method.keeps_ratio


def test_han_biased_coin_swings_less() -> None:
    """Reference case G13: Han's biased coin, p_L = .8."""
    method = minimisation((1, 2), (), (), "range", Fraction(4, 5), rule="han", overall_weight=1)
    assert first_arm(method, 4) == list(fractions("1/10", "73/100", "113/500", "313/2500"))
    assert not method.keeps_ratio


def test_fake_arms_keep_the_ratio_at_every_step() -> None:
    """Reference case G13: Kuznetsova & Tymofyeyev's expansion, exactly 1/3 at every step."""
    method = minimisation((1, 2), (), (), "range", P, overall_weight=1, ratio_preserving=True)
    assert first_arm(method, 7) == [THIRD] * 7
    assert method.keeps_ratio


@pytest.mark.parametrize("measure", list(MEASURES))
@pytest.mark.parametrize(("rule", "p"), [("biased_coin", P), ("rank", Fraction(1, 3))])
def test_fake_arms_keep_the_ratio_whatever_the_levels(measure: str, rule: str, p: Fraction) -> None:
    """Every path of seven subjects of two factors; alike states are followed as one."""
    method = minimisation(
        (1, 2, 1), (2, 2), (2, 1), measure, p, rule=rule, ratio_preserving=True, random_first=1
    )
    subjects = [(0, 0), (0, 1), (0, 0), (1, 1), (0, 1), (1, 0), (0, 0)]
    ratio = (Fraction(1, 4), Fraction(1, 2), Fraction(1, 4))
    assert list(unconditional(method, subjects, canonical)) == [ratio] * len(subjects)


def test_alike_fake_arms_may_be_followed_as_one() -> None:
    method = minimisation((3, 1), (2,), (1,), "range", P, ratio_preserving=True)
    knowledge = Knowledge(method)
    for levels, arm in (((0,), 0), ((1,), 0), ((0,), 1), ((1,), 0), ((1,), 0)):
        knowledge.see(levels, arm)
    found: dict[tuple[int, ...], set[tuple[Fraction, ...]]] = {}
    for state in knowledge.states:
        by_arm = probabilities(method, state, (1,))
        alike = (sum(by_arm[2:5], Fraction(0)), by_arm[5])
        found.setdefault(canonical(method, state), set()).add(alike)
    assert len(found) < len(knowledge.states)
    assert all(len(each) == 1 for each in found.values())


def test_fake_arm_drawn_is_remembered_and_its_arm_certain() -> None:
    method = minimisation((2, 1), (2,), (1,), "range", P, ratio_preserving=True)
    state = list(method.start)
    assert probabilities(method, state, (1,)) == fractions("0", "0", "1/3", "1/3", "1/3")
    method.after(method.design, state, (1,), 3)  # the second of arm 0's two
    assert probabilities(method, state, (1,)) == fractions("1", "0", "0", "0", "0")
    method.after(method.design, state, (1,), 0)
    assert probabilities(method, state, (1,)) == fractions("0", "0", "9/20", "1/10", "9/20")
    assert probabilities(method, state, (0,)) == fractions("0", "0", "1/3", "1/3", "1/3")


def test_each_score_names_its_arm() -> None:
    fake = minimisation((2, 1), (1,), (1,), "range", P, ratio_preserving=True)
    assert arms_of_scores(fake) == (0, 0, 1)
    assert len(imbalance(fake, fake.start, (0,))) == 3
    assert arms_of_scores(minimisation((2, 1), (1,), (1,), "range", P)) == (0, 1)


def test_canonical_state_remembers_which_fake_arm_was_drawn() -> None:
    method = minimisation((2, 1), (1,), (1,), "range", P, ratio_preserving=True)
    drawn = list(method.start)
    method.after(method.design, drawn, (0,), 2)
    other = list(method.start)
    method.after(method.design, other, (0,), 3)
    assert canonical(method, drawn) == canonical(method, other)
    assert shares_of(method, canonical(method, drawn), (0,))[:2] == [1, 0]


def test_equal_arms_need_no_fake_ones() -> None:
    plain = minimisation((3, 3), (2,), (1,), "range", P)
    assert minimisation((3, 3), (2,), (1,), "range", P, ratio_preserving=True).moves == 0
    assert plain.keeps_ratio


def test_ratio_in_lowest_terms_gives_the_fake_arms() -> None:
    method = minimisation((4, 2), (2,), (1,), "range", P, ratio_preserving=True)
    assert method.moves == 3


@pytest.mark.parametrize(("ratio", "preserving"), [((1, 2), False), ((1, 2), True)])
def test_first_subjects_are_drawn_by_the_ratio_alone(
    ratio: tuple[int, ...], preserving: bool
) -> None:
    method = minimisation(
        ratio, (2,), (1,), "range", Fraction(1), ratio_preserving=preserving, random_first=3
    )
    knowledge = Knowledge(method)
    for levels in ((0,), (1,), (0,)):
        assert knowledge.probabilities(levels) == (THIRD, 2 * THIRD)
        knowledge.see(levels, 0)
    assert knowledge.probabilities((0,)) == fractions("0", "1")


@pytest.mark.parametrize(
    ("ratio", "options", "predictable"),
    [
        ((1, 1), {"p": 1}, True),
        ((1, 1), {"p": P}, False),
        ((1, 2), {"p": 1, "rule": "han"}, True),
        ((1, 1, 1), {"p": Fraction(2, 3), "rule": "rank"}, False),
        ((2, 1), {"p": Fraction(2, 3), "rule": "rank", "ratio_preserving": True}, True),
        ((2, 2, 1), {"p": Fraction(2, 5), "rule": "rank", "ratio_preserving": True}, False),
    ],
)
def test_says_whether_an_arm_can_ever_be_certain(
    ratio: tuple[int, ...], options: dict[str, object], predictable: bool
) -> None:
    """All sequences of four subjects at one level, as someone sees who knows the earlier arms."""
    method = minimisation(ratio, (1,), (1,), "range", **options)  # type: ignore[arg-type]
    certain = False
    for arms in product(range(len(ratio)), repeat=4):
        knowledge = Knowledge(method)
        for arm in arms:
            chances = knowledge.probabilities((0,))
            certain |= 1 in chances
            if not chances[arm]:
                break
            knowledge.see((0,), arm)
    assert method.is_predictable == predictable == certain
