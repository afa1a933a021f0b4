"""Doses made up of kits: the least too much, then the fewest kits, whatever the arm."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.study.doses import make_up
from core.study.read import load
from tests.support.doses import TITRATED, opened

SIZES = (100, 50, 25, 10)


@pytest.mark.parametrize(
    ("amount", "counts"),
    [(85, (0, 1, 1, 1)), (130, (1, 0, 0, 3)), (175, (1, 1, 1, 0)), (115, (0, 1, 1, 4))],
)
def test_an_amount_is_met_exactly_before_it_is_met_with_few_kits(
    amount: int, counts: tuple[int, ...]
) -> None:
    """Case W12: kits of 100, 50, 25 and 10."""
    assert make_up(amount, SIZES) == counts


def test_what_cannot_be_met_is_exceeded_by_the_least() -> None:
    assert make_up(5, SIZES) == (0, 0, 0, 1)
    assert make_up(41, (30, 20)) == (1, 1)
    assert make_up(1_000_000, (999_999, 999_998)) == (0, 2)
    assert make_up(999_990, (7,)) == (142_856,)


def _best(amount: int, sizes: tuple[int, ...]) -> tuple[int, int]:
    """The least overage and its fewest kits, by trying everything."""
    most = [-(-amount // size) + 1 for size in sizes]
    found = []
    for counts in itertools.product(*(range(one + 1) for one in most)):
        total = sum(count * size for count, size in zip(counts, sizes, strict=True))
        if total >= amount:
            found.append((total - amount, sum(counts)))
    return min(found)


@given(st.integers(1, 60), st.lists(st.integers(2, 14), min_size=1, max_size=3, unique=True))
def test_no_other_way_is_better(amount: int, sizes: list[int]) -> None:
    counts = make_up(amount, tuple(sizes))
    total = sum(count * size for count, size in zip(counts, sizes, strict=True))
    assert (total - amount, sum(counts)) == _best(amount, tuple(sizes))


def test_nothing_is_made_of_no_kits() -> None:
    for sizes in ((), (0,), (10, -5)):
        with pytest.raises(ValueError, match="size"):
            make_up(10, sizes)


def test_a_visit_gives_the_kits_of_the_dose_and_the_starting_one_unless_told() -> None:
    config = load(TITRATED)
    assert config.kits_for("V1", "active") == ("A20", "A20")
    assert config.kits_for("V1", "active", "d20") == ("A20",)
    assert config.kits_for("V1", "placebo", "d90") == ("P50", "P20", "P20")
    assert config.kits_for("V4", "placebo", "d90") == ()
    assert config.unscheduled_kits("active", dose="d90") == ("A50", "A20", "A20")
    assert config.dispenses
    assert (config.dispenses_at("V1"), config.dispenses_at("V4")) == (True, False)
    with pytest.raises(KeyError):
        config.kits_for("V1", "active", "d30")


def test_a_dose_comes_beside_the_kits_of_the_visit() -> None:
    beside = 'code = "V1"\nkits = { "*" = ["A50"] }'
    config = load(TITRATED.replace('code = "V1"', beside))
    assert config.kits_for("V1", "placebo") == ("A50", "P20", "P20")


def test_kits_named_by_level_go_by_arm() -> None:
    kits = 'kits = { active = ["A50", "A20"], "*" = ["P50", "P20"] }'
    config = load(TITRATED.replace("amount = 40", kits))
    assert config.kits_for("V1", "active") == ("A50", "A20")
    assert config.kits_for("V1", "placebo") == ("P50", "P20")


@pytest.mark.parametrize("order", ['["A1", "B1"]', '["B1", "A1"]'])
def test_of_equal_sizes_the_look_decides_and_not_the_type(order: str) -> None:
    """Were it the type, two arms with the same two looks could be given different ones."""
    types = "".join(
        f'\n[[kit_types]]\ncode = "{code}"\ndescription = "-"\ngroup = "{group}"\nsize = 20\n'
        for code, group in (("A1", "Zebra"), ("B1", "Apple"))
    )
    config = load(opened(TITRATED.replace('["A50", "A20"]', order) + types))
    assert config.kits_for("V1", "active", "d20") == ("B1",)
