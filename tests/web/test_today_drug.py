"""What waits of drug on the page of today, and for whom."""

from __future__ import annotations

from tests.support.pages import browser
from tests.support.world import Given, World


def test_a_shipment_that_should_be_here_is_told_as_overdue(quick_world: World) -> None:
    number = quick_world.ship(1, receive=None)
    assert "overdue" not in browser(quick_world, "Ada").get("/").text
    quick_world.days_later(3)
    text = browser(quick_world, "Ada").get("/").text
    assert number in text
    assert "overdue" in text
    assert "due Nov 22, 2026" in text


def test_an_order_is_late_by_the_day_of_its_depot_wherever_it_goes(quick_world: World) -> None:
    quick_world.do("activate_site", "Mia", to_site="103", approval_date="2026-11-20")
    number = str(
        quick_world.do("create_shipment", "Sam", to_site="103", kits_each="1").facts["shipment"]
    )
    for days, late in ((0, False), (1, True)):  # it is the 21st in Auckland on the 20th here
        quick_world.days_later(days)
        sam, mia = browser(quick_world, "Sam", None), browser(quick_world, "Mia", None)
        pages = [sam.get("/"), mia.get("/shipments"), mia.get(f"/shipments/{number}")]
        assert [("overdue" in page.text, number in page.text) for page in pages] == [
            (late, True)
        ] * 3


def test_an_order_goes_from_step_to_step_by_the_links_of_today(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="102", kits_each="1")
    number = str(made.facts["shipment"])
    for deed in ("acknowledge_shipment", "pack_shipment", "dispatch_shipment"):
        html = browser(quick_world, "Sam", None).get("/").html
        assert f"/do/{deed}?shipment={number}" in html
        given: Given = {"dispatch_date": "2026-11-20"} if deed == "dispatch_shipment" else {}
        quick_world.do(deed, "Sam", shipment=number, **given)
    assert f"/do/receive?shipment={number}" in browser(quick_world, "Di", "102").get("/").html
    assert "/do/receive" not in browser(quick_world, "Cy", None).get("/").html


def test_kits_with_a_logger_alarm_wait_for_quality_alone(quick_world: World) -> None:
    number = quick_world.ship(2, receive=None)
    quick_world.receive(number, logger="alarm")
    page = browser(quick_world, "Quinn", None).get("/")
    assert "Judge the temperature" in page.text
    link = f"/do/judge_excursion?chosen_by=shipment&amp;shipment={number}"
    assert link in page.html
    for who, site in (("Ada", "101"), ("Sam", None), ("Mia", None)):
        assert "Judge the temperature" not in browser(quick_world, who, site).get("/").text


def test_what_came_back_waits_for_the_monitor_of_that_site(quick_world: World) -> None:
    subject = quick_world.randomized()
    (kit,) = quick_world.dispense(subject)
    units: Given = {"units_used": "20", "units_unused": "8", "units_missing": "0"}
    quick_world.do("return_kit", "Ada", subject=subject, kit=kit, **units)
    page = browser(quick_world, "Cy", None).get("/")
    assert "Verify what came back" in page.text
    assert "Verify what came back" not in browser(quick_world, "Ada").get("/").text


def test_kits_that_end_soon_are_warned_of_where_they_are(quick_world: World) -> None:
    quick_world.stock([("7001", "A", "2026-12"), ("7002", "B", "2026-12")], 2, start=900)
    quick_world.ship(1)
    quick_world.days_later(20)
    assert "Warnings" in browser(quick_world, "Ada").get("/").text
