"""A long list drawn at once is the same list."""

from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.randomization.blocks import BlockArms, block_arms, list_rows
from core.randomization.stream import ListStream, list_words

SEED = bytes(range(32))


def row_by_row(
    seed: bytes, stratum: str, ratio: dict[str, int], sizes: list[int], rows: int
) -> tuple[list[str], list[int]]:
    listed = list(islice(list_rows(seed, stratum, ratio, sizes), rows))
    return [row.arm for row in listed], [row.block for row in listed]


def named(ratio: dict[str, int], drawn: BlockArms) -> tuple[list[str], list[int]]:
    arms = list(ratio)
    return [arms[place] for place in drawn.arms], list(drawn.blocks)


@given(
    st.binary(min_size=32, max_size=32),
    st.text(max_size=8),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
    st.integers(0, 200),
)
@example(SEED, "S1", [1, 1], [2], 24)
@example(SEED, "S1", [1], [1], 5)
def test_rows_drawn_at_once_are_the_rows_of_the_list(
    seed: bytes, stratum: str, shares: list[int], multiples: list[int], rows: int
) -> None:
    ratio = {chr(65 + arm): share for arm, share in enumerate(shares)}
    sizes = [multiple * sum(shares) for multiple in multiples]
    drawn = block_arms(seed, stratum, ratio, sizes, rows)
    assert named(ratio, drawn) == row_by_row(seed, stratum, ratio, sizes, rows)


@pytest.mark.parametrize(
    ("ratio", "sizes", "published"),
    [
        ({"A": 1, "B": 1}, [4], "BABAABBABABAABABABABBABA"),
        ({"A": 2, "B": 2, "C": 1}, [5, 10], "BAABCBABACABBCABAACBBAABC"),
    ],
)
def test_rows_drawn_at_once_equal_the_published_vector(
    ratio: dict[str, int], sizes: list[int], published: str
) -> None:
    """Reference case G19, both vectors of `pbr-v1`."""
    arms, _ = named(ratio, block_arms(SEED, "S1", ratio, sizes, len(published)))
    assert "".join(arms) == published


@pytest.mark.parametrize(
    ("stratum", "sizes", "skipped", "k"),
    # The word's place in the stream, and the range it was drawn for.
    [("S11071", [1000], 999 + 267, 733), ("S39", [1000, 500], 1000 + 1 + 227, 273)],
)
def test_a_word_that_would_favour_some_is_passed_over_here_too(
    stratum: str, sizes: list[int], skipped: int, k: int
) -> None:
    """`pbr-v1`: all words after it serve one place later, which no short vector shows."""
    words = list_words(SEED, stratum, skipped + 1)
    assert int.from_bytes(words[-4:], "big") >= 2**32 - 2**32 % k
    ratio = {"A": 1, "B": 1}
    drawn = block_arms(SEED, stratum, ratio, sizes, 3000)
    assert named(ratio, drawn) == row_by_row(SEED, stratum, ratio, sizes, 3000)


@given(st.binary(min_size=32, max_size=32), st.text(max_size=8), st.integers(0, 40))
def test_words_laid_end_to_end_are_those_of_the_stream(
    seed: bytes, stratum: str, words: int
) -> None:
    stream = ListStream(seed, stratum)
    laid = list_words(seed, stratum, words)
    read = [int.from_bytes(laid[i : i + 4], "big") for i in range(0, len(laid), 4)]
    assert read == [stream.below(2**32) for _ in range(words)]


def test_refuses_what_the_list_refuses() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        block_arms(b"short", "S1", {"A": 1, "B": 1}, [4], 8)
    with pytest.raises(ValueError, match="block size"):
        block_arms(SEED, "S1", {"A": 2, "B": 1}, [4], 8)
    with pytest.raises(ValueError, match="rows"):
        block_arms(SEED, "S1", {"A": 1, "B": 1}, [4], -1)
    with pytest.raises(ValueError, match="byte"):
        block_arms(SEED, "S1", {str(arm): 1 for arm in range(257)}, [257], 8)
