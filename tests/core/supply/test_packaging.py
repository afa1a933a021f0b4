"""Numbers made here: new kits at the depot, in no order that tells a type, for the packager."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
from typing import Any

import pytest

from core.codes import damm, is_damm
from core.errors import NotFound
from core.messages import Digits, Message
from core.supply.numbers import count_alike
from core.supply.packaging import KITS_MAX, in_csv, read_packaging_list
from core.transaction import Channel
from tests.support.world import Given, World

LOT = "lot,kit_type,expiry,countries,label_lot\n7001,A,2029-02,US ES,X-1"


def _made(world: World, how_many: int = 20, lot: str = "7001") -> Any:
    return world.do("generate_kits", "Sam", lot=lot, how_many=str(how_many), depot="900")


def _kits(world: World, lot: str = "7001") -> list[Any]:
    query = (
        "SELECT kit.* FROM kit JOIN lot ON lot.id = kit.lot_id "
        "WHERE kit.study = :study AND lot.number = :n ORDER BY kit.sequence"
    )
    return world.rows(query, n=lot)


def test_kits_are_made_new_at_the_depot_of_the_lots_type(world: World) -> None:
    world.do("import_lots", "Sam", file=LOT)
    done = _made(world)
    kits = _kits(world)
    assert done.said == Message("said.generate_kits", {"lot": Digits("7001"), "count": 20})
    assert {(kit.disposition, kit.depot, kit.custody) for kit in kits} == {
        ("new", "900", "at_rest")
    }
    assert {world.kit_type(kit.number) for kit in kits} == {"A"}
    assert all(is_damm(kit.number) and len(kit.number) == 8 for kit in kits)
    world.release("7001")
    assert {kit.disposition for kit in _kits(world)} == {"available"}


def test_neither_the_place_in_the_list_nor_in_the_table_tells_a_number(quick_world: World) -> None:
    quick_world.do("import_lots", "Sam", file=LOT)
    done = _made(quick_world, 60)
    kits = _kits(quick_world)
    sequences = [kit.sequence for kit in kits]
    first, last = done.facts["first_sequence"], done.facts["last_sequence"]
    assert sequences == list(range(first, last + 1))
    assert len(kits) == 60
    numbers = [kit.number for kit in kits]
    rises = sum(one < two for one, two in itertools.pairwise(numbers))
    assert 15 < rises < 45
    assert [kit.number for kit in sorted(kits, key=lambda kit: kit.id)] == sorted(numbers)


def test_the_next_numbers_are_clear_of_all_that_the_study_has(quick_world: World) -> None:
    quick_world.do("import_lots", "Sam", file=LOT)
    before = [row.number for row in quick_world.rows("SELECT number FROM kit WHERE study = :study")]
    _made(quick_world, 200)
    first = [kit.number for kit in _kits(quick_world)]
    done = _made(quick_world, 200)
    second = [kit.number for kit in _kits(quick_world) if kit.number not in first]
    assert done.facts["first_sequence"] == max(kit.sequence for kit in _kits(quick_world)) - 199
    assert count_alike(first, before) == 0
    assert count_alike(second, [*before, *first]) == 0


def test_the_list_tells_the_packager_what_goes_into_which_carton(world: World) -> None:
    world.do("import_lots", "Sam", file=LOT)
    done = _made(world, 5)
    sam = world.actor("Sam")
    packed = read_packaging_list(world.core, sam, "combi", "7001", channel=Channel.COMMAND)
    text = in_csv(packed)
    mark = hashlib.sha256(text.encode()).hexdigest()
    assert world.secrets(done.sequence)["list_sha256"][1] == mark
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["kit_number"] for row in rows] == [kit.number for kit in _kits(world)]
    assert {(row["kit_type"], row["lot"], row["label_lot"], row["expiry"]) for row in rows} == {
        ("A", "7001", "X-1", "2029-02-28")
    }
    entry = world.last_entry()
    assert (entry["transaction"], entry["actor"]) == ("types_read", "3")
    assert (entry["facts"]["what"], entry["facts"]["of"]) == ("packaging_list", "7001")
    whole = read_packaging_list(world.core, sam, "combi", None, channel=Channel.COMMAND)
    assert {one.lot for one in whole} == {"5001", "5002", "7001"}
    assert [one.sequence for one in whole] == sorted(one.sequence for one in whole)


@pytest.mark.parametrize(("who", "lot"), [("Ada", "5001"), ("Mia", "5001"), ("Bo", "5001"),
                                          ("Quinn", "5001"), ("Sam", "9999")])  # fmt: skip
def test_the_list_does_not_exist_for_others(quick_world: World, who: str, lot: str) -> None:
    before = quick_world.dump()
    with pytest.raises(NotFound):
        read_packaging_list(
            quick_world.core, quick_world.actor(who), "combi", lot, channel=Channel.WEB
        )
    assert quick_world.dump() == before


def test_no_more_than_a_batch_at_once_and_none_for_a_recalled_lot(quick_world: World) -> None:
    given: Given = {"lot": "5001", "depot": "900"}
    many = str(KITS_MAX + 1)
    quick_world.wrong("how_many", "generate_kits", "Sam", **given, how_many=many)
    quick_world.wrong("how_many", "generate_kits", "Sam", **given, how_many="0")
    quick_world.do("recall_lot", "Quinn", lot="5001", reason="Glass")
    quick_world.refused("lot_not_usable", "generate_kits", "Sam", **given, how_many="1")


def test_the_type_is_sealed(quick_world: World) -> None:
    done = _made(quick_world, 2, "5002")
    entry = quick_world.entry(done.sequence)
    assert set(entry["facts"]) == {
        *("lot", "depot", "kits", "first_sequence", "last_sequence"),
    }
    assert quick_world.secrets(done.sequence)["kit_type"][1] == "B"


def test_numbers_of_a_packager_that_are_alike_are_taken_and_told(quick_world: World) -> None:
    pair = _pair()
    lines = [f"{number},{place},A,5001" for place, number in enumerate(pair, start=900)]
    file = "\n".join(["kit_number,sequence,kit_type,lot", *lines])
    done = quick_world.do("import_kits", "Sam", file=file)
    assert done.facts["alike"] == 1
    assert done.notes == (Message("note.kits_alike", {"count": 1}),)
    assert quick_world.kit(pair[1]).disposition == "available"


def _pair() -> tuple[str, str]:
    """Two numbers that differ by a swap over a third digit, both with their check digits."""
    for body in range(1_000_000, 2_000_000):
        one = str(body) + damm(str(body))
        other = one[2] + one[1] + one[0] + one[3:]
        if other != one and is_damm(other):
            return one, other
    raise AssertionError("there are such numbers")
