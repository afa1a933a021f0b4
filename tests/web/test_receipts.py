"""Drafts and receipts on pages: whose they are, and what a receipt has for the source file."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import browser
from tests.support.world import OTHER_PIN, PIN, World

SCREENING = {"consent_date": "2026-11-20", "year_of_birth": "1961", "rescreened": "no"}
NEW_SITE = "number,name,country,timezone,language,phone,depot\n104,Vigo,ES,Europe/Madrid,en,,900\n"


def test_another_persons_draft_does_not_exist(quick_world: World) -> None:
    path = browser(quick_world, "Ada").fill_in("screen", SCREENING).path
    theirs = browser(quick_world, "Pat")
    for page in ("/check", "/sign", "/ask/year_of_birth", "/result"):
        assert theirs.get(path.replace("/check", page)).status == 404
    assert theirs.get("/draft/none/check").status == 404


def test_a_draft_waits_for_the_same_person_in_a_later_session(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    path = here.fill_in("screen", SCREENING).path
    quick_world.days_later(1 / 24)
    page = here.get(path)
    assert page.path == "/sign-in"
    assert here.send(page, user_id="11", secret=PIN).path in (path, "/place")
    here.go_to("combi", "101")
    assert here.finish(here.get(path)).path.startswith("/receipt/")


def test_a_draft_stays_at_its_site(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    path = here.fill_in("screen", SCREENING).path
    here.go_to("solo", "101")
    page = here.get(path)
    assert "Study combi" in page.in_class("where")
    assert quick_world.subject(here.finish(page).row("Subject")).site == "101"


def test_a_receipt_is_for_those_who_see_the_site(quick_world: World) -> None:
    path = browser(quick_world, "Ada").do("screen", SCREENING).path
    assert browser(quick_world, "Pat").get(path).status == 200
    assert browser(quick_world, "Cy", None).get(path).status == 200
    assert browser(quick_world, "Di", "102").get(path).status == 404
    assert browser(quick_world, "Pat").get("/receipt/000000000").status == 404


def test_what_one_does_for_oneself_is_ones_own_receipt(quick_world: World) -> None:
    path = browser(quick_world, "Ivy").do("change_pin", {"new_pin": OTHER_PIN}).path
    assert browser(quick_world, "Pat").get(path).status == 404
    done = quick_world.do("import_sites", "Mia", file=NEW_SITE)
    assert browser(quick_world, "Mia", None).get(f"/receipt/{done.confirmation}").status == 200
    assert browser(quick_world, "Ada").get(f"/receipt/{done.confirmation}").status == 404


def test_a_receipt_has_what_the_source_file_needs(quick_world: World) -> None:
    subject = quick_world.randomized()
    page = browser(quick_world, "Ada").do("dispense", {"subject": subject, "visit": "V1"})
    entry = quick_world.last_entry()
    assert page.title == "Dispensing visit"
    assert page.in_class("big") == entry["confirmation"]
    assert page.row("Study") == "Study combi (combi)"
    assert page.row("Site") == "101 Boston"
    assert page.row("Subject") == subject
    assert page.row("Kit numbers") == ", ".join(entry["facts"]["kits"])
    assert page.row("Date and time") == "November 20, 2026, 10:00 AM GMT-05:00"
    assert page.row("Done by") == "Ada (11)"
    assert page.row("Channel") == "web"
    assert page.row("Ledger entry") == str(entry["sequence"])


@pytest.mark.req("R6")
def test_no_page_of_a_blinded_person_names_an_arm_or_a_kit_type(quick_world: World) -> None:
    here = browser(quick_world, "Ivy")
    given = {"subject": quick_world.screen(), "consent": "yes", "eligible": "yes", "sex": "F"}
    pages = [here.fill_in("randomize", given)]
    pages.append(here.finish(pages[0]))
    visit = {"subject": given["subject"], "visit": "V1"}
    pages += [here.do("dispense", visit), here.get("/")]
    for page in pages:
        assert not re.search(r"\b(active|placebo|kit type)\b", page.text, re.IGNORECASE), page.path
