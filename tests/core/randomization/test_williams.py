"""Williams squares for crossover studies."""

from collections import Counter
from itertools import pairwise

import pytest

from core.randomization.williams import williams


def letters(treatments: int) -> list[str]:
    """The sequences as letters."""
    return ["".join("ABCDEFGHIJ"[one] for one in sequence) for sequence in williams(treatments)]


def test_four_treatments_give_the_published_square() -> None:
    """Reference case G16; Williams 1949."""
    assert letters(4) == ["ABDC", "BCAD", "CDBA", "DACB"]


def test_three_treatments_give_six_sequences_with_each_ordered_pair_twice() -> None:
    """Reference case G16."""
    sequences = letters(3)
    assert sorted(sequences) == ["ABC", "ACB", "BAC", "BCA", "CAB", "CBA"]
    pairs = Counter(one + other for sequence in sequences for one, other in pairwise(sequence))
    assert pairs == dict.fromkeys(["AB", "BA", "AC", "CA", "BC", "CB"], 2)


@pytest.mark.parametrize("treatments", range(2, 11))
def test_every_treatment_is_as_often_in_each_period_and_after_each_other(treatments: int) -> None:
    sequences = williams(treatments)
    times = 1 + treatments % 2
    assert len(sequences) == len(set(sequences)) == times * treatments
    for period in zip(*sequences, strict=True):
        assert Counter(period) == dict.fromkeys(range(treatments), times)
    pairs = Counter(pair for sequence in sequences for pair in pairwise(sequence))
    assert set(pairs.values()) == {times}
    assert len(pairs) == treatments * (treatments - 1)


def test_refuses_a_crossover_of_one_treatment() -> None:
    with pytest.raises(ValueError, match="below 2"):
        williams(1)
    with pytest.raises(TypeError, match="whole"):
        williams(4.0)  # type: ignore[arg-type]
