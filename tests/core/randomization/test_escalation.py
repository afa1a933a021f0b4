"""What 3+3 and BOIN advise."""

from decimal import Decimal
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomization.escalation import (
    Action,
    Advice,
    boin_boundaries,
    boin_decision,
    is_eliminated,
    three_plus_three,
)

TARGET = Fraction(3, 10)


@pytest.mark.parametrize(
    ("treated", "toxic", "advice"),
    [
        ([0, 0, 0], [0, 0, 0], Advice(Action.STAY, 0)),
        ([2, 0, 0], [1, 0, 0], Advice(Action.STAY, 0)),
        ([3, 0, 0], [0, 0, 0], Advice(Action.ESCALATE, 1)),
        ([3, 0, 0], [1, 0, 0], Advice(Action.EXPAND, 0)),
        ([5, 0, 0], [1, 0, 0], Advice(Action.STAY, 0)),
        ([6, 0, 0], [1, 0, 0], Advice(Action.ESCALATE, 1)),
        ([2, 0, 0], [2, 0, 0], Advice(Action.STOP, None, 0)),
        ([6, 0, 0], [2, 0, 0], Advice(Action.STOP, None, 0)),
        ([3, 3, 0], [0, 2, 0], Advice(Action.DE_ESCALATE, 0, 1)),
        ([4, 3, 0], [0, 2, 0], Advice(Action.STAY, 0, 1)),
        ([6, 3, 0], [1, 2, 0], Advice(Action.STOP, 0, 1)),
        ([6, 3, 0], [2, 2, 0], Advice(Action.STOP, None, 0)),
        ([3, 3, 6], [0, 0, 2], Advice(Action.DE_ESCALATE, 1, 2)),
        ([3, 3, 3], [0, 0, 0], Advice(Action.EXPAND, 2)),
        ([3, 3, 6], [0, 0, 1], Advice(Action.STOP, 2)),
    ],
)
def test_three_plus_three_follows_the_traditional_rule(
    treated: list[int], toxic: list[int], advice: Advice
) -> None:
    """Le Tourneau et al. 2009, figure 1A; Storer 1989."""
    assert three_plus_three(treated, toxic) == advice


def test_three_plus_three_finds_no_dose_as_often_as_theory_says() -> None:
    """Two doses with toxicity 1/4 and 1/2: every trial, cohort by cohort, against the formula.

    A dose is passed with 0 of 3, or 1 of 3 and then 0 of 3 (Storer 1989, design A). No dose is
    found if the lower fails, or fails in its second cohort once the higher one was too toxic.
    """
    low, high = Fraction(1, 4), Fraction(1, 2)

    def of_three(rate: Fraction, toxic: int) -> Fraction:
        return comb(3, toxic) * rate**toxic * (1 - rate) ** (3 - toxic)

    def no_dose(treated: tuple[int, ...], toxic: tuple[int, ...]) -> Fraction:
        advice = three_plus_three(treated, toxic)
        if advice.action is Action.STOP:
            return Fraction(advice.dose is None)
        assert advice.dose is not None
        found = Fraction()
        for hits in range(4):
            here, bad = list(treated), list(toxic)
            here[advice.dose] += 3
            bad[advice.dose] += hits
            chance = of_three((low, high)[advice.dose], hits)
            found += chance * no_dose(tuple(here), tuple(bad))
        return found

    clean, one = of_three(low, 0), of_three(low, 1)
    top = of_three(high, 0) * (of_three(high, 0) + of_three(high, 1))
    top += of_three(high, 1) * of_three(high, 0)
    expected = 1 - clean - one * clean + clean * (1 - top) * (1 - clean - one)
    assert no_dose((0, 0), (0, 0)) == expected


@pytest.mark.parametrize(
    ("treated", "toxic"),
    [([3, 0], [4, 0]), ([9, 0], [0, 0]), ([0, 3], [0, 0]), ([3], [0, 0]), ([], []), ([3], [-1])],
)
def test_three_plus_three_refuses_tallies_that_cannot_be(
    treated: list[int], toxic: list[int]
) -> None:
    with pytest.raises(ValueError, match=r"toxic|six|nobody|tallies"):
        three_plus_three(treated, toxic)


@pytest.mark.parametrize(
    ("target", "escalate", "de_escalate"),
    [
        ("0.15", ".118", ".179"),
        ("0.2", ".157", ".238"),
        ("0.25", ".197", ".298"),
        ("0.3", ".236", ".358"),
        ("0.35", ".276", ".419"),
        ("0.4", ".316", ".479"),
    ],
)
def test_boin_boundaries_are_the_published_ones(
    target: str, escalate: str, de_escalate: str
) -> None:
    """Liu & Yuan 2015, table 1, printed to three digits, some rounded and some cut off."""
    found = boin_boundaries(Fraction(target))
    assert abs(found.escalate - Decimal(escalate)) < Decimal("0.001")
    assert abs(found.de_escalate - Decimal(de_escalate)) < Decimal("0.001")


def test_boin_boundaries_agree_with_the_authors_package() -> None:
    """R package BOIN, get.boundary(target = 0.3): lambda_e 0.2364907, lambda_d 0.3585195."""
    found = boin_boundaries(TARGET)
    assert str(round(found.escalate, 7)) == "0.2364907"
    assert str(round(found.de_escalate, 7)) == "0.3585195"
    assert len(found.escalate.as_tuple().digits) == 40


def test_boin_table_agrees_with_the_authors_package() -> None:
    """R package BOIN, get.boundary(target = 0.3), its full table up to 20 subjects."""
    up = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]
    down = [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 8]
    out = [None, None, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9, 10]
    for n in range(1, 21):
        advised = [boin_decision(TARGET, [3, n, 0], [0, bad, 0], 1) for bad in range(n + 1)]
        actions = [advice.action for advice in advised]
        assert actions.count(Action.ESCALATE) == up[n - 1] + 1
        assert actions.index(Action.DE_ESCALATE) == down[n - 1]
        assert [a.too_toxic for a in advised].count(1) == n + 1 - (out[n - 1] or n + 1)


def test_boin_stays_where_there_is_no_dose_to_go_to() -> None:
    assert boin_decision(TARGET, [3], [0], 0) == Advice(Action.STAY, 0)
    assert boin_decision(TARGET, [3, 0], [2, 0], 0) == Advice(Action.STAY, 0)
    assert boin_decision(TARGET, [6, 3], [0, 3], 0) == Advice(Action.STAY, 0, 1)


def test_boin_stops_when_the_lowest_dose_is_eliminated() -> None:
    assert boin_decision(TARGET, [3, 0], [3, 0], 0) == Advice(Action.STOP, None, 0)


def test_boin_leaves_an_eliminated_dose_for_the_one_below_it() -> None:
    """Dose 1 was eliminated while subjects of dose 2 were under way: both are closed."""
    advice = boin_decision(TARGET, [3, 3, 3], [0, 3, 1], 2)
    assert advice == Advice(Action.DE_ESCALATE, 0, 1)


@given(st.integers(3, 30), st.data())
def test_one_toxicity_more_never_makes_boin_bolder(treated: int, data: st.DataObject) -> None:
    toxic = data.draw(st.integers(0, treated - 1))
    boldness = [Action.STOP, Action.DE_ESCALATE, Action.STAY, Action.ESCALATE]
    before, after = (
        boldness.index(boin_decision(TARGET, [3, treated, 0], [0, bad, 0], 1).action)
        for bad in (toxic, toxic + 1)
    )
    assert after <= before
    assert is_eliminated(TARGET, treated, toxic + 1) >= is_eliminated(TARGET, treated, toxic)


def test_boin_refuses_what_it_cannot_compute_with() -> None:
    for numbers in [
        (TARGET, TARGET, None),
        (TARGET, None, Fraction(1)),
        (Fraction(4, 5), None, None),
    ]:
        with pytest.raises(ValueError, match="phi1 < target < phi2"):
            boin_boundaries(*numbers)
    with pytest.raises(TypeError, match="exact"):
        boin_boundaries(0.3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nobody had this dose"):
        boin_decision(TARGET, [3, 0], [0, 0], 1)
    with pytest.raises(IndexError, match="no such dose"):
        boin_decision(TARGET, [3, 0], [0, 0], -1)
