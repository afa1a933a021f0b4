"""A lot's new date: it holds at once, and a carton with another date waits for its label."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from core.interview import Complete, advance
from core.messages import Digits, Message, Param
from core.register import find
from tests.support.world import Given, World

BASIS: Given = {"basis": "Report 12"}


def _lot(world: World, number: str) -> tuple[str, str]:
    query = "SELECT expiry, stable_until FROM lot WHERE study = :study AND number = :n"
    (row,) = world.rows(query, n=number)
    return str(row.expiry), str(row.stable_until)


def _labels(world: World, lot: str) -> dict[str, list[str | None]]:
    """What is noted of the labels of a lot's kits, by where they are."""
    query = (
        "SELECT kit.* FROM kit JOIN lot ON lot.id = kit.lot_id "
        "WHERE kit.study = :study AND lot.number = :n ORDER BY kit.number"
    )
    found: dict[str, list[str | None]] = {}
    for row in world.rows(query, n=lot):
        date = None if row.labelled_until is None else str(row.labelled_until)
        found.setdefault(row.site or row.depot, []).append(date)
    return found


def _at(world: World, lot: str, site: str = "101") -> list[str]:
    query = (
        "SELECT kit.number FROM kit JOIN lot ON lot.id = kit.lot_id WHERE kit.study = :study "
        "AND lot.number = :n AND kit.site = :s ORDER BY kit.number"
    )
    return [row.number for row in world.rows(query, n=lot, s=site)]


def _extend(world: World, lot: str, date: str) -> Any:
    return world.do("extend_lot", "Sam", lot=lot, new_expiry=date, **BASIS)


def _relabel(world: World, kits: list[str], date: str, who: str = "Ada", **given: str) -> str:
    """Propose it; the number of the proposal."""
    answers: Given = {
        **{"kits": ",".join(kits), "label_date": date},
        **{"labels_used": str(len(kits)), "labels_destroyed": "1", **given},
    }
    name = "relabel_kits" if who == "Ada" else "relabel_stock"
    return str(world.do(name, who, **answers).facts["proposal"])


@pytest.mark.req("R22")
def test_an_extended_lot_goes_by_the_new_date_and_its_kits_wait_for_their_labels(
    world: World,
) -> None:
    before = len(world.messages())
    done = _extend(world, "5001", "2029-06-30")
    assert _lot(world, "5001") == ("2029-06-30", "2029-06-30")
    assert _lot(world, "5002") == ("2028-06-30", "2028-06-30")
    assert _labels(world, "5001") == {place: ["2028-06-30"] * 8 for place in ("101", "102", "900")}
    assert done.said == Message(
        "said.extend_lot",
        {"lot": Digits("5001"), "date": dt.date(2029, 6, 30), "count": 24},
    )
    told = [message for message, _, _ in world.messages()[before:]]
    assert told == ["sms.relabel", "sms.relabel", "sms.relabel_depot", "sms.relabel_depot"]
    facts = world.last_entry()["facts"]
    assert (facts["before"], facts["after"], facts["to_relabel"]) == (
        *("2028-06-30", "2029-06-30"),
        24,
    )


def test_a_kit_with_the_old_date_is_not_given_nor_sent(quick_world: World) -> None:
    number = quick_world.randomized()
    for lot in ("5001", "5002"):
        _extend(quick_world, lot, "2029-06-30")
    quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")
    given: Given = {"to_site": "101", "kits_each": "1"}
    quick_world.refused("no_kit_available", "create_shipment", "Sam", **given)


@pytest.mark.req("R22")
def test_relabelled_under_the_eyes_of_two_it_is_given_again(world: World) -> None:
    _extend(world, "5001", "2029-06-30")
    kits = _at(world, "5001")[:2]
    proposal = _relabel(world, kits, "2029-06-30", labels_used="3")
    assert {str(world.kit(kit).labelled_until) for kit in kits} == {"2028-06-30"}
    world.refused("not_allowed", "approve", "Cy", proposal=proposal)
    world.do("approve", "Ivy", proposal=proposal)
    assert [world.kit(kit).labelled_until for kit in kits] == [None, None]
    facts = world.last_entry()["facts"]
    assert facts["kits"] == kits
    assert (facts["before"], facts["after"]) == (["2028-06-30"], "2029-06-30")
    assert (facts["labels_used"], facts["labels_destroyed"]) == (3, 1)
    assert (facts["proposed_by"], world.last_entry()["actor"]) == ("11", "12")


@pytest.mark.parametrize(
    ("field", "message", "changed"),
    [
        ("label_date", "error.label_date", {"label_date": "2029-06-29"}),
        ("labels_used", "error.labels_few", {"labels_used": "1"}),
        ("kits", "error.no_kits", {"kits": ""}),
    ],
)
def test_labels_show_the_right_date_and_are_enough(
    quick_world: World, field: str, message: str, changed: dict[str, str]
) -> None:
    _extend(quick_world, "5001", "2029-06-30")
    kits = ",".join(_at(quick_world, "5001")[:2])
    answers: Given = {"kits": kits, "label_date": "2029-06-30", "labels_used": "2"}
    answers = {**answers, "labels_destroyed": "0", **changed}
    assert quick_world.wrong(field, "relabel_kits", "Ada", **answers).message.id == message


def test_a_date_moved_again_makes_the_new_label_wrong_too(quick_world: World) -> None:
    _extend(quick_world, "5001", "2029-06-30")
    kits = _at(quick_world, "5001")[:1]
    proposal = _relabel(quick_world, kits, "2029-06-30")
    _extend(quick_world, "5001", "2029-09-30")
    quick_world.wrong("proposal", "approve", "Ivy", proposal=proposal)
    assert str(quick_world.kit(kits[0]).labelled_until) == "2028-06-30"


def test_a_date_moved_back_needs_no_label_where_it_is_printed_still(quick_world: World) -> None:
    _extend(quick_world, "5001", "2029-06-30")
    kits = _at(quick_world, "5001")
    quick_world.do("approve", "Ivy", proposal=_relabel(quick_world, kits[:1], "2029-06-30"))
    done = _extend(quick_world, "5001", "2028-06-30")
    assert str(quick_world.kit(kits[0]).labelled_until) == "2029-06-30"
    assert [quick_world.kit(kit).labelled_until for kit in kits[1:]] == [None] * 7
    assert done.facts["to_relabel"] == 1


def test_a_shorter_date_works_at_once(quick_world: World) -> None:
    """From 2 January on nothing that expires on 1 February lasts to the next dispensing."""
    number = quick_world.randomized()
    kind = "5001" if quick_world.arm(number) == "active" else "5002"
    _extend(quick_world, kind, "2027-02-01")
    assert _lot(quick_world, kind)[0] == "2027-02-01"
    kits = _at(quick_world, kind)
    quick_world.do("approve", "Ivy", proposal=_relabel(quick_world, kits, "2027-02-01"))
    assert quick_world.dispense(number)
    other = next(
        one
        for one in (quick_world.randomized() for _ in range(6))
        if quick_world.arm(one) == quick_world.arm(number)
    )
    quick_world.days_later(50)
    quick_world.refused("no_kit_available", "dispense", "Ada", subject=other, visit="V1")


def test_lots_with_one_label_move_together_or_not_at_all(quick_world: World) -> None:
    header = "lot,kit_type,expiry,countries,label_lot"
    lots = f"{header}\n7001,A,2029-02,US,X-1\n7002,B,2029-06,US,X-1"
    quick_world.do("import_lots", "Sam", file=lots)
    said = _extend(quick_world, "7002", "2029-12-31").said
    assert said.id == "said.extend_lot_same"
    assert _lot(quick_world, "7002") == ("2029-02-28", "2029-12-31")
    _extend(quick_world, "7001", "2030-06-30")
    assert _lot(quick_world, "7001") == ("2029-12-31", "2030-06-30")
    assert _lot(quick_world, "7002") == ("2029-12-31", "2029-12-31")


def test_the_lots_own_date_is_sealed_and_the_one_that_is_shown_is_not(quick_world: World) -> None:
    header = "lot,kit_type,expiry,countries,label_lot"
    lots = f"{header}\n7001,A,2029-02,US,X-1\n7002,B,2029-06,US,X-1"
    quick_world.do("import_lots", "Sam", file=lots)
    done = _extend(quick_world, "7002", "2029-12-31")
    assert "2029-12-31" not in str(quick_world.entry(done.sequence)["facts"])
    kept = quick_world.secrets(done.sequence)
    assert (kept["stable_before"][1], kept["stable_after"][1]) == ("2029-06-30", "2029-12-31")


def test_a_date_that_holds_already_is_a_wrong_answer(quick_world: World) -> None:
    given: Given = {"lot": "5001", "new_expiry": "2028-06-30", **BASIS}
    wrong = quick_world.wrong("new_expiry", "extend_lot", "Sam", **given)
    assert wrong.message.id == "error.expiry_same"


def test_in_transit_the_label_is_noted_and_told_when_it_arrives(quick_world: World) -> None:
    number = quick_world.ship(2, receive=None)
    _extend(quick_world, "5001", "2029-06-30")
    done = quick_world.receive(number)
    kits = done.facts["to_relabel"]
    assert len(kits) == 2
    told: dict[str, Param] = {"count": 2, "kits": tuple(Digits(kit) for kit in kits)}
    assert done.notes == (Message("note.to_relabel", told),)
    assert {str(quick_world.kit(kit).labelled_until) for kit in kits} == {"2028-06-30"}
    quick_world.do("approve", "Ivy", proposal=_relabel(quick_world, kits, "2029-06-30"))
    assert {quick_world.kit(kit).labelled_until for kit in kits} == {None}


def test_a_date_that_passed_on_the_way_is_told_when_it_arrives(quick_world: World) -> None:
    number = quick_world.ship(1, receive=None)
    _extend(quick_world, "5001", "2026-11-19")
    done = quick_world.receive(number)
    (kit,) = done.facts["out_of_date"]
    assert [note.id for note in done.notes] == ["note.out_of_date"]
    told = quick_world.refused(
        "kit_not_usable", "report_stock", "Ada", kit=kit, condition="doubtful"
    )
    assert told.message == Message("error.kit_is_expired", {"kit": Digits(kit)})


def test_kits_at_a_depot_are_relabelled_there(quick_world: World) -> None:
    _extend(quick_world, "5001", "2029-06-30")
    query = (
        "SELECT kit.number FROM kit JOIN lot ON lot.id = kit.lot_id WHERE kit.study = :study "
        "AND lot.number = '5001' AND kit.depot = '900'"
    )
    kits = [row.number for row in quick_world.rows(query)]
    proposal = _relabel(quick_world, kits, "2029-06-30", who="Sam")
    quick_world.refused("same_signer", "approve", "Sam", proposal=proposal)
    at_site: Given = {"kits": _at(quick_world, "5001")[0], "label_date": "2029-06-30"}
    at_site = {**at_site, "labels_used": "1", "labels_destroyed": "0"}
    quick_world.wrong("kits", "relabel_stock", "Sam", **at_site)
    quick_world.refused("not_allowed", "approve", "Quinn", proposal=proposal)
    assert {str(quick_world.kit(kit).labelled_until) for kit in kits} == {"2028-06-30"}


def test_a_kit_that_needs_no_label_is_refused(quick_world: World) -> None:
    kit = _at(quick_world, "5001")[0]
    given: Given = {"kits": kit, "label_date": "2028-06-30", "labels_used": "1"}
    told = quick_world.refused(
        "kit_not_usable", "relabel_kits", "Ada", **given, labels_destroyed="0"
    )
    assert told.message == Message("error.kit_is_available", {"kit": Digits(kit)})


def test_a_carton_that_comes_back_has_the_old_label_still(quick_world: World) -> None:
    """Missing while the lot was extended: found, and cleared by quality, it needs a label."""
    kit = _at(quick_world, "5001")[0]
    quick_world.do("report_stock", "Ada", kit=kit, condition="missing")
    _extend(quick_world, "5001", "2029-06-30")
    quick_world.do("kit_found", "Sam", kit=kit)
    given: Given = {"chosen_by": "kits", "kits": kit, "budget_minutes": "0", **BASIS}
    quick_world.do("release_kits", "Quinn", **given)
    told = quick_world.refused("kit_not_usable", "release_kits", "Quinn", **given)
    assert told.message.id == "error.kit_is_unavailable"


def test_a_date_that_tells_the_cartons_of_one_type_apart_is_warned_of(quick_world: World) -> None:
    """Kits of 5001, all of type A, are at blinded sites; those of X-1 are of both types."""
    header = "lot,kit_type,expiry,countries,label_lot"
    lots = f"{header}\n7001,A,2029-02,US,X-1\n7002,B,2029-02,US,X-1"
    quick_world.do("import_lots", "Sam", file=lots)

    def warned(lot: str) -> list[str]:
        found = find("extend_lot")
        sam = quick_world.actor("Sam")
        given = {"lot": lot, "new_expiry": "2030-06-30", "basis": "Report 12"}
        with quick_world.core.reading() as db:
            done = advance(
                db=db,
                core=quick_world.core,
                transaction=found,
                actor=sam,
                study="combi",
                site=None,
                given=given,
            )
        assert isinstance(done, Complete)
        return [one.id for one in done.warnings]

    assert warned("5001") == ["warn.expiry_tells"]
    assert warned("7001") == []
