"""Dispensing: the right kits, chosen by the server, or the same words for every lack."""

from __future__ import annotations

import datetime as dt

import pytest

from core.messages import Digits, Message, to_json
from tests.support.world import TODAY, Given, World


def _shelf(world: World, kind: str) -> list[str]:
    rows = world.rows(
        "SELECT number FROM kit WHERE study = :study AND site = '101' "
        "AND disposition = 'available' ORDER BY number"
    )
    return [row.number for row in rows if world.kit_type(row.number) == kind]


def _kind(world: World, number: str) -> str:
    return "A" if world.arm(number) == "active" else "B"


def _clear_shelf(world: World, kind: str) -> None:
    for number in _shelf(world, kind):
        world.do("report_stock", "Ada", kit=number, condition="missing")


def test_the_kits_of_the_visit_and_the_arm_are_assigned(world: World) -> None:
    number = world.randomized()
    receipt = world.do("dispense", "Ada", subject=number, visit="V1")
    (kit,) = receipt.facts["kits"]
    row = world.kit(kit)
    assert (row.disposition, row.site, row.custody) == ("dispensed", "101", "at_rest")
    assert world.kit_type(kit) == _kind(world, number)
    assert row.subject_id == world.subject(number).id
    assert receipt.said.params["kits"] == (Digits(kit),)
    assert str(receipt.facts["on"]) == TODAY
    assert world.secrets(receipt.sequence) == {
        f"kit_type_{kit}": [world.secrets(receipt.sequence)[f"kit_type_{kit}"][0], row_type]
        for row_type in (_kind(world, number),)
    }


def test_a_text_message_shows_the_first_four_digits_alone(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    told = world.rows("SELECT message, user_id FROM outbox ORDER BY id")[-1]
    assert told.user_id == "11"
    assert kit[:4] in told.message
    assert kit not in told.message


@pytest.mark.req("R12")
def test_nothing_is_dispensed_before_randomization(world: World) -> None:
    refused = world.refused("not_randomized", "dispense", "Ada", subject=world.screen(), visit="V1")
    assert refused.message.params == {"subject": Digits("101001")}


def test_the_earliest_expiry_is_given_first(quick_world: World) -> None:
    lots = quick_world.stock([("6001", "A", "2027-06"), ("6002", "B", "2027-06")], 2, start=100)
    quick_world.ship(2)
    early = {number for numbers in lots.values() for number in numbers}
    number = quick_world.randomized()
    assert set(quick_world.dispense(number)) <= early


@pytest.mark.parametrize(("expiry", "given"), [("2027-01-01", True), ("2026-12-31", False)])
def test_a_kit_lasts_to_the_next_dispensing_at_its_latest(
    quick_world: World, expiry: str, given: bool
) -> None:
    """V1 to V2 is 28 days and 3 late; V1 may be 3 days late too, but early it is never: 31."""
    number = quick_world.randomized()
    kind = _kind(quick_world, number)
    _clear_shelf(quick_world, kind)
    # 20 November + 42 days = 1 January: dispensed at V1 + 11 days.
    quick_world.stock([("6001", "A", expiry), ("6002", "B", expiry)], 1, start=100)
    quick_world.ship(1)
    quick_world.days_later(11)
    if given:
        assert quick_world.dispense(number)
    else:
        quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")


@pytest.mark.parametrize("where", ["transit", "quarantine", "expired", "nowhere"])
def test_what_may_not_be_given_is_not_and_the_words_are_the_same(
    quick_world: World, where: str
) -> None:
    number = quick_world.randomized()
    _clear_shelf(quick_world, "A")
    _clear_shelf(quick_world, "B")
    if where == "transit":
        quick_world.ship(1, receive=None)
    elif where == "quarantine":
        quick_world.receive(quick_world.ship(1, receive=None), logger="alarm")
    elif where == "expired":
        lots = [("6001", "A", "2026-12-10"), ("6002", "B", "2026-12-10")]
        quick_world.stock(lots, 1, start=100)
        quick_world.ship(1)
    refused = quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")
    assert to_json(refused.message) == {"message": "error.no_kit_available", "params": {}}
    assert quick_world.one("SELECT count(*) FROM visit") == 0


def test_a_lot_not_released_for_the_country_is_not_given(quick_world: World) -> None:
    """The kits are on the shelf in Boston; by a hand the lot's release for the country is gone."""
    number = quick_world.randomized()
    with quick_world.core.writing() as db:
        db.exec_driver_sql("DELETE FROM lot_release WHERE country = 'US'")
    quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")


def test_two_kits_or_none(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.dispense(number, "V1")
    kind = _kind(quick_world, number)
    for kit in _shelf(quick_world, kind)[1:]:
        quick_world.do("report_stock", "Ada", kit=kit, condition="damaged")
    quick_world.days_later(28)
    quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V2")
    assert len(_shelf(quick_world, kind)) == 1


def test_unblinded_kits_are_bos_and_the_others_are_never(world: World) -> None:
    number = world.randomized()
    world.refused("not_allowed", "dispense", "Bo", subject=number, visit="V1")


def test_a_study_without_randomization_dispenses_after_screening(world: World) -> None:
    drug = world.of("drug")
    kits = drug.dispense(drug.screen(), "D1")
    assert sorted(drug.kit_type(kit) for kit in kits) == ["A", "B"]
    assert list(kits) == sorted(kits)  # in the order of the types it would tell which is which


def test_an_unscheduled_visit_leaves_the_plan_alone(world: World) -> None:
    number = world.randomized()
    receipt = world.do("unscheduled", "Ada", subject=number)
    assert receipt.facts["visit"] == "unscheduled-1"
    assert world.do("unscheduled", "Ada", subject=number).facts["visit"] == "unscheduled-2"
    assert len(world.dispense(number, "V1")) == 1
    assert world.one("SELECT count(*) FROM visit") == 3


def test_a_replaced_kit_is_put_away_by_what_happened_to_it(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    away = {"lost": ("lost", "none"), "damaged": ("damaged", "none")}
    for reason, (disposition, quality) in away.items():
        receipt = world.do("replace", "Ada", subject=number, kit=kit, reason=reason)
        (new,) = receipt.facts["kits"]
        old = world.kit(kit)
        assert (old.disposition, old.quality, old.replaced_by) == (disposition, quality, new)
        assert world.kit_type(new) == world.kit_type(kit)
        assert world.kit(new).visit_id == old.visit_id
        kit = new


def test_a_kit_not_given_comes_back_into_quarantine_and_is_never_given_again(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    quick_world.do("replace", "Ada", subject=number, kit=kit, reason="not_given")
    row = quick_world.kit(kit)
    assert (row.disposition, row.quality) == ("returned", "quarantined")


def test_only_a_kit_of_the_subject_is_replaced(quick_world: World) -> None:
    mine, other = quick_world.randomized(), quick_world.randomized()
    (theirs,) = quick_world.dispense(other)
    here: Given = {"subject": mine, "reason": "lost"}
    refused = quick_world.refused("kit_not_usable", "replace", "Ada", kit=theirs, **here)
    assert refused.message.id == "error.kit_not_of_subject"
    on_shelf = _shelf(quick_world, "A")[0]
    quick_world.refused("kit_not_usable", "replace", "Ada", kit=on_shelf, **here)


@pytest.mark.parametrize(
    ("kit", "message"),
    [
        ("12345678", "error.kit_mistyped"),
        ("1234567", "error.kit_mistyped"),
        ("", "error.kit_mistyped"),
        ("1234567\x00", "error.kit_mistyped"),
        ("00000000", "error.kit_unknown"),
    ],
)
def test_a_mistyped_kit_number_is_named_and_no_other_suggested(
    quick_world: World, kit: str, message: str
) -> None:
    given: Given = {"subject": quick_world.randomized(), "reason": "lost"}
    wrong = quick_world.wrong("kit", "replace", "Ada", kit=kit, **given)
    assert wrong.message == Message(message, {"number": Digits(kit)})


def test_hand_over_confirms_the_carton_by_its_last_four_digits(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    receipt = world.do("hand_over", "Ada", subject=number, carton_1=kit[-4:])
    assert receipt.facts == {"kits": [kit], "confirmed": True}
    assert world.kit(kit).confirmed_at is not None
    again = world.refused("kit_not_usable", "hand_over", "Ada", subject=number, carton_1=kit[-4:])
    assert again.message.id == "error.nothing_to_hand_over"


def test_cartons_are_confirmed_in_any_order_and_all_of_them(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.do("missed_visit", "Ada", subject=number, visit="V1")
    first, second = quick_world.dispense(number, "V2")
    quick_world.wrong("carton_2", "hand_over", "Ada", subject=number, carton_1=first[-4:])
    quick_world.do("hand_over", "Ada", subject=number, carton_1=second[-4:], carton_2=first[-4:])


def test_a_confirmation_number_narrows_the_hand_over_to_its_own_kits(world: World) -> None:
    number = world.randomized()
    (first,) = world.dispense(number)
    second = world.do("unscheduled", "Ada", subject=number)
    (kit,) = second.facts["kits"]
    named: Given = {"subject": number, "confirmation": second.confirmation}
    world.refused("wrong_carton", "hand_over", "Ada", carton_1=first[-4:], **named)
    receipt = world.do("hand_over", "Ada", carton_1=kit[-4:], **named)
    assert receipt.facts == {"kits": [kit], "confirmed": True}
    assert world.kit(first).confirmed_at is None
    world.refused("kit_not_usable", "hand_over", "Ada", carton_1=kit[-4:], **named)
    world.do("hand_over", "Ada", subject=number, carton_1=first[-4:])


def test_a_confirmation_number_of_something_else_hands_nothing_over(quick_world: World) -> None:
    randomized, other = quick_world.randomize(), quick_world.randomized()
    number = str(randomized.subject)
    (kit,) = quick_world.dispense(number)
    elsewhere = quick_world.do("dispense", "Ada", subject=other, visit="V1").confirmation
    for confirmation in (randomized.confirmation, elsewhere, "000000000", "x"):
        named: Given = {"subject": number, "confirmation": confirmation}
        quick_world.wrong("confirmation", "hand_over", "Ada", carton_1=kit[-4:], **named)


def test_a_wrong_carton_is_refused_confirmed_to_nobody_and_alerted(world: World) -> None:
    number = world.randomized()
    (kit,) = world.dispense(number)
    wrong = f"{(int(kit[-4:]) + 1) % 10_000:04d}"
    before = len(world.messages())
    refused = world.refused("wrong_carton", "hand_over", "Ada", subject=number, carton_1=wrong)
    assert refused.message.params == {"subject": Digits(number)}
    assert world.kit(kit).confirmed_at is None
    assert world.messages()[before:] == [
        ("sms.wrong_carton", None, "pharmacist unblinded_pharmacist monitor")
    ]


@pytest.mark.parametrize("carton", ["", "123", "12345", "12a4", "１２３４"])
def test_four_digits_are_four_digits(quick_world: World, carton: str) -> None:
    number = quick_world.randomized()
    quick_world.dispense(number)
    quick_world.wrong("carton_1", "hand_over", "Ada", subject=number, carton_1=carton)


@pytest.mark.req("R9")
def test_the_last_allowed_day_is_the_site_s_own(quick_world: World) -> None:
    """At 03:00 UTC it is still the day before in Boston, and one more day may be dispensed."""
    number = quick_world.randomized()
    for visit in ("V1", "V2"):
        quick_world.do("missed_visit", "Ada", subject=number, visit=visit)
    kind = _kind(quick_world, number)
    _clear_shelf(quick_world, kind)
    # V3 to V4, the last visit: 28 + 3 late + 3 early = 34 days, from 12 January to 15 February.
    lots = [("6001", "A", "2027-02-15"), ("6002", "B", "2027-02-15")]
    quick_world.stock(lots, 1, start=100)
    quick_world.ship(1)
    quick_world.set_time(dt.datetime(2027, 1, 13, 3, tzinfo=dt.UTC))
    assert quick_world.dispense(number, "V3")
