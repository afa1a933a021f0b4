"""Numbers made for a whole list at once."""

from __future__ import annotations

import pytest

from core.codes import is_damm
from core.randomization.lists.many_numbers import numbers_of
from core.randomization.lists.numbers import NumberStream, list_number

SEED = bytes(range(32))


@pytest.mark.parametrize(("digits", "rows"), [(2, 6), (3, 70), (4, 900), (7, 5_000), (16, 9)])
def test_they_are_those_made_row_by_row_where_many_are_taken_too(digits: int, rows: int) -> None:
    stream = NumberStream(SEED, "v1|all", digits)
    found = list(numbers_of(SEED, "v1|all", digits, rows))
    assert found == [stream.take(row) for row in range(1, rows + 1)]
    assert len(set(found)) == rows
    firsts = [list_number(SEED, "v1|all", row, 0, digits) for row in range(1, rows + 1)]
    assert (found == firsts) == (len(set(firsts)) == rows)


def test_every_number_ends_in_its_check_digit() -> None:
    assert all(is_damm(number) for number in numbers_of(SEED, "v1|all", 8, 500))


def test_refuses_more_rows_than_there_are_numbers() -> None:
    with pytest.raises(RuntimeError, match="taken"):
        list(numbers_of(SEED, "v1|all", 2, 11))
    with pytest.raises(ValueError, match="seed"):
        list(numbers_of(b"short", "v1|all", 8, 1))
