"""Lots, shipments and what arrives: released by two, shipped to active sites, received once."""

from __future__ import annotations

import pytest

from core.errors import InvalidInput
from core.messages import Digits, Message
from tests.support.world import TODAY, Given, World, kit_number

LOT = "lot,kit_type,expiry,countries\n7001,A,2029-02,US ES"


def _lot(world: World, number: str = "7001") -> str:
    query = "SELECT status FROM lot WHERE study = :study AND number = :n"
    return str(world.one(query, n=number))


def _problem(wrong: InvalidInput) -> tuple[object, str]:
    """The line and the message of the only problem of a file."""
    problems = wrong.message.params["problems"]
    assert isinstance(problems, tuple)
    (told,) = problems
    assert isinstance(told, Message)
    problem = told.params["problem"]
    assert isinstance(problem, Message)
    return told.params["line"], problem.id


def _propose(world: World) -> str:
    world.do("import_lots", "Sam", file=LOT)
    receipt = world.do("release_lot", "Sam", lot="7001", certificate="77")
    assert receipt.pending
    return str(receipt.facts["proposal"])


def test_a_lot_is_released_by_supply_and_quality_together(world: World) -> None:
    proposal = _propose(world)
    assert _lot(world) == "new"
    proposed = world.last_entry()
    assert (proposed["outcome"], proposed["actor"]) == ("proposed", "3")
    receipt = world.do("approve", "Quinn", proposal=proposal)
    assert receipt.said == Message("said.release_lot", {"lot": Digits("7001")})
    assert _lot(world) == "released"
    entry = world.entry(receipt.sequence)
    assert entry["facts"]["proposed_by"] == "3"
    assert [signed["user_id"] for signed in entry["signatures"]] == ["4"]
    assert [signed["user_id"] for signed in proposed["signatures"]] == ["3"]
    assert str(world.one("SELECT expiry FROM lot WHERE number = '7001'")) == "2029-02-28"


def test_nobody_approves_what_they_proposed(world: World) -> None:
    world.refused("same_signer", "approve", "Sam", proposal=_propose(world))
    assert _lot(world) == "new"


def test_approving_takes_a_signature_and_the_permission(quick_world: World) -> None:
    proposal = _propose(quick_world)
    quick_world.refused("signature_missing", "approve", "Quinn", signed=False, proposal=proposal)
    quick_world.refused("not_allowed", "approve", "Mia", proposal=proposal)
    assert _lot(quick_world) == "new"


def test_a_proposal_is_decided_once(quick_world: World) -> None:
    proposal = _propose(quick_world)
    quick_world.do("approve", "Quinn", proposal=proposal)
    quick_world.refused("proposal_closed", "approve", "Quinn", proposal=proposal)
    quick_world.refused("lot_not_usable", "release_lot", "Sam", lot="7001", certificate="77")


def test_a_proposal_that_no_longer_holds_is_refused(quick_world: World) -> None:
    first = _propose(quick_world)
    second = quick_world.do("release_lot", "Sam", lot="7001", certificate="78").facts["proposal"]
    quick_world.do("approve", "Quinn", proposal=first)
    quick_world.refused("lot_not_usable", "approve", "Quinn", proposal=second)


@pytest.mark.parametrize("proposal", ["0000000", "", "x", "1\x00"])
def test_an_unknown_proposal_is_a_wrong_answer(world: World, proposal: str) -> None:
    wrong = world.wrong("proposal", "approve", "Quinn", proposal=proposal)
    assert wrong.message.id == "error.proposal_unknown"


@pytest.mark.parametrize("lot", ["9999", "", "x", "70\x0001"])
def test_an_unknown_lot_is_a_wrong_answer(world: World, lot: str) -> None:
    wrong = world.wrong("lot", "release_lot", "Sam", lot=lot, certificate="1")
    assert wrong.message.id == "error.lot_unknown"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7001,A,2029-02,US", None),
        ("7001,C,2029-02,US", "error.import_kit_type"),
        ("7001,A,2029-13,US", "error.import_expiry"),
        ("7001,A,soon,US", "error.import_expiry"),
        ("7001,A,2029-02,usa", "error.import_countries"),
        ("5001,A,2029-02,US", "error.import_known"),
        ("x,A,2029-02,US", "error.import_number"),
    ],
)
def test_lots_are_imported_all_or_none(world: World, line: str, message: str | None) -> None:
    file = f"lot,kit_type,expiry,countries\n7009,B,2029-02-15,US ES\n{line}\n"
    if message is None:
        assert world.do("import_lots", "Sam", file=file).facts["lots"] == ["7009", "7001"]
        return
    wrong = world.wrong("file", "import_lots", "Sam", file=file)
    assert _problem(wrong) == (3, message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{kit_number(900)},1,A,5001", None),
        ("12345678,1,A,5001", "error.import_kit_number"),
        (f"{kit_number(1)},1,A,5001", "error.import_known"),
        (f"{kit_number(900)},1,A,5002", "error.import_lot_type"),
        (f"{kit_number(900)},1,A,9999", "error.import_unknown"),
        (f"{kit_number(900)},x,A,5001", "error.import_number"),
        (f"{kit_number(901)},1,A,5001", "error.import_known"),
    ],
)
def test_kits_are_imported_all_or_none(world: World, line: str, message: str | None) -> None:
    file = f"kit_number,sequence,kit_type,lot\n{kit_number(901)},5,B,5002\n{line}\n"
    if message is None:
        world.do("import_kits", "Sam", file=file)
        row = world.kit(kit_number(900))
        assert (row.disposition, row.depot, row.site) == ("available", "900", None)
        return
    wrong = world.wrong("file", "import_kits", "Sam", file=file)
    assert _problem(wrong) == (3, message)


@pytest.mark.parametrize("file", ["", "lot\n", "a,b\n1,2\n", "\x00", "lot,kit_type,expiry\n"])
def test_a_file_that_is_none_is_a_wrong_answer(world: World, file: str) -> None:
    world.wrong("file", "import_lots", "Sam", file=file)


def test_a_shipment_goes_from_reserved_to_the_shelf(world: World) -> None:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="2")
    number, kits = made.facts["shipment"], made.facts["kits"]
    assert len(kits) == 4
    assert {world.kit(kit).disposition for kit in kits} == {"reserved"}
    world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=TODAY)
    assert {(world.kit(kit).custody, world.kit(kit).site) for kit in kits} == {
        ("in_transit", "101")
    }
    receipt = world.receive(number)
    assert receipt.said == Message("said.receive", {"shipment": Digits(number), "count": 4})
    rows = [world.kit(kit) for kit in kits]
    assert {(row.disposition, row.custody, row.quality) for row in rows} == {
        ("available", "at_rest", "none")
    }


def test_every_shipment_holds_as_many_of_each_type(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="3")
    kinds = sorted(quick_world.kit_type(kit) for kit in made.facts["kits"])
    assert kinds == ["A"] * 3 + ["B"] * 3


def test_nothing_is_shipped_to_a_site_that_is_not_active(quick_world: World) -> None:
    here: Given = {"to_site": "103", "kits_each": "1"}
    quick_world.refused("site_not_active", "create_shipment", "Sam", **here)


def test_nothing_is_dispatched_to_a_site_that_was_paused_meanwhile(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    quick_world.do("pause_site", "Mia", to_site="101", approval_date=TODAY)
    given: Given = {"shipment": made.facts["shipment"], "dispatch_date": TODAY}
    quick_world.refused("site_not_active", "dispatch_shipment", "Sam", **given)


def test_a_depot_that_cannot_fill_a_shipment_sends_none(quick_world: World) -> None:
    before = quick_world.one("SELECT count(*) FROM kit WHERE disposition = 'reserved'")
    refused = quick_world.refused(
        "no_kit_available", "create_shipment", "Sam", to_site="101", kits_each="99"
    )
    assert refused.message.id == "error.depot_short"
    after = quick_world.one("SELECT count(*) FROM kit WHERE disposition = 'reserved'")
    assert after == before


def test_a_lot_not_for_the_country_is_not_shipped_there(quick_world: World) -> None:
    quick_world.stock(
        [("6001", "A", "2027-12"), ("6002", "B", "2027-12")], 1, countries="ES", start=100
    )
    made = quick_world.do("create_shipment", "Sam", to_site="102", kits_each="1")
    assert set(made.facts["kits"]) == {kit_number(101), kit_number(102)}
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    assert not set(made.facts["kits"]) & {kit_number(101), kit_number(102)}


def test_a_shipment_is_received_once_and_only_after_it_left(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    number = made.facts["shipment"]
    given: Given = {"received_date": TODAY, "logger": "no_alarm", "damaged": "", "missing": ""}
    quick_world.refused("wrong_shipment_status", "receive", "Ada", shipment=number, **given)
    quick_world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=TODAY)
    again: Given = {"shipment": number, "dispatch_date": TODAY}
    quick_world.refused("wrong_shipment_status", "dispatch_shipment", "Sam", **again)
    early: Given = {**given, "received_date": "2026-11-19"}
    quick_world.wrong("received_date", "receive", "Ada", shipment=number, **early)
    quick_world.receive(number)
    quick_world.refused("wrong_shipment_status", "receive", "Ada", shipment=number, **given)


def test_a_shipment_to_another_site_is_unknown_here(quick_world: World) -> None:
    number = quick_world.ship(1, "102", receive=None)
    given: Given = {"received_date": TODAY, "logger": "no_alarm", "damaged": "", "missing": ""}
    wrong = quick_world.wrong("shipment", "receive", "Ada", shipment=number, **given)
    assert wrong.message.id == "error.shipment_unknown"


@pytest.mark.parametrize("logger", ["alarm", "none"])
def test_after_an_alarm_or_without_a_logger_nothing_may_be_given_yet(
    world: World, logger: str
) -> None:
    number = world.ship(1, receive=None)
    before = len(world.messages())
    receipt = world.receive(number, logger=logger)
    assert receipt.said.id == "said.receive_held"
    rows = world.rows("SELECT quality FROM kit WHERE quality <> 'none'")
    assert [row.quality for row in rows] == ["pre_quarantined"] * 2
    assert ("sms.receipt_problem", None, "quality supply_manager") in world.messages()[before:]


def test_damaged_and_missing_kits_do_not_reach_the_shelf(world: World) -> None:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="2")
    number, kits = made.facts["shipment"], made.facts["kits"]
    world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=TODAY)
    world.receive(number, damaged=f"{kits[0]}, {kits[1]}", missing=kits[2])
    dispositions = [world.kit(kit).disposition for kit in kits]
    assert dispositions == ["damaged", "damaged", "missing", "available"]


def test_a_kit_is_not_damaged_and_missing_nor_from_elsewhere(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    number, kits = made.facts["shipment"], made.facts["kits"]
    quick_world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=TODAY)
    given: Given = {"shipment": number, "received_date": TODAY, "logger": "no_alarm"}
    quick_world.wrong("missing", "receive", "Ada", **given, damaged=kits[0], missing=kits[0])
    twice = f"{kits[0]},{kits[0]}"
    quick_world.wrong("damaged", "receive", "Ada", **given, damaged=twice, missing="")
    other = quick_world.rows(
        "SELECT number FROM kit WHERE study = :study AND site = '101' AND custody = 'at_rest'"
    )[0]
    quick_world.wrong("damaged", "receive", "Ada", **given, damaged=other.number, missing="")


def test_a_damaged_kit_is_taken_off_the_shelf(world: World) -> None:
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' ORDER BY number LIMIT 1"
    kit = world.one(query)
    receipt = world.do("report_stock", "Ada", kit=kit, condition="damaged")
    assert receipt.facts == {"kit": kit, "before": "available", "after": "damaged"}
    assert world.kit(kit).disposition == "damaged"
    refused = world.refused("kit_not_usable", "report_stock", "Ada", kit=kit, condition="missing")
    assert refused.message.id == "error.kit_is_damaged"


def test_a_kit_of_another_site_is_unknown_here(quick_world: World) -> None:
    kit = quick_world.rows("SELECT number FROM kit WHERE study = :study AND site = '102'")[0]
    wrong = quick_world.wrong("kit", "report_stock", "Ada", kit=kit.number, condition="missing")
    assert wrong.message.id == "error.kit_unknown"
