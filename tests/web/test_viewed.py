"""Pages and readings by the API leave a row on record; forms and redirects leave none."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from core.access.views import EVENT
from core.db.models import ledger
from core.db.records import page_view
from tests.support.api import Api
from tests.support.pages import browser
from tests.support.world import World
from tests.web.reading.pages import Pages
from web.app import create_app
from web.reading.views import WORDS
from web.viewed import NOT_RECORDED, seen_in


def _seen(world: World) -> list[tuple[str, str, str | None, str | None]]:
    with world.core.reading() as db:
        rows = db.execute(select(page_view).order_by(page_view.c.id))
        return [(row.user_id, row.what, row.of, row.subject) for row in rows]


@pytest.mark.req("R10")
def test_a_page_is_on_record_with_who_read_it_and_about_whom(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    pages = Pages(quick_world)
    for path in ("/", f"/subjects/{number}", f"/kits/{kit}", "/stock", f"/ledger?subject={number}"):
        pages.get("Ada", path)
    assert _seen(quick_world) == [
        ("11", "today", None, None),
        ("11", "subject", number, number),
        ("11", "kit", kit, number),
        ("11", "stock", None, None),
        ("11", "ledger", None, number),
    ]


def test_what_is_not_shown_is_not_on_record(quick_world: World) -> None:
    pages = Pages(quick_world)
    for path in ("/subjects/999999", "/do/screen", "/account", "/nothing", "/sign-in"):
        pages.get("Ada", path)
    pages.app.test_client().get("/subjects/101001")
    assert _seen(quick_world) == []


def test_signing_out_seals_what_was_looked_at(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.get("/subjects")
    out = next(one for one in page.forms if one.action == "/sign-out")
    here.send(page, out)
    with quick_world.core.reading() as db:
        sealing = ledger.c.transaction == EVENT
        assert db.scalar(select(func.count()).select_from(ledger).where(sealing)) == 1
    assert quick_world.one("SELECT count(*) FROM page_view WHERE sealed IS NULL") == 0


def test_what_a_program_reads_is_on_record_as_what_a_page_shows(quick_world: World) -> None:
    api = Api(quick_world)
    number = quick_world.screen()
    api.get("Cy", f"/subjects/{number}")
    api.get("Cy", "/subjects", site="101")
    api.get("Cy", "/transactions")
    assert _seen(quick_world) == [
        ("14", "subject", number, number),
        ("14", "subjects", "101", None),
    ]


def test_a_receipt_and_a_check_name_the_subject_that_they_are_about(quick_world: World) -> None:
    number = quick_world.screen()
    here = browser(quick_world, "Ada")
    here.do("screen_failure", {"subject": number, "reason": "laboratory"})
    told = [one for one in _seen(quick_world) if one[1] in ("deed", "receipt")]
    assert ("11", "deed", "screen_failure", number) in told
    assert (told[-1][1], told[-1][3]) == ("receipt", number)


def _kinds(app: Flask) -> set[str]:
    """What the pages for people who are signed in leave on record."""
    names = {
        rule.endpoint.rpartition(".")[2]
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and hasattr(app.view_functions[rule.endpoint], "signed_in")
    }
    return {seen_in(name, {}).what for name in names - NOT_RECORDED}


def test_each_kind_of_page_has_words(quick_world: World) -> None:
    assert _kinds(create_app(quick_world.core)) - WORDS.keys() == set()


def test_the_page_tells_who_saw_what_to_those_who_see_the_ledger(quick_world: World) -> None:
    number = quick_world.screen()
    pages = Pages(quick_world)
    pages.get("Cy", f"/subjects/{number}")
    text = pages.text("Mia", f"/views?subject={number}")
    assert f"Cy, 14 on the web Subject Subject {number}" in text
    assert "Nobody has looked" in pages.text("Ada", "/views?subject=999999")
    assert "Nobody has looked" in pages.text("Mia", "/views?until=2020-01-01")
    assert pages.get("Sam", "/views").status_code == 404


def test_a_persons_page_leads_to_what_the_person_looked_at(quick_world: World) -> None:
    pages = Pages(quick_world)
    assert "/views?person=14" in pages.get("Mia", "/people/14").text
    assert "/views" not in pages.get("Hal", "/people/14").text
