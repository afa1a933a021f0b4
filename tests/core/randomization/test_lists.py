"""Permuted blocks, their stream, and the keyed draw."""

import hashlib
import hmac
from collections import Counter
from itertools import groupby, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomization.blocks import ListRow, list_rows
from core.randomization.stream import ListStream, uniform_below

SEED = bytes(range(32))
RATIOS = st.dictionaries(
    st.text("ABCDEF", min_size=1, max_size=2), st.integers(1, 4), min_size=1, max_size=4
)
MULTIPLES = st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True)


def arms(rows: list[ListRow]) -> str:
    return "".join(row.arm for row in rows)


@pytest.mark.parametrize(
    ("ratio", "sizes", "published"),
    [
        ({"A": 1, "B": 1}, [4], "BABAABBABABAABABABABBABA"),
        ({"A": 2, "B": 2, "C": 1}, [5, 10], "BAABCBABACABBCABAACBBAABC"),
    ],
)
def test_list_equals_the_published_vector(
    ratio: dict[str, int], sizes: list[int], published: str
) -> None:
    """Reference case G19, both vectors of `pbr-v1`."""
    assert arms(list(islice(list_rows(SEED, "S1", ratio, sizes), len(published)))) == published


def test_list_can_be_recomputed_from_the_description_alone() -> None:
    """Reference case G19: the format in its own words, without our stream or block code."""
    digest = hmac.new(SEED, b"pbr-v1|101 / <65|" + bytes(8), hashlib.sha256).digest()
    words = iter([int.from_bytes(digest[i : i + 4], "big") for i in range(0, 32, 4)])
    block = ["A", "A", "B", "B"]
    for i in (3, 2, 1):  # no word of this digest is high enough to be rejected
        j = next(words) % (i + 1)
        block[i], block[j] = block[j], block[i]
    drawn = islice(list_rows(SEED, "101 / <65", {"A": 1, "B": 1}, [4]), 4)
    assert [row.arm for row in drawn] == block


@given(st.binary(min_size=32, max_size=32), st.text(max_size=8), RATIOS, MULTIPLES)
def test_every_complete_block_holds_the_exact_ratio(
    seed: bytes, stratum: str, ratio: dict[str, int], multiples: list[int]
) -> None:
    unit = sum(ratio.values())
    sizes = [unit * multiple for multiple in multiples]
    rows = list(islice(list_rows(seed, stratum, ratio, sizes), 6 * max(sizes)))
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    blocks = [list(block) for _, block in groupby(rows, key=lambda row: row.block)]
    assert [block[0].block for block in blocks] == list(range(1, len(blocks) + 1))
    for block in blocks[:-1]:
        assert len(block) in sizes
        held = Counter(row.arm for row in block)
        assert held == {arm: share * len(block) // unit for arm, share in ratio.items()}


@given(st.binary(min_size=32, max_size=32), RATIOS, MULTIPLES, st.integers(0, 40))
def test_first_rows_stay_when_more_are_drawn(
    seed: bytes, ratio: dict[str, int], multiples: list[int], few: int
) -> None:
    sizes = [sum(ratio.values()) * multiple for multiple in multiples]
    short = list(islice(list_rows(seed, "S", ratio, sizes), few))
    assert list(islice(list_rows(seed, "S", ratio, sizes), few + 40))[:few] == short


def test_another_stratum_has_another_list() -> None:
    lists = {
        arms(list(islice(list_rows(SEED, name, {"A": 1, "B": 1}, [4]), 64))) for name in "RSTU"
    }
    assert len(lists) == 4


@pytest.mark.parametrize(
    ("ratio", "sizes"),
    [
        ({}, [4]),
        ({"A": 1, "B": 0}, [4]),
        ({"A": 2, "B": 1}, [4]),
        ({"A": 1, "B": 1}, []),
        ({"A": 1, "B": 1}, [0]),
        ({"A": 1, "B": 1}, [-2]),
        ({"A": 1, "B": 1}, [4, 4]),
    ],
)
def test_refuses_a_design_at_the_call_rather_than_at_the_first_row(
    ratio: dict[str, int], sizes: list[int]
) -> None:
    with pytest.raises(ValueError, match=r"ratio|block size"):
        list_rows(SEED, "S1", ratio, sizes)


def test_refuses_a_seed_that_is_not_256_bits() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        list_rows(b"short", "S1", {"A": 1}, [1])
    with pytest.raises(ValueError, match="32 bytes"):
        uniform_below(b"short", "S1", 1, 2)


@given(
    st.binary(min_size=32, max_size=32),
    st.text(max_size=20),
    st.integers(0, 2**64 - 1),
    st.integers(1, 2**600),
)
def test_draw_is_in_range_and_the_same_at_every_retry(
    seed: bytes, scope: str, number: int, k: int
) -> None:
    drawn = uniform_below(seed, scope, number, k)
    assert 0 <= drawn < k
    assert uniform_below(seed, scope, number, k) == drawn


def test_draw_can_be_recomputed_and_passes_over_numbers_that_would_favour_some() -> None:
    """`draw-v1` in its own words; about half of the digests lie above k = 2**255 + 1."""
    k = 2**255 + 1
    rejected = 0
    for number in range(20):
        for attempt in range(99):
            text = b"draw-v1|ist|" + number.to_bytes(8, "big") + attempt.to_bytes(8, "big")
            value = int.from_bytes(hmac.new(SEED, text, hashlib.sha256).digest(), "big")
            if value < k:
                break
            rejected += 1
        assert uniform_below(SEED, "ist", number, k) == value
    assert rejected > 0


def test_draw_beyond_one_digest_reads_as_many_as_it_needs() -> None:
    """k = 2**512 takes two digests end to end, so nothing is passed over."""
    digests = b""
    for attempt in range(2):
        text = b"draw-v1|ist|" + (7).to_bytes(8, "big") + attempt.to_bytes(8, "big")
        digests += hmac.new(SEED, text, hashlib.sha256).digest()
    assert uniform_below(SEED, "ist", 7, 2**512) == int.from_bytes(digests, "big")


def test_draws_differ_by_seed_scope_and_number() -> None:
    k = 2**128
    draws = {uniform_below(SEED, scope, n, k) for scope in ("a", "b", "a|") for n in range(50)}
    draws |= {uniform_below(SEED[::-1], "a", n, k) for n in range(50)}
    assert len(draws) == 200


def test_draws_are_even() -> None:
    """6,000 keyed draws below 6: chi-squared with 5 degrees of freedom, 0.1 % point 20.5."""
    seen = Counter(uniform_below(SEED, "even", number, 6) for number in range(6000))
    assert sum((seen[face] - 1000) ** 2 / 1000 for face in range(6)) < 20.5


@pytest.mark.parametrize(("number", "k"), [(-1, 2), (2**64, 2), (1, 0), (1, -1)])
def test_refuses_a_draw_outside_the_format(number: int, k: int) -> None:
    with pytest.raises(ValueError, match="draw"):
        uniform_below(SEED, "S", number, k)


@pytest.mark.parametrize("k", [0, -1, 2**32 + 1])
def test_list_stream_refuses_a_range_beyond_its_words(k: int) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        ListStream(SEED, "S").below(k)


def test_list_stream_passes_over_words_that_would_favour_some() -> None:
    """`pbr-v1` below k = 2**31 + 1: every word from k on is passed over, none folded."""
    k = 2**31 + 1
    digests = b"".join(
        hmac.new(SEED, b"pbr-v1|S|" + n.to_bytes(8, "big"), hashlib.sha256).digest()
        for n in range(4)
    )
    words = [int.from_bytes(digests[i : i + 4], "big") for i in range(0, len(digests), 4)]
    kept = [word for word in words if word < k]
    assert 0 < len(kept) < len(words)
    stream = ListStream(SEED, "S")
    assert [stream.below(k) for _ in kept] == kept
