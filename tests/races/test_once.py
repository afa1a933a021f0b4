"""What may happen once happens once, however many ask for it at the same moment."""

from __future__ import annotations

from functools import partial

import pytest

from core.access.signin import sign_in
from core.errors import IxrsError, LockedOut, NotAuthenticated, Refused
from core.ledger.verify import verify
from core.messages import to_json
from core.supply.reminders import remind_due
from core.transaction import Receipt
from tests.races.crowd import at_once, done, failed
from tests.support.studies import COMBI, DRUG, capped
from tests.support.world import PEOPLE, PIN, TODAY, World


def _words(errors: list[IxrsError]) -> list[object]:
    return [(error.code, to_json(error.message)) for error in errors]


@pytest.mark.parametrize("name", ["randomize", "dispense"])
def test_the_same_request_twenty_times_at_once_is_one_deed_with_one_receipt(
    crowded: World, name: str
) -> None:
    number = crowded.screen() if name == "randomize" else crowded.randomized()
    deed = partial(crowded.do, name, "Ivy", request_id="same", subject=number)
    if name == "randomize":
        deed = partial(deed, consent="yes", eligible="yes", sex="F")
    else:
        deed = partial(deed, visit="V1")
    before = crowded.one("SELECT count(*) FROM ledger WHERE study = :study")
    results = at_once([deed] * 20)
    receipts = done(results)
    assert len(receipts) == 20
    assert len({(r.id, r.sequence, r.confirmation, str(r.said)) for r in receipts}) == 1
    assert sum(not receipt.replayed for receipt in receipts) == 1
    assert crowded.one("SELECT count(*) FROM ledger WHERE study = :study") == before + 1


def test_a_subject_randomized_from_ten_sides_is_randomized_once(crowded: World) -> None:
    number = crowded.screen()
    results = at_once([partial(crowded.randomize, number)] * 10)
    assert len(done(results)) == 1
    assert [error.code for error in failed(results)] == ["already_randomized"] * 9
    assert crowded.one("SELECT count(*) FROM draw WHERE study = 'combi'") == 1


def test_the_last_kit_goes_to_one_and_the_other_hears_what_anyone_would(crowded: World) -> None:
    first, second = crowded.randomized(), None
    while second is None:
        other = crowded.randomized()
        second = other if crowded.arm(other) == crowded.arm(first) else None
    kind = "A" if crowded.arm(first) == "active" else "B"
    on_shelf = crowded.rows("SELECT number FROM kit WHERE study = 'combi' AND site = '101'")
    same = [row.number for row in on_shelf if crowded.kit_type(row.number) == kind]
    for number in same[1:]:
        crowded.do("report_stock", "Ada", kit=number, condition="damaged")
    deeds = [
        partial(crowded.do, "dispense", who, subject=number, visit="V1")
        for who, number in (("Ada", first), ("Ivy", second))
    ]
    results = at_once(deeds)
    (receipt,), (loser,) = done(results), failed(results)
    assert receipt.facts["kits"] == [same[0]]
    assert _words([loser]) == [
        ("no_kit_available", {"message": "error.no_kit_available", "params": {}})
    ]


def test_one_visit_asked_for_twice_is_dispensed_once(crowded: World) -> None:
    number = crowded.randomized()
    deed = partial(crowded.do, "dispense", subject=number, visit="V1")
    results = at_once([partial(deed, "Ada"), partial(deed, "Ivy"), partial(deed, "Pat")])
    assert len(done(results)) == 1
    query = "SELECT count(*) FROM kit WHERE study = 'combi' AND disposition = 'dispensed'"
    assert crowded.one(query) == 1


def _amend(world: World, text: str) -> None:
    world.do("publish", "Mia", file=text)
    world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)


@pytest.mark.parametrize(
    "caps", ["study = 5", "site = 5", 'per_country = { "US" = 5 }', "strata = [{ levels = "]
)
def test_a_cap_is_never_passed_by_many_at_its_edge(crowded: World, caps: str) -> None:
    if caps.startswith("strata"):
        caps += '{ sex = "F" }, randomized = 5 }]'
    crowded.randomized()
    _amend(crowded, capped(COMBI, caps))
    numbers = [crowded.screen() for _ in range(12)]
    results = at_once([partial(crowded.randomize, number) for number in numbers])
    assert len(done(results)) == 4
    assert {error.code for error in failed(results)} == {"enrolment_cap_reached"}


def test_the_cap_of_a_study_without_randomization_holds_at_screening(crowded: World) -> None:
    drug = crowded.of("drug")
    _amend(drug, capped(DRUG, "study = 3"))
    screen = partial(drug.do, "screen", consent_date=TODAY)
    results = at_once([partial(screen, who) for who in ("Ada", "Ivy", "Pat") * 4])
    assert len(done(results)) == 3
    assert {error.code for error in failed(results)} == {"enrolment_cap_reached"}


def test_two_approvals_at_once_release_the_lot_once(crowded: World) -> None:
    file = "lot,kit_type,expiry,countries\n7001,A,2029-01,US"
    crowded.do("import_lots", "Sam", file=file)
    proposed = crowded.do("release_lot", "Sam", lot="7001", certificate="9")
    approve = partial(crowded.do, "approve", "Quinn", proposal=proposed.facts["proposal"])
    results = at_once([approve] * 6)
    assert len(done(results)) == 1
    assert {error.code for error in failed(results)} == {"proposal_closed"}


def test_one_shipment_received_from_two_sides_arrives_once(crowded: World) -> None:
    shipment = crowded.ship(2, receive=None)
    results = at_once([partial(crowded.receive, shipment, who) for who in ("Ada", "Ivy", "Pat")])
    assert len(done(results)) == 1
    assert {error.code for error in failed(results)} == {"wrong_shipment_status"}


def test_two_shipments_at_once_never_share_a_kit(crowded: World) -> None:
    make = partial(crowded.do, "create_shipment", "Sam", to_site="101", kits_each="2")
    receipts = done(at_once([make] * 4))
    kits = [kit for receipt in receipts for kit in receipt.facts["kits"]]
    assert len(receipts) == 4
    assert len(set(kits)) == len(kits) == 16


def test_an_order_is_told_again_by_one_of_the_workers(crowded: World) -> None:
    crowded.do("create_shipment", "Sam", to_site="101", kits_each="1")
    crowded.days_later(1)
    before = len(crowded.messages())
    assert sum(done(at_once([partial(remind_due, crowded.core)] * 6))) == 1
    again = [id_ for id_, _, _ in crowded.messages()[before:]]
    assert again == ["sms.depot_reminder", "sms.order_unacknowledged"]


def test_an_order_is_acknowledged_once(crowded: World) -> None:
    made = crowded.do("create_shipment", "Sam", to_site="101", kits_each="1").facts
    acknowledge = partial(crowded.do, "acknowledge_shipment", "Sam", shipment=made["shipment"])
    results = at_once([acknowledge] * 4)
    assert len(done(results)) == 1
    assert {error.code for error in failed(results)} == {"wrong_shipment_status"}


def test_screening_numbers_have_no_gap_and_no_double(crowded: World) -> None:
    results = done(at_once([crowded.screen] * 20))
    assert sorted(results) == [f"101{n:03d}" for n in range(1, 21)]


def test_guessing_in_parallel_gets_no_more_than_five_tries(crowded: World) -> None:
    """A try that was looked at hears that it is wrong; the others hear of the lock."""
    guess = [
        partial(sign_in, crowded.core, PEOPLE["Ada"], f"{n:06d}", source=f"s{n}") for n in range(20)
    ]
    results = at_once(guess)
    assert not done(results)
    kinds = [type(error) for error in failed(results)]
    assert kinds.count(NotAuthenticated) == 5
    assert kinds.count(LockedOut) == 15


def test_four_right_sign_ins_at_once_all_succeed(crowded: World) -> None:
    deeds = [partial(sign_in, crowded.core, PEOPLE["Ada"], PIN, source="s") for _ in range(4)]
    assert len(done(at_once(deeds))) == 4


def test_studies_do_not_wait_for_one_another_and_every_chain_holds(crowded: World) -> None:
    worlds = [crowded.of(study) for study in ("combi", "solo", "mini", "drug")]
    deeds = [
        partial(world.screen) if world.study in ("combi", "drug") else partial(world.randomize)
        for world in worlds
        for _ in range(6)
    ]
    results: list[str | Receipt | IxrsError] = list(at_once(deeds))
    assert not [result for result in results if isinstance(result, Refused)]
    assert verify(crowded.core).ok
