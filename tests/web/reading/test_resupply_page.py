"""What the supply manager sees of resupply: the rule, what waits, what would go now and why."""

from __future__ import annotations

from tests.support.resupply import MIN_MAX, publish
from tests.web.reading.conftest import Known
from tests.web.reading.pages import Pages
from tests.web.reading.test_supply_pages import readings


def test_resupply_says_that_it_is_off(pages: Pages, known: Known) -> None:
    text = pages.text("Sam", "/resupply")
    assert "off: shipments are made by hand" in text
    assert "Last nightly run none yet" in text
