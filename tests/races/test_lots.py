"""Lots in a crowd: numbers made at once stay apart, and nothing slips past a recall."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from core.errors import InvalidInput, IxrsError
from core.supply.numbers import count_alike
from tests.races.crowd import Waiting, at_once, done, failed
from tests.support.shipments import depot_person
from tests.support.world import Given, World, make_core


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


def _meanwhile(world: World, first: Callable[[World], object], then: Callable[[], object]) -> None:
    """Do the second deed while the first one has all but ended, then let that one end."""
    other = World(make_core(str(world.core.engine.url), threads=2), requests="first")
    waiting = other.core.entropy = Waiting()
    under_way = threading.Thread(target=first, args=(other,))
    under_way.start()
    assert waiting.there.wait(20)
    following = threading.Thread(target=then)
    following.start()
    following.join(1)
    waiting.go.set()
    under_way.join(30)
    following.join(30)
    other.close()


def _approve(world: World, who: str, proposal: object, told: list[IxrsError]) -> None:
    try:
        world.do("approve", who, proposal=str(proposal))
    except IxrsError as error:
        told.append(error)


def test_a_lot_under_recall_is_not_released(crowded: World) -> None:
    crowded.do("import_lots", "Sam", file="lot,kit_type,expiry,countries\n7001,A,2029-02,US ES")
    made = crowded.do("release_lot", "Sam", lot="7001", certificate="7").facts["proposal"]
    told: list[IxrsError] = []
    _meanwhile(
        crowded,
        lambda other: other.do("recall_lot", "Quinn", lot="7001", reason="Glass"),
        lambda: _approve(crowded, "Quinn", made, told),
    )
    assert [error.code for error in told] == ["lot_not_usable"]
    query = "SELECT status FROM lot WHERE study = :study AND number = '7001'"
    assert crowded.one(query) == "recalled"


def test_a_label_with_a_date_that_moves_meanwhile_is_not_taken(crowded: World) -> None:
    depot_person(crowded, "900")
    crowded.do("import_lots", "Sam", file="lot,kit_type,expiry,countries\n7001,A,2028-06,US ES")
    crowded.do("generate_kits", "Sam", lot="7001", how_many="1", depot="900")
    crowded.release("7001")
    extend: Given = {"lot": "7001", "basis": "Report"}
    crowded.do("extend_lot", "Sam", new_expiry="2029-06-30", **extend)
    kit = crowded.one("SELECT max(number) FROM kit WHERE labelled_until IS NOT NULL")
    labels: Given = {"label_date": "2029-06-30", "labels_used": "1", "labels_destroyed": "0"}
    made = crowded.do("relabel_stock", "Sam", kits=kit, **labels).facts["proposal"]
    told: list[IxrsError] = []
    _meanwhile(
        crowded,
        lambda other: other.do("extend_lot", "Sam", new_expiry="2028-12-31", **extend),
        lambda: _approve(crowded, "Dee", made, told),
    )
    assert isinstance(told[0], InvalidInput)
    assert str(crowded.kit(kit).labelled_until) == "2028-06-30"
