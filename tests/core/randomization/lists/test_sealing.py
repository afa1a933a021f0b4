"""A long list sealed at once is the one that row-by-row work gives."""

from __future__ import annotations

from itertools import islice

import pytest

from core.errors import IntegrityBreach
from core.randomization.blocks import list_rows
from core.randomization.lists.numbers import list_number
from core.randomization.lists.sealing import sealed_list
from core.randomization.rows import row_about
from core.sealed import Keys, Sealed

SEED = bytes(range(32))
RATIO = {"A": 2, "B": 1}
KEYS = Keys(b"k" * 40, (b"e" * 32,))
ROWS = 9000  # more than are made ready at a time


def test_rows_numbers_and_arms_are_those_of_the_stream() -> None:
    sealed = list(sealed_list(KEYS, "s", "v1|sex=F", SEED, RATIO, (3, 6), ROWS))
    wanted = list(islice(list_rows(SEED, "v1|sex=F", RATIO, (3, 6)), ROWS))
    assert [(row[0], row[1]) for row in sealed] == [(one.sequence, one.block) for one in wanted]
    assert [
        KEYS.open(Sealed(token, row_about("s", "v1|sex=F", sequence)))
        for sequence, _, _, token in sealed
    ] == [one.arm for one in wanted]
    assert len({row[2] for row in sealed}) == ROWS
    assert sealed[0][2] == list_number(SEED, "v1|sex=F", 1)


def test_no_token_opens_elsewhere_and_none_has_the_nonce_or_length_of_another() -> None:
    tokens = [row[3] for row in sealed_list(KEYS, "s", "d", SEED, RATIO, (3,), 5000)]
    with pytest.raises(IntegrityBreach):
        KEYS.open(Sealed(tokens[1], row_about("s", "d", 1)))
    assert len({token[4:16] for token in tokens}) == 5000
    assert len({len(token) for token in tokens}) == 1
