"""The simulation's own permuted blocks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from core.randomization.simulation.blocks import permuted_blocks


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def test_every_block_holds_the_ratio_and_every_order_is_as_likely() -> None:
    drawn = permuted_blocks((2, 1), (3,), 30_000, generator()).reshape(-1, 3)
    seen = Counter(map(tuple, drawn.tolist()))
    assert set(seen) == {(0, 0, 1), (0, 1, 0), (1, 0, 0)}
    assert all(abs(count - 10_000 / 3) < 5 * (10_000 * 2 / 9) ** 0.5 for count in seen.values())


def test_blocks_with_too_many_orders_for_a_table_are_shuffled_just_so() -> None:
    drawn = permuted_blocks((1, 1), (20,), 100_000, generator()).reshape(-1, 20)
    assert set(drawn.sum(axis=1).tolist()) == {10}
    assert drawn.mean(axis=0) == pytest.approx([0.5] * 20, abs=5 * 0.5 / 5000**0.5)
    assert len({tuple(row) for row in drawn.tolist()}) > 4900


def test_sizes_are_drawn_equally_often_and_each_block_is_complete() -> None:
    drawn = permuted_blocks((1, 1), (2, 6), 200_000, generator()).tolist()
    # A run of three equal arms can't be inside blocks of two; balance returns at block ends.
    place, sums = 0, 0
    returns = 0
    for arm in drawn:
        place += 1
        sums += 1 if arm else -1
        returns += sums == 0
        assert abs(sums) <= 3
    assert 0.25 < returns / place < 0.5


@pytest.mark.parametrize("rows", [0, 1, 5, 8])
def test_the_last_block_is_cut_off(rows: int) -> None:
    assert len(permuted_blocks((1, 1), (4,), rows, generator())) == rows
    assert len(permuted_blocks((1, 1), (4, 6), rows, generator())) == rows


def test_the_same_generator_gives_the_same_blocks() -> None:
    first, second = (permuted_blocks((1, 1), (4, 6), 100, generator(5)) for _ in range(2))
    assert (first == second).all()


def test_refuses_a_size_that_cannot_hold_the_ratio() -> None:
    with pytest.raises(ValueError, match="multiple"):
        permuted_blocks((2, 1), (4,), 10, generator())
