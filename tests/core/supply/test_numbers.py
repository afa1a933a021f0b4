"""Kit numbers: no slip of the keys turns one into another, tried by keying each slip there is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codes import damm, is_damm
from core.context import SeededEntropy
from core.supply.numbers import DIGITS, Guard, count_alike, guarded


def _slips(number: str) -> Iterator[str]:
    """Whatever is keyed for a number by one slip, written down without any cleverness."""
    for place, digit in enumerate(number):
        yield from (number[:place] + other + number[place + 1 :] for other in "0123456789")
        for apart in (1, 2):
            if place + apart < len(number):
                keys = list(number)
                keys[place], keys[place + apart] = keys[place + apart], digit
                yield "".join(keys)
        left = number[:place] + number[place + 1 :]
        yield from (left[: at + 1] + left[at:] for at in range(len(left)))


bodies = st.integers(0, 10**7 - 1).map(lambda body: f"{body:07d}")


@given(bodies)
def test_a_slip_of_a_number_is_not_clear_of_it_nor_it_of_the_slip(body: str) -> None:
    number = body + damm(body)
    for slip in _slips(number):
        if slip != number and is_damm(slip):
            assert not Guard([number]).is_clear(slip), slip
            assert not Guard([slip]).is_clear(number), slip


@given(bodies, bodies)
def test_what_no_slip_leads_to_is_clear(body: str, other: str) -> None:
    number, another = body + damm(body), other + damm(other)
    leads = another in _slips(number) or number in _slips(another)
    assert Guard([number]).is_clear(another) is not (leads or number == another)


@given(bodies)
def test_one_wrong_key_and_two_neighbours_swapped_are_caught_by_the_check_digit(
    body: str,
) -> None:
    number = body + damm(body)
    for place in range(DIGITS):
        for other in "0123456789":
            slip = number[:place] + other + number[place + 1 :]
            assert slip == number or not is_damm(slip)
    for place in range(DIGITS - 1):
        first, second = number[place], number[place + 1]
        slip = number[:place] + second + first + number[place + 2 :]
        assert slip == number or not is_damm(slip)


def test_numbers_are_clear_of_each_other_and_of_those_taken() -> None:
    taken = guarded(500, (), SeededEntropy(b"taken").below)
    made = guarded(3000, taken, SeededEntropy(b"made").below)
    every = {*taken, *made}
    assert len(every) == 3500
    assert all(len(number) == DIGITS and is_damm(number) for number in made)
    for number in every:
        assert not (set(_slips(number)) & every) - {number}


def test_numbers_come_by_chance_and_in_no_order() -> None:
    made = guarded(1000, (), SeededEntropy(b"chance").below)
    assert made == guarded(1000, (), SeededEntropy(b"chance").below)
    assert made != sorted(made)
    rises = sum(first < second for first, second in pairwise(made))
    assert 440 < rises < 560
    for place in range(DIGITS):
        seen = [sum(number[place] == digit for number in made) for digit in "0123456789"]
        assert min(seen) > 60, place
        assert max(seen) < 145, place


def test_where_no_number_is_left_it_is_said() -> None:
    with pytest.raises(ValueError, match="too many"):
        guarded(2, (), lambda bound: 1_234_567)


def test_numbers_alike_are_counted() -> None:
    drawn = random.Random(16).sample(range(10**7), 2000)
    numbers = [body + damm(body) for body in (f"{number:07d}" for number in drawn)]
    leads_to = {number: set(_slips(number)) for number in numbers}
    led: dict[str, set[str]] = {}
    for number, slips in leads_to.items():
        for slip in slips:
            led.setdefault(slip, set()).add(number)
    before, alike = set[str](), 0
    for number in numbers:
        alike += bool((leads_to[number] | led.get(number, set())) & before)
        before.add(number)
    assert count_alike(numbers, ()) == alike > 0
    assert count_alike(numbers[1000:], numbers[:1000]) <= alike
