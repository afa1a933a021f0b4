"""The operator's page: who calls, where to call back, and the treatment only after that."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.db.records import page_view
from tests.support.world import Given, World
from tests.web.reading.pages import Pages

TAKEN: Given = {"caller": "Dr. Roe", "position": "treating_physician", "card_code": "C-77"}


@pytest.fixture
def call(pages: Pages, quick_world: World) -> str:
    """The number of a call about a randomized subject at 101 that Opal has taken."""
    number = quick_world.randomized()
    done = quick_world.do("take_emergency_call", "Opal", site=None, subject=number, **TAKEN)
    return str(done.facts["call"])


@pytest.mark.req("R5")
def test_the_operator_sees_the_numbers_on_record_and_what_comes_next(
    pages: Pages, call: str
) -> None:
    assert call in pages.text("Opal", "/emergency")
    page = pages.get("Opal", f"/emergency/{call}").text
    assert "Dr. Roe" in page
    assert "C-77" in page
    assert "+12025550110" in page
    assert f"/do/break_for_caller?call={call}" in page
    assert f"/do/decline_caller?call={call}" in page


@pytest.mark.req("R6")
def test_nobody_else_learns_of_the_call_or_of_a_number(pages: Pages, call: str) -> None:
    for who in ("Ada", "Ivy", "Cy", "Mia", "Sam", "Hal", "Saf", "Aud"):
        assert pages.get(who, "/emergency").status_code == 404
        assert pages.get(who, f"/emergency/{call}").status_code == 404
    assert pages.get("Opal", "/emergency/1234567").status_code == 404


def test_who_looked_at_a_caller_is_on_record_with_the_subject(
    pages: Pages, quick_world: World, call: str
) -> None:
    pages.get("Opal", f"/emergency/{call}")
    with quick_world.core.reading() as db:
        row = db.execute(select(page_view).where(page_view.c.what == "emergency_call")).one()
    assert (row.user_id, row.of) == ("35", call)
    assert row.subject is not None


@pytest.mark.req("R4")
def test_a_call_that_is_declined_is_gone_from_the_list(
    pages: Pages, quick_world: World, call: str
) -> None:
    quick_world.do("decline_caller", "Opal", site=None, call=call, why_not="not_identified")
    assert "You have no open call" in pages.text("Opal", "/emergency")
    assert pages.get("Opal", f"/emergency/{call}").status_code == 404
