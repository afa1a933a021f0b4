"""Lots, shelves by group and by lot, and shipments, on pages."""

from __future__ import annotations

import json

from sqlalchemy import text as sql

from tests.web.reading.conftest import Known
from tests.web.reading.pages import Pages

READINGS = """SELECT body FROM ledger WHERE study = :study AND "transaction" = 'types_read'"""


def readings(pages: Pages) -> list[tuple[str, str | None, str | None]]:
    """What was read by whom, as the ledger has it: what, of which, by which user."""
    bodies = [json.loads(row.body) for row in pages.world.rows(f"{READINGS} ORDER BY sequence")]
    return [(one["facts"]["what"], one["facts"]["of"], one["actor"]) for one in bodies]


def test_a_lot_shows_its_dates_its_releases_and_where_its_kits_are(
    pages: Pages, known: Known
) -> None:
    text = pages.text("Sam", "/lots/5001")
    for told in (
        "State released",
        "Expiry June 30, 2028",
        "certificate 77",
        "Depot 900 8 in stock",
        "Site 101",
    ):
        assert told in text
    assert "5001" in pages.text("Quinn", "/lots")


def test_each_page_with_kit_types_is_one_reading_on_record(pages: Pages, known: Known) -> None:
    assert readings(pages) == []
    pages.text("Sam", "/lots")
    pages.text("Sam", "/lots/5001")
    pages.text("Bo", "/stock/lots?site=101")
    pages.text("Dep", "/stock/lots?depot=900")
    assert readings(pages) == [
        ("lots", None, "3"),
        ("lot", "5001", "3"),
        ("stock", None, "13"),
        ("stock", "900", "33"),
    ]
    assert "Kit types were read" in pages.text("Ada", "/ledger?person=13")


def test_what_may_not_be_read_leaves_no_reading(pages: Pages, known: Known) -> None:
    for who, path in (
        ("Bo", "/lots"),
        ("Bo", "/stock/lots?site=102"),
        ("Bo", "/stock/lots?depot=900"),
        ("Mia", "/stock/lots?depot=900"),
        ("Ada", "/stock/lots?site=101"),
        ("Sam", "/lots/9999"),
        ("Sam", "/stock/lots?depot=999"),
        ("Sam", "/stock/lots"),
    ):
        assert pages.get(who, path).status_code == 404, (who, path)
    assert readings(pages) == []


def test_a_group_shows_what_is_usable_and_the_first_last_day(pages: Pages, known: Known) -> None:
    pages.world.ship(2, receive=None)
    text = pages.text("Ada", "/stock")
    assert "What can be given" in text
    # 16 came, one was given, four are on their way; ten days before the end of June
    assert "Capsules 15 June 20, 2028 4" in text


def test_a_date_that_one_type_alone_has_is_not_told_to_the_blinded(
    pages: Pages, known: Known
) -> None:
    assert "2028" in pages.text("Ada", "/stock")
    pages.world.stock([("6001", "A", "2029-01")], 2, start=500)
    assert "2028" not in pages.text("Ada", "/stock")
    assert "2028" in pages.text("Bo", "/stock/lots?site=101")
    pages.world.stock([("6002", "B", "2029-01")], 2, start=600)
    assert "2028" in pages.text("Ada", "/stock")


def test_a_shelf_by_lot_names_type_lot_and_last_day(pages: Pages, known: Known) -> None:
    text = pages.text("Bo", "/stock/lots?site=101")
    assert "A Capsules 5001 June 30, 2028 June 20, 2028 8 usable" in text
    assert 'href="/lots/' not in pages.get("Bo", "/stock/lots?site=101").text
    assert 'href="/lots/5001' in pages.get("Sam", "/stock/lots?site=101").text


def test_a_shipment_tells_where_from_where_to_and_when(pages: Pages, known: Known) -> None:
    number = pages.world.ship(1, receive=None)
    text = pages.text("Ada", f"/shipments/{number}")
    for told in ("asked for by hand", "From Depot 900", "To Site 101", "Due November 22, 2026"):
        assert told in text
    assert "overdue" not in text
    pages.world.days_later(3)
    later = Pages(pages.world)
    assert "overdue" in later.text("Ada", f"/shipments/{number}")
    assert "overdue" in later.text("Ada", "/shipments")
    assert "overdue" not in later.text("Ada", f"/shipments/{known.shipment}")


def test_a_depot_sees_its_work_in_the_order_in_which_it_is_done(pages: Pages, known: Known) -> None:
    world = pages.world
    assert "No order waits here" in pages.text("Dep", "/depots/900")
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    number = str(made.facts["shipment"])
    for heading, deed in (
        ("Orders to acknowledge", "acknowledge_shipment"),
        ("To pack", "pack_shipment"),
        ("To send", "dispatch_shipment"),
    ):
        page = pages.get("Dep", "/depots/900").text
        assert heading in page
        assert f"/do/{deed}?shipment={number}" in page
        if deed != "dispatch_shipment":
            world.do(deed, "Sam", shipment=number)
    assert "/do/" not in pages.get("Mia", "/depots/900").text
    for who in ("Ada", "Bo", "Stat"):
        assert pages.get(who, "/depots/900").status_code == 404
    assert pages.get("Dep", "/depots/999").status_code == 404


def test_a_shipment_tells_its_types_and_why_to_those_alone_who_may_read_them(
    pages: Pages, known: Known
) -> None:
    number = pages.world.ship(2, receive=None)
    path = f"/shipments/{number}/types"
    text = pages.text("Sam", path)
    assert "A 5001 June 30, 2028" in text
    assert "B 5002 June 30, 2028" in text
    for who in ("Bo", "Quinn", "Dep"):
        assert "A 5001 June 30, 2028" in pages.text(who, path), who
        assert path in pages.get(who, f"/shipments/{number}").text, who
    assert [one[:2] for one in readings(pages)] == [("shipment", number)] * 4
    for who in ("Ada", "Pat", "Ivy", "Cy", "Mia", "Aud"):
        assert pages.get(who, path).status_code == 404, who
        assert path not in pages.get(who, f"/shipments/{number}").text, who
    assert pages.get("Bo", f"/shipments/{known.other_shipment}/types").status_code == 404
    assert len(readings(pages)) == 4


def test_an_order_is_packed_by_what_is_printed_on_the_cartons(pages: Pages, known: Known) -> None:
    made = pages.world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    number = str(made.facts["shipment"])
    text = pages.text("Dep", f"/shipments/{number}/order")
    for told in ("To Site 101, Boston (US)", "Acknowledgement", "2 kits in this shipment"):
        assert told in text, text
    page = pages.get("Dep", f"/shipments/{number}/order").text
    for form in ("csv", "json"):
        assert f"/shipments/{number}/order.{form}" in page
        assert pages.get("Dep", f"/shipments/{number}/order.{form}").status_code == 200
    for kit in made.facts["kits"]:
        assert kit in page
    for who in ("Ada", "Bo", "Mia", "Quinn"):
        assert pages.get(who, f"/shipments/{number}/order").status_code == 404, who
        assert "/order" not in pages.get(who, f"/shipments/{number}").text, who


def test_the_account_of_a_site_adds_up_on_a_page_with_its_files(pages: Pages, known: Known) -> None:
    text = pages.text("Ada", "/accountability")
    assert "The balance of this site" in text
    assert "5001" not in text
    assert readings(pages) == []
    page = pages.get("Ada", "/accountability").text
    for form in ("xlsx", "pdf", "csv"):
        assert f"/accountability.{form}?" in page
    assert pages.get("Ada", "/accountability?site=102").status_code == 404
    assert pages.get("Dep", "/accountability").status_code == 404
    assert "5001" in pages.text("Bo", "/accountability")
    assert len(readings(pages)) == 1
    assert "Whose account" in pages.text("Sam", "/accountability")
    assert "5001" in pages.text("Sam", "/accountability?of=study")


def test_a_trace_leads_from_the_lot_to_its_subjects_and_is_on_record(
    pages: Pages, known: Known
) -> None:
    lot = {"A": "5001", "B": "5002"}[pages.world.kit_type(known.kit)]
    text = pages.text("Sam", f"/lots/{lot}/trace")
    for told in (known.kit, known.subject, known.shipment, "assigned to a subject"):
        assert told in text
    assert readings(pages) == [("trace", lot, "3")]
    entry = pages.world.last_entry()
    assert known.subject in entry["facts"]["subjects"]
    found = pages.get("Sam", f"/lots/{lot}/packaging-list.csv")
    assert found.mimetype == "text/csv"
    assert known.kit in found.text
    for who in ("Bo", "Ada", "Mia", "Dep"):
        for path in (f"/lots/{lot}/trace", f"/lots/{lot}/packaging-list.csv"):
            assert pages.get(who, path).status_code == 404, (who, path)


def test_stock_is_filtered_by_what_waits_for_quality(pages: Pages, known: Known) -> None:
    number = pages.world.ship(1, receive=None)
    pages.world.receive(number, logger="alarm")
    page = pages.get("Quinn", "/stock?site=101&status=pre_quarantined").text
    assert page.count('data-label="Kit"') == 2
    assert "held until the temperature is assessed" in page
    assert pages.get("Quinn", "/stock?site=101&status=quarantined").status_code == 200
    assert pages.get("Quinn", "/stock?site=101&status=nonsense").status_code == 404


def test_a_person_of_one_depot_sees_nothing_of_another(pages: Pages, known: Known) -> None:
    world = pages.world
    with world.core.writing() as db:
        db.execute(sql("UPDATE grant_role SET depot = '901' WHERE user_id = '33'"))
    for path in (
        *("/depots/900", "/stock/lots?depot=900", "/shipments?depot=900"),
        *(f"/shipments/{known.shipment}", f"/shipments/{known.shipment}/types"),
    ):
        assert pages.get("Dep", path).status_code == 404, path
    assert known.shipment not in pages.get("Dep", "/shipments").text
    assert known.shipment not in pages.get("Dep", "/").text
    assert pages.get("Dep", "/depots/901").status_code == 200


def test_kits_that_end_soon_are_counted_beside_the_earliest_last_day(
    pages: Pages, known: Known
) -> None:
    """Ten days before the end of December, two weeks ahead: told from 7 December on."""
    pages.world.stock([("7001", "A", "2026-12"), ("7002", "B", "2026-12")], 1, start=900)
    pages.world.ship(1)
    pages.world.days_later(16)
    assert "December 21, 2026" in Pages(pages.world).text("Ada", "/stock")
    assert "end soon" not in Pages(pages.world).text("Ada", "/stock")
    pages.world.days_later(1)
    assert "December 21, 2026 2 end soon" in Pages(pages.world).text("Ada", "/stock")
