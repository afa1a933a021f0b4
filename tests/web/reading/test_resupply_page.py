"""What the supply manager sees of resupply: the rule, what waits, what would go now and why."""

from __future__ import annotations

import re

from sqlalchemy import text as sql

from tests.support.resupply import MIN_MAX, publish
from tests.web.reading.conftest import Known
from tests.web.reading.pages import Pages, words
from tests.web.reading.test_supply_pages import readings


def test_resupply_says_that_it_is_off(pages: Pages, known: Known) -> None:
    text = pages.text("Sam", "/resupply")
    assert "off: shipments are made by hand" in text
    assert "Last nightly run none yet" in text


def test_resupply_tells_what_would_go_now_and_offers_it(pages: Pages, known: Known) -> None:
    """7 or 8 of each are left: both are low, each would be filled up to ten."""
    publish(pages.world, MIN_MAX.format(minimum=8, maximum=10))
    page = pages.get("Sam", "/resupply").text
    rows = [words(row) for row in re.findall(r"<tr>.*?</tr>", page, re.S)]
    assert any(re.search(r"A [78] 0 0 8 low 10 [23]$", row) for row in rows), rows
    assert "/do/resupply?to_site=101" in page
    assert readings(pages) == [("resupply", None, "3")]
    for who in ("Ada", "Bo", "Cy", "Mia", "Aud", "Dep", "Stat"):
        assert pages.get(who, "/resupply").status_code == 404, who
    assert "/do/" not in pages.get("Quinn", "/resupply").text


def test_a_shipment_tells_its_site_why_without_a_type_and_supply_with_it(
    pages: Pages, known: Known
) -> None:
    publish(pages.world, MIN_MAX.format(minimum=8, maximum=10))
    done = pages.world.do("resupply", "Sam", to_site="101")
    number = str(done.facts["shipment"])
    blind = pages.text("Ada", f"/shipments/{number}")
    assert "resupply" in blind
    note = re.search(r'<p class="note">(.*?)</p>', pages.get("Ada", f"/shipments/{number}").text)
    assert note
    assert not re.search(r"\b[AB]\b", note[1])
    assert "What the rule decided for each type" in pages.text("Sam", f"/shipments/{number}/types")


def test_a_draft_waits_for_approval_on_both_pages(pages: Pages, known: Known) -> None:
    world = pages.world
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="1")
    number = str(made.facts["shipment"])
    with world.core.writing() as db:
        db.execute(sql("UPDATE shipment SET status = 'draft' WHERE number = :n"), {"n": number})
    deed = f"/do/approve_shipment?shipment={number}"
    for path in ("/", "/resupply"):
        assert deed in pages.get("Sam", path).text, path
    assert number not in pages.get("Ada", "/").text
