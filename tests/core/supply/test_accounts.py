"""The balance of a site, from how kits travelled and where they are: pure, nothing on record."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.supply.accounts import (
    COLUMN_OF,
    COLUMNS,
    DEPOT,
    KitLine,
    Move,
    by_lot,
    by_site,
    by_subject,
)
from core.supply.lifecycle import STATES

SITES = ("101", "102", "103")
_FIELDS = dict.fromkeys(KitLine.__slots__)


def _kit(number: str, site: str | None, state: str = "available", **more: Any) -> KitLine:
    known = {"number": number, "site": site, "state": state, "group": "Capsules"}
    return KitLine(**{**_FIELDS, **known, **more})


def test_every_state_of_a_kit_is_counted_in_one_column() -> None:
    assert set(COLUMN_OF) == set(STATES)
    assert set(COLUMN_OF.values()) == {*COLUMNS, DEPOT}


def test_kits_that_were_sent_on_or_left_with_subjects_are_in_the_balance() -> None:
    kits = [_kit("1", "101"), _kit("2", "102"), _kit("3", "102", "returned"), _kit("4", None)]
    moves = [
        Move("1", None, "101"), Move("2", None, "101"), Move("3", None, "101"),
        Move("2", "101", "102"),
    ]  # fmt: skip
    first, second = by_site(SITES[:2], kits, moves, {one.number: one.site for one in kits})
    assert (first.received, first.sent_on, first.carried_out, first.difference) == (3, 1, 1, 0)
    assert (second.received, second.carried_in, second.difference) == (1, 1, 0)
    assert second.counts["on_shelf"] == second.counts["returned"] == 1


def test_a_kit_without_a_shipment_or_a_shipment_without_its_kit_opens_the_balance() -> None:
    kits = [_kit("1", "101"), _kit("2", "101")]
    here = {one.number: one.site for one in kits}
    moves = [Move("1", None, "101"), Move("2", None, "101")]
    (sound,) = by_site(["101"], kits, moves, here)
    assert sound.difference == 0
    (gone,) = by_site(["101"], kits[:1], moves, here)
    assert gone.difference == 1
    (twice,) = by_site(["101"], [*kits, kits[0]], moves, here)
    assert twice.difference == -1


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(SITES), max_size=4),
            st.sampled_from([None, *SITES]),
            st.sampled_from(sorted(set(STATES) - {"new", "in_transit"})),
        ),
        max_size=20,
    )
)
def test_whatever_way_kits_go_each_balance_closes(
    ways: list[tuple[list[str], str | None, str]],
) -> None:
    """A kit goes from site to site; at the end a subject may have carried it to another one."""
    kits, moves = [], []
    for place, (stops, carried, state) in enumerate(ways):
        before: str | None = None
        for stop in stops:
            moves.append(Move(str(place), before, stop))
            before = stop
        kits.append(_kit(str(place), (carried or before) if stops else None, state))
    found = by_site(SITES, kits, moves, {one.number: one.site for one in kits})
    assert [one.difference for one in found] == [0, 0, 0]
    assert sum(sum(one.counts.values()) for one in found) == sum(1 for k in kits if k.site)


def test_lots_and_subjects_are_told_of_kits_whose_lot_and_subject_the_reader_may_know() -> None:
    expiry = {"expiry": dt.date(2028, 6, 30)}
    kits = [
        _kit("1", None, "new", lot="5001", kit_type="A", **expiry),
        _kit("2", "101", "returned", lot="5001", kit_type="A", subject="7", units_used=3, **expiry),
        _kit("3", "101", "dispensed", subject="7"),
        _kit("4", "101"),
    ]
    (lot,) = by_lot(kits)
    assert (lot.lot, lot.packaged, lot.counts[DEPOT], lot.counts["returned"]) == ("5001", 2, 1, 1)
    (subject,) = by_subject(kits)
    assert (subject.given, subject.counts["with_subjects"], subject.units_used) == (2, 1, 3)


@pytest.mark.parametrize("state", ["reserved", "quarantined"])
def test_what_is_at_a_depot_is_counted_there_however_it_stands(state: str) -> None:
    assert _kit("1", None, state).column == DEPOT
