"""The choice of kits, pure: earliest expiry first, chance among equals, all or nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from core.context import SeededEntropy
from core.supply.kits import Stocked, choose

TODAY = dt.date(2026, 11, 20)

expiries = st.integers(-5, 5).map(lambda days: TODAY + dt.timedelta(days=days))
shelves = st.lists(st.tuples(st.sampled_from("AB"), expiries), max_size=12).map(
    lambda rows: [
        Stocked(place, f"{place:08d}", kind, expiry) for place, (kind, expiry) in enumerate(rows)
    ]
)
wishes = st.lists(st.sampled_from("AB"), min_size=1, max_size=4)


@given(shelves, wishes, st.binary(min_size=1, max_size=8))
def test_what_is_given_is_wanted_good_and_the_first_to_expire(
    stock: list[Stocked], wanted: list[str], seed: bytes
) -> None:
    chosen = choose(stock, wanted, TODAY, SeededEntropy(seed).below)
    good = [item for item in stock if item.expiry >= TODAY]
    if any(wanted.count(kind) > sum(k.kit_type == kind for k in good) for kind in wanted):
        assert chosen is None
        return
    assert chosen is not None
    assert sorted(item.kit_type for item in chosen) == sorted(wanted)
    assert [item.number for item in chosen] == sorted(item.number for item in chosen)
    assert len({item.id for item in chosen}) == len(wanted)
    assert all(item in good for item in chosen)
    left = [item for item in good if item not in chosen]
    for item in chosen:
        assert all(item.expiry <= o.expiry for o in left if o.kit_type == item.kit_type)


@given(shelves, wishes, st.binary(min_size=1, max_size=8))
def test_types_changed_for_each_other_change_nothing_else(
    stock: list[Stocked], wanted: list[str], seed: bytes
) -> None:
    other = {"A": "B", "B": "A"}
    mirrored = [Stocked(k.id, k.number, other[k.kit_type], k.expiry) for k in stock]
    first, second = SeededEntropy(seed), SeededEntropy(seed)
    chosen = choose(stock, wanted, TODAY, first.below)
    seen = choose(mirrored, [other[kind] for kind in wanted], TODAY, second.below)
    assert [k.id for k in chosen or ()] == [k.id for k in seen or ()]
    assert first.bytes(8) == second.bytes(8)  # as much was drawn


@given(shelves, wishes, st.binary(min_size=1, max_size=8))
def test_the_same_chance_chooses_the_same_kits(
    stock: list[Stocked], wanted: list[str], seed: bytes
) -> None:
    first = choose(stock, wanted, TODAY, SeededEntropy(seed).below)
    assert first == choose(stock, wanted, TODAY, SeededEntropy(seed).below)


def test_among_equals_every_kit_is_as_likely() -> None:
    stock = [Stocked(n, f"{n:08d}", "A", TODAY) for n in range(4)]
    below = SeededEntropy(b"equals").below
    counts = Counter(
        chosen[0].id for _ in range(4000) if (chosen := choose(stock, ["A"], TODAY, below))
    )
    assert all(abs(counts[n] - 1000) < 120 for n in range(4))


def test_a_kit_may_be_given_until_the_very_day_and_not_after() -> None:
    stock = [Stocked(1, "00000001", "A", TODAY)]
    below = SeededEntropy(b"edge").below
    assert choose(stock, ["A"], TODAY, below)
    assert choose(stock, ["A"], TODAY + dt.timedelta(days=1), below) is None
