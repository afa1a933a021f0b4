"""Lots: released country by country, and one date for all that carry one label."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InvalidInput
from core.messages import Digits, Message
from tests.support.studies import DRUG
from tests.support.world import Given, World, kit_number

HEADER = "lot,kit_type,expiry,countries"


def _lot(world: World, number: str) -> tuple[str, str, str]:
    """What the lot shows, until when it lasts itself, and its status."""
    query = "SELECT expiry, stable_until, status FROM lot WHERE study = :study AND number = :n"
    (row,) = world.rows(query, n=number)
    return str(row.expiry), str(row.stable_until), row.status


def _import(world: World, *lines: str, label: bool = False) -> None:
    header = f"{HEADER},label_lot" if label else HEADER
    world.do("import_lots", "Sam", file="\n".join([header, *lines]))


def _refused_line(world: World, *lines: str) -> tuple[object, str]:
    file = "\n".join([f"{HEADER},label_lot", *lines])
    return _problem(world.wrong("file", "import_lots", "Sam", file=file))


def _problem(wrong: InvalidInput) -> tuple[object, str]:
    """The line and the message of the only problem of a file."""
    problems = wrong.message.params["problems"]
    assert isinstance(problems, tuple)
    (told,) = problems
    assert isinstance(told, Message)
    problem = told.params["problem"]
    assert isinstance(problem, Message)
    return told.params["line"], problem.id


def _release(world: World, lot: str, certificate: str, **given: Any) -> None:
    proposed = world.do("release_lot", "Sam", lot=lot, certificate=certificate, **given)
    world.do("approve", "Quinn", proposal=str(proposed.facts["proposal"]))


def _releases(world: World, lot: str) -> dict[str, str]:
    query = (
        "SELECT country, certificate FROM lot_release JOIN lot ON lot.id = lot_release.lot_id "
        "WHERE lot.study = :study AND lot.number = :n"
    )
    return {row.country: row.certificate for row in world.rows(query, n=lot)}


def test_a_country_that_is_named_twice_is_released_once(quick_world: World) -> None:
    _import(quick_world, "7001,A,2029-02,US ES NZ")
    _release(quick_world, "7001", "77", countries="ES ES")
    assert _releases(quick_world, "7001") == {"ES": "77"}


def test_a_lot_is_released_for_all_its_countries_unless_some_are_named(world: World) -> None:
    _import(world, "7001,A,2029-02,US ES NZ")
    _release(world, "7001", "77", countries="ES")
    assert _releases(world, "7001") == {"ES": "77"}
    assert world.last_entry()["facts"]["countries"] == ["ES"]
    _release(world, "7001", "78")
    assert _releases(world, "7001") == {"ES": "77", "US": "78", "NZ": "78"}
    told = world.refused("lot_not_usable", "release_lot", "Sam", lot="7001", certificate="79")
    assert told.message == Message("error.lot_not_usable", {"lot": Digits("7001")})


@pytest.mark.parametrize(
    ("countries", "message"),
    [
        ("CA", "error.release_countries"),
        ("ES", "error.release_countries"),
        ("us", "error.import_countries"),
        ("US,NZ", "error.import_countries"),
    ],
)
def test_only_countries_that_wait_can_be_released(
    quick_world: World, countries: str, message: str
) -> None:
    _import(quick_world, "7001,A,2029-02,US ES NZ")
    _release(quick_world, "7001", "77", countries="ES")
    given: Given = {"lot": "7001", "certificate": "78", "countries": countries}
    assert quick_world.wrong("countries", "release_lot", "Sam", **given).message.id == message


def test_a_country_that_was_released_meanwhile_makes_the_proposal_stale(
    quick_world: World,
) -> None:
    _import(quick_world, "7001,A,2029-02,US ES")
    given: Given = {"lot": "7001", "certificate": "77", "countries": "ES"}
    first = quick_world.do("release_lot", "Sam", **given).facts["proposal"]
    second = quick_world.do("release_lot", "Sam", **given).facts["proposal"]
    quick_world.do("approve", "Quinn", proposal=first)
    wrong = quick_world.wrong("proposal", "approve", "Quinn", proposal=second)
    assert wrong.message.id == "error.proposal_stale"
    assert _releases(quick_world, "7001") == {"ES": "77"}


def test_kits_go_where_their_lot_is_released(quick_world: World) -> None:
    """Labelled for both countries, released for Spain only."""
    _import(quick_world, "6001,A,2027-12,US ES", "6002,B,2027-12,US ES")
    rows = [f"{kit_number(100 + n)},{100 + n},{'AB'[n]},600{n + 1}" for n in range(2)]
    quick_world.do(
        "import_kits", "Sam", file="\n".join(["kit_number,sequence,kit_type,lot", *rows])
    )
    for lot in ("6001", "6002"):
        _release(quick_world, lot, "77", countries="ES")
    early = {kit_number(100), kit_number(101)}
    ship: Given = {"kits_each": "1"}
    to_boston = quick_world.do("create_shipment", "Sam", to_site="101", **ship).facts["kits"]
    assert not early & set(to_boston)
    assert (
        set(quick_world.do("create_shipment", "Sam", to_site="102", **ship).facts["kits"]) == early
    )


def test_lots_with_one_label_show_the_earliest_date_of_any(world: World) -> None:
    _import(
        world, "7001,A,2029-06,US,X-1", "7002,B,2029-02,US,X-1", "7003,A,2029-06,US,", label=True
    )
    assert _lot(world, "7001")[:2] == ("2029-02-28", "2029-06-30")
    assert _lot(world, "7002")[:2] == ("2029-02-28", "2029-02-28")
    assert _lot(world, "7003")[:2] == ("2029-06-30", "2029-06-30")
    _import(world, "7004,B,2028-12,US,X-1", label=True)
    shown = {_lot(world, number)[0] for number in ("7001", "7002", "7004")}
    assert shown == {"2028-12-31"}


@pytest.mark.parametrize(
    ("study", "lines", "told"),
    [
        ("combi", ("7001,A,2029-06,US,X-1", "7002,B,2029-02,US,X-1"), 0),
        ("combi", ("7001,A,2029-06,US,X-1", "7002,B,2029-02,US,X-2"), 2),
        ("combi", ("7001,A,2029-06,US,", "7002,A,2029-02,US,"), 2),
        ("drug", ("7001,A,2029-06,US,", "7002,B,2029-02,US,"), 0),
    ],
)
def test_printed_lots_that_tell_cartons_apart_are_told_where_that_matters(
    quick_world: World, study: str, lines: tuple[str, ...], told: int
) -> None:
    file = "\n".join([f"{HEADER},label_lot", *lines])
    notes = quick_world.of(study).do("import_lots", "Sam", file=file).notes
    assert notes == ((Message("note.labels_tell", {"count": told}),) if told else ())


def test_a_label_completed_later_tells_nothing_any_more(quick_world: World) -> None:
    _import(quick_world, "7001,A,2029-06,US,X-1", label=True)
    file = f"{HEADER},label_lot\n7002,B,2029-06,US,X-1"
    assert quick_world.do("import_lots", "Sam", file=file).notes == ()


def test_a_label_that_kits_carry_takes_no_earlier_date(quick_world: World) -> None:
    _import(quick_world, "7001,A,2029-02,US,X-1", label=True)
    kits = f"kit_number,sequence,kit_type,lot\n{kit_number(900)},1,A,7001"
    quick_world.do("import_kits", "Sam", file=kits)
    earlier = "7002,B,2029-01,US,X-1"
    assert _refused_line(quick_world, earlier) == (2, "error.import_label_date")
    _import(quick_world, "7002,B,2030-01,US,X-1", label=True)
    assert _lot(quick_world, "7002")[:2] == ("2029-02-28", "2030-01-31")


@pytest.mark.parametrize("label", ["x y", "-1", "X" * 41, "ü"])
def test_a_label_lot_is_something_that_can_be_printed(quick_world: World, label: str) -> None:
    line = f"7001,A,2029-02,US,{label}"
    assert _refused_line(quick_world, line) == (2, "error.import_label")


def test_lots_of_two_blinded_groups_have_no_label_in_common(quick_world: World) -> None:
    drug = quick_world.of("drug")
    vials = '[[kit_types]]\ncode = "C"\ndescription = "Solution"\ngroup = "Vials"\n\n[dispensing]'
    drug.do("publish", "Mia", file=DRUG.replace("[dispensing]", vials))
    _import(drug, "7001,A,2029-02,US,X-1", label=True)
    line = "7002,C,2029-02,US,X-1"
    assert _refused_line(drug, line) == (2, "error.import_label_group")
    both = ("7005,A,2029-02,US,X-2", "7006,C,2029-02,US,X-2")
    assert _refused_line(drug, *both) == (3, "error.import_label_group")


def test_kits_join_no_lot_that_was_recalled(quick_world: World) -> None:
    quick_world.do("recall_lot", "Quinn", lot="5001", reason="Glass")
    file = f"kit_number,sequence,kit_type,lot\n{kit_number(900)},1,A,5001"
    wrong = quick_world.wrong("file", "import_kits", "Sam", file=file)
    assert _problem(wrong) == (2, "error.lot_recalled")
