"""Rows written as they are needed: the same list however it is taken; numbers that grow."""

from __future__ import annotations

import itertools

import pytest

from core.codes import number_digits
from core.randomization import rows
from core.randomization.blocks import ListRow, list_rows
from core.randomization.rows import Source, rows_between

SEED = bytes(range(32))


@pytest.mark.parametrize("sizes", [(4,), (3, 6, 9)])
@pytest.mark.parametrize("many", [0, 1_000_000])
def test_rows_taken_in_parts_are_the_list_and_end_with_a_block(
    sizes: tuple[int, ...], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_ROWS_MANY", many)
    source = Source({"A": 2, "B": 1} if len(sizes) > 1 else {"A": 1, "B": 1}, sizes)
    taken: list[ListRow] = []
    for until in (1, 24, 25, 111, 300):
        until = max(until, len(taken) + 1)
        taken += rows_between(SEED, "v1|all", source, len(taken), until)
        assert len(taken) >= until
    whole = list_rows(SEED, "v1|all", source.ratio, sizes)
    assert taken == list(itertools.islice(whole, len(taken)))
    assert next(whole).block == taken[-1].block + 1


@pytest.mark.parametrize(
    ("given", "digits"),
    [(0, 7), (100_000, 7), (100_001, 8), (1_000_000, 8), (1_000_001, 9), (10_000_001, 10)],
)
def test_numbers_stay_at_seven_digits_until_they_would_be_crowded(given: int, digits: int) -> None:
    assert number_digits(given) == digits
