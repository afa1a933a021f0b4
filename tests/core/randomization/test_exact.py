"""Numbers of a protocol are read exactly or not at all."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomization.exact import exact, scaled


@pytest.mark.parametrize("value", ["4/5", "0.8", Decimal("0.8"), Decimal("8E-1"), Fraction(4, 5)])
def test_reads_every_way_of_writing_four_fifths(value: object) -> None:
    assert exact(value) == Fraction(4, 5)


@pytest.mark.parametrize("value", [0.8, 1.0, True, None, [1]])
def test_refuses_floats_and_other_types_even_when_the_value_would_be_exact(value: object) -> None:
    with pytest.raises(TypeError):
        exact(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "p",
        "1/0",
        "0,8",
        "1e3",
        " 1",
        "1_000",
        "٣",
        "1/2/3",
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+999999999"),
    ],
)
def test_refuses_what_is_no_plain_number(value: object) -> None:
    with pytest.raises(ValueError, match=r"number|zero"):
        exact(value)


@given(st.lists(st.fractions(max_denominator=1000), min_size=1, max_size=8))
def test_scaling_gives_integers_in_the_same_proportion(values: list[Fraction]) -> None:
    numbers, denominator = scaled(values)
    assert [Fraction(number, denominator) for number in numbers] == values


def test_scales_the_weights_that_floats_get_wrong() -> None:
    """Reference rules: weights .1/.2/.3/.4 as floats lost 35 % of the true ties."""
    assert 0.1 + 0.2 != 0.3
    assert scaled([exact(text) for text in ("0.1", "0.2", "0.3", "0.4")]) == ((1, 2, 3, 4), 10)
