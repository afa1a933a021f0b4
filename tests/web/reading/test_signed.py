"""A signature stands wherever its record is shown: name, moment at the site, meaning, reason."""

from __future__ import annotations

import pytest

from tests.support.pages import browser
from tests.support.world import Given, World
from tests.web.reading.conftest import Known
from tests.web.reading.pages import Pages

AT_101 = "November 20, 2026, 10:00 AM GMT-05:00"


@pytest.mark.req("R16")
def test_a_subject_a_visit_a_site_and_a_version_show_who_signed_when_and_as_what(
    pages: Pages, known: Known
) -> None:
    for path, who, meaning in (
        (f"/subjects/{known.subject}", "Ada (11)", "I take responsibility for this randomization"),
        (f"/subjects/{known.subject}/visits/V1", "Ada (11)", "I take responsibility for this disp"),
        ("/sites/101", "Mia (2)", "ation of this site"),
        (f"/ledger?subject={known.subject}", "Ada (11)", "I screened this subject"),
        (f"/kits/{known.kit}", "Ada (11)", "I take responsibility for this dispensing"),
    ):
        text = pages.text("Cy", path)
        assert f"{who} {AT_101}" in text or f"{who}, {AT_101}" in text, path
        assert meaning in text, (path, text[-1500:])
    assert "I approve this study file" in pages.text("Mia", "/versions/1")


@pytest.mark.req("R16")
def test_a_shipment_and_a_lot_show_theirs_to_who_may_see_them(pages: Pages, known: Known) -> None:
    assert "I received this shipment" in pages.text("Ada", f"/shipments/{known.shipment}")
    assert "I received this shipment" not in pages.text("Ada", "/subjects")
    number = pages.world.one("SELECT number FROM lot WHERE study = :study ORDER BY number LIMIT 1")
    assert "Quinn (4)" in pages.text("Quinn", f"/lots/{number}")


@pytest.mark.req("R16")
def test_whoever_approves_reads_the_first_signature_beside_the_answers(
    pages: Pages, quick_world: World
) -> None:
    proposed = quick_world.do(
        "unblind_study",
        "Mia",
        purpose="analysis",
        open_to="32",
        until="2026-12-01",
        documented_in="Plan 3",
    )
    quick_world.randomized()
    number = str(proposed.facts["proposal"])
    page = pages.get("Stat", f"/do/approve?proposal={number}")
    page = pages.get("Stat", page.headers["Location"])
    assert "Mia (2)" in page.text
    assert "(proposed)" in page.text


def test_a_reason_is_told_in_words(pages: Pages, quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.do("code_view", "Saf", site=None, subject=number, reason="safety_report")
    text = pages.text("Mia", "/breaks")
    assert "safety_report" not in text
    assert "Reason: a report to the authorities" in text


@pytest.mark.req("R16")
def test_a_receipt_shows_the_signature_and_its_reason(quick_world: World) -> None:
    number = quick_world.randomized()
    here = browser(quick_world, "Ivy")
    receipt = here.do("code_break", {"subject": number, "reason": "accidental_intake"})
    told = receipt.row("Signed by")
    assert "Ivy (12)" in told
    assert "I break the code" in told
    assert "Reason:" in told


def test_the_page_of_holds_shows_who_signed_each(pages: Pages, quick_world: World) -> None:
    held: Given = {"hold_scope": "site", "hold_site": "101", "hold_screening": "yes"}
    more: Given = {"hold_randomization": "no", "hold_dispensing": "no", "hold_reason": "Audit"}
    quick_world.do("place_hold", "Mia", **held, **more)
    text = pages.text("Mia", "/holds")
    assert "Signatures" in text
    assert "Mia (2) November 20, 2026" in text
    assert "Reason: Audit" in text
