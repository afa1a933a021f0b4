"""Lots in a crowd: numbers made at once stay apart, and nothing slips past a recall."""

from __future__ import annotations

from functools import partial

from core.supply.numbers import count_alike
from tests.races.crowd import at_once, done, failed
from tests.support.world import World


def test_numbers_made_at_once_are_clear_of_each_other(crowded: World) -> None:
    make = partial(crowded.do, "generate_kits", "Sam", how_many="40", depot="900")
    made = done(at_once([partial(make, lot=lot) for lot in ("5001", "5002", "5001")]))
    assert len(made) == 3
    rows = crowded.rows("SELECT number, sequence FROM kit WHERE study = :study")
    first = min(receipt.facts["first_sequence"] for receipt in made)
    new = [row for row in rows if row.sequence >= first]
    assert sorted(row.sequence for row in new) == list(range(first, first + 120))
    before = [row.number for row in rows if row.sequence < first]
    assert count_alike([row.number for row in new], before) == 0


def test_whoever_is_given_a_kit_of_a_lot_under_recall_is_on_its_list(crowded: World) -> None:
    subjects = [crowded.randomized() for _ in range(6)]
    lots = ("5001", "5002")
    give = [
        partial(crowded.do, "dispense", "Ada", subject=number, visit="V1") for number in subjects
    ]
    recall = [partial(crowded.do, "recall_lot", "Quinn", lot=lot, reason="Glass") for lot in lots]
    results = at_once([*give[:3], *recall, *give[3:]])
    assert {error.code for error in failed(results)} <= {"no_kit_available"}
    listed: set[str] = set()
    for receipt in done(results):
        if receipt.transaction == "recall_lot":
            listed |= set(crowded.secrets(receipt.sequence)["subjects"][1].split())
    query = (
        "SELECT kit.number, subject.number AS subject FROM kit JOIN subject "
        "ON subject.id = kit.subject_id WHERE kit.study = :study"
    )
    assert {f"{row.subject}:{row.number}" for row in crowded.rows(query)} == listed
    left = "SELECT count(*) FROM kit WHERE study = :study AND quality = 'none' AND disposition = :d"
    assert crowded.one(left, d="available") == 0
