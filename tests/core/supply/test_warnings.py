"""Warnings before trouble: what is told, and to whom it is told."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import update

from core.db.models import study_version
from core.errors import NotFound
from core.messages import to_json
from core.supply.night import run_night
from core.supply.warnings import Warned, warnings_for
from tests.support.resupply import KINDS, MIN_MAX, publish
from tests.support.studies import COMBI
from tests.support.world import World

EVERYBODY = ("Ada", "Bo", "Pat", "Cy", "Mia", "Sam", "Quinn")
BY_RISK = """
[resupply]
strategy = "predictive"
short_days = 30
long_days = 31
risk = 0.5
expected = { shape = 2, rate_days = 20 }
"""


def _told(world: World, who: str, site: str | None = None) -> tuple[Warned, ...]:
    with world.core.reading() as db:
        return warnings_for(world.core, db, world.actor(who), world.study, site)


def _kinds(world: World, who: str) -> list[str]:
    return [one.kind for one in _told(world, who)]


def _who_is_told(world: World, kind: str) -> set[str]:
    return {who for who in (*EVERYBODY, "Di") if kind in _kinds(world, who)}


def _at(world: World, day: dt.date) -> None:
    world.set_time(dt.datetime.combine(day, dt.time(15), tzinfo=dt.UTC))


def test_on_a_quiet_day_nobody_is_warned(quick_world: World) -> None:
    assert [_kinds(quick_world, who) for who in EVERYBODY] == [[]] * len(EVERYBODY)


def test_a_shipment_not_received_on_its_day_is_told_to_all_who_see_it(world: World) -> None:
    number = world.ship(1, receive=None)  # leaves on the 20th, two days on its way
    world.days_later(2)
    assert _who_is_told(world, "overdue") == set()
    world.days_later(1)
    assert _who_is_told(world, "overdue") == set(EVERYBODY)
    (one,) = _told(world, "Ada")
    assert (one.shipment, one.day) == (number, dt.date(2026, 11, 22))
    world.receive(number)
    assert _kinds(world, "Ada") == []


def test_an_order_that_has_not_left_on_its_day_is_for_supply_alone(quick_world: World) -> None:
    quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    assert _kinds(quick_world, "Sam") == []
    quick_world.days_later(1)
    assert _who_is_told(quick_world, "late") == {"Sam"}


def test_an_order_that_nobody_acknowledges_is_told_before_it_is_late(quick_world: World) -> None:
    hasty = COMBI.replace('name = "Depot"\n', 'name = "Depot"\nacknowledge_hours = 4\n')
    publish(quick_world, "", hasty)
    quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    quick_world.days_later(4 / 24)
    assert _kinds(quick_world, "Sam") == []
    quick_world.days_later(1 / 24)
    assert _who_is_told(quick_world, "unacknowledged") == {"Sam"}


def test_a_draft_waits_for_supply(quick_world: World) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10) + "approve = true\n")
    quick_world.do("resupply", "Sam", to_site="101")
    assert _who_is_told(quick_world, "draft") == {"Sam"}


def test_kits_near_their_last_day_are_told_with_that_day_and_no_count(world: World) -> None:
    """DND 10 of 30 June 2028: the 20th. Of the depot's, DNS 14: the 16th."""
    _at(world, dt.date(2028, 6, 5))
    assert _who_is_told(world, "expiring") == {"Sam"}
    _at(world, dt.date(2028, 6, 6))
    (one,) = _told(world, "Ada", "101")
    assert one.message.params["date"] == dt.date(2028, 6, 20)
    assert "count" not in one.message.params
    _at(world, dt.date(2028, 6, 20))
    assert "expiring" in _kinds(world, "Ada")
    _at(world, dt.date(2028, 6, 21))
    assert _kinds(world, "Ada") == []


def _run_out_of(world: World, kind: str) -> None:
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = '101' "
        "AND disposition = 'available' ORDER BY number"
    )
    for row in world.rows(query):
        if world.kit_type(row.number) == kind:
            world.do("report_stock", "Ada", kit=row.number, condition="damaged")


@pytest.mark.parametrize("arm", ["active", "placebo"])
def test_a_visit_without_a_kit_is_told_only_to_who_may_know_types(
    quick_world: World, arm: str
) -> None:
    number = quick_world.randomized()
    while quick_world.arm(number) != arm:
        number = quick_world.randomized()
    _run_out_of(quick_world, KINDS[arm])
    assert _who_is_told(quick_world, "shortage") == {"Sam", "Bo", "Quinn"}
    told = [one for one in _told(quick_world, "Sam") if one.kind == "shortage"]
    assert [(one.site, one.day) for one in told] == [("101", dt.date(2026, 11, 20))]
    assert number not in str(to_json(told[0].message))


def test_what_is_due_before_the_window_closes_is_counted(world: World) -> None:
    number = world.randomized()  # V1 until the 23rd
    _run_out_of(world, KINDS[world.arm(number)])
    world.ship(1, receive=None)  # due on the 22nd
    assert _kinds(world, "Sam") == []


def test_a_kit_that_does_not_last_until_the_next_visit_is_none(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.stock([("7001", "A", "2026-12-13"), ("7002", "B", "2026-12-13")], 1, start=500)
    _run_out_of(quick_world, KINDS[quick_world.arm(number)])
    quick_world.ship(1)  # more than DND from its expiry, and less than a visit from the next
    quick_world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")
    assert "shortage" in _kinds(quick_world, "Sam")


def test_kits_are_promised_once(quick_world: World) -> None:
    first, second = quick_world.randomized(), quick_world.randomized()
    while quick_world.arm(second) != quick_world.arm(first):
        second = quick_world.randomized()
    kind = KINDS[quick_world.arm(first)]
    _run_out_of(quick_world, kind)
    alike = quick_world.rows("SELECT number FROM subject WHERE study = :study")
    needed = sum(KINDS[quick_world.arm(row.number)] == kind for row in alike)
    quick_world.ship(needed - 1)
    (one,) = [one for one in _told(quick_world, "Sam") if one.kind == "shortage"]
    assert one.message.params["count"] == 1


def test_in_an_open_study_the_site_is_told_what_it_will_lack(quick_world: World) -> None:
    drug = quick_world.of("drug")
    drug.do("screen", "Ada", consent_date="2026-11-20")
    _run_out_of(drug, "A")
    assert "shortage" in _kinds(drug, "Ada")


def test_trigger_and_target_too_close_are_told_to_supply(quick_world: World) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=9))
    assert _who_is_told(quick_world, "rule") == {"Sam"}


def test_a_risk_that_comes_to_single_kits_is_told_to_supply(world: World) -> None:
    publish(world, BY_RISK)
    told = [one.message for one in _told(world, "Sam") if one.message.id == "warn.too_close"]
    assert [message.params["count"] for message in told] == [2]
    assert _who_is_told(world, "rule") == {"Sam"}


def test_the_most_urgent_comes_first(quick_world: World) -> None:
    quick_world.ship(1, receive=None)
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=9))
    quick_world.days_later(3)
    quick_world.do("create_shipment", "Sam", to_site="102", kits_each="1")
    quick_world.days_later(1)
    assert _kinds(quick_world, "Sam") == ["overdue", "late", *["rule"] * 3]


def test_once_a_night_each_is_told_a_number_and_no_more(world: World) -> None:
    number = world.randomized()
    world.ship(1, receive=None)
    _run_out_of(world, KINDS[world.arm(number)])
    world.days_later(4)
    before = len(world.messages())
    run_night(world.core, "combi", dt.date(2026, 11, 24))
    told = world.messages()[before:]
    assert ("sms.supply_warnings", None, "supply_manager") in told
    assert ("sms.site_warnings", None, "coordinator pharmacist unblinded_pharmacist") in told
    run_night(world.core, "combi", dt.date(2026, 11, 24))
    assert world.messages()[before:] == told


@pytest.mark.parametrize("site", ["102", "999"])
def test_another_site_is_not_there(quick_world: World, site: str) -> None:
    with pytest.raises(NotFound):
        _told(quick_world, "Ada", site)


def test_days_that_contradict_the_lead_time_are_told_of_a_file_published_before_that_was_checked(
    quick_world: World,
) -> None:
    """DND 10 and two days on the way, but counted until 11 days before expiry."""
    source = COMBI.replace("lead_days = 2\n", "lead_days = 2\ndnc_days = 11\ndns_days = 20\n")
    with quick_world.core.writing() as db:
        db.execute(
            update(study_version).where(study_version.c.study == "combi").values(source=source)
        )
    (one,) = _told(quick_world, "Sam")
    assert (one.kind, one.message.params["key"]) == ("rule", "dispensing.dnc_days")
    assert _kinds(quick_world, "Ada") == []
