"""Numbers people copy and key: a slip of the finger never makes another right number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codes import (
    activation_code,
    checked_number,
    confirmation_number,
    damm,
    is_damm,
    is_mod97,
    mod97,
    shipment_number,
)
from core.context import SeededEntropy

bodies = st.text("0123456789", min_size=1, max_size=15)
seeds = st.binary(min_size=1, max_size=8)


def test_published_check_digits_of_123456() -> None:
    assert damm("123456") == "6"
    assert mod97("123456") == "76"


@given(bodies, st.data())
def test_one_wrong_digit_is_noticed(body: str, data: st.DataObject) -> None:
    number = body + damm(body)
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert is_damm(number)
    assert not is_damm(number[:place] + other + number[place + 1 :])


@given(bodies, st.data())
def test_two_neighbours_swapped_are_noticed(body: str, data: st.DataObject) -> None:
    number = body + damm(body)
    place = data.draw(st.integers(0, len(number) - 2))
    a, b = number[place], number[place + 1]
    swapped = number[:place] + b + a + number[place + 2 :]
    assert is_damm(swapped) is (a == b)


@given(st.text("0123456789", min_size=1, max_size=15), st.data())
def test_mod97_notices_one_wrong_digit(body: str, data: st.DataObject) -> None:
    number = body + mod97(body)
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert is_mod97(number)
    assert not is_mod97(number[:place] + other + number[place + 1 :])


@given(seeds)
def test_numbers_have_their_length_and_their_check_digits(seed: bytes) -> None:
    entropy = SeededEntropy(seed)
    assert len(confirmation_number(entropy)) == 9
    assert is_damm(confirmation_number(entropy))
    assert len(checked_number(entropy, 7)) == 7
    assert is_damm(checked_number(entropy, 7))
    assert len(shipment_number(entropy)) == 8
    assert is_mod97(shipment_number(entropy))
    assert len(activation_code(entropy)) == 12


@pytest.mark.parametrize("text", ["", "0", "12345x", "１２３４５６６", " 1234566"])
def test_what_is_no_number_has_no_right_check_digit(text: str) -> None:
    assert not is_damm(text)
    assert not is_mod97(text)
