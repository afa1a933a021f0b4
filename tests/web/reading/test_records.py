"""What was put right, reviewed or destroyed, as pages tell it."""

from __future__ import annotations

from tests.support.pages import browser
from tests.support.records import CERTIFICATE, WHY
from tests.support.world import TODAY, Given, World

UNITS: Given = {"units_used": "1", "units_unused": "0", "units_missing": "0"}


def test_a_kit_that_was_destroyed_says_when_under_which_certificate_and_who_saw_it(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    quick_world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    quick_world.do("verify_kits", "Cy", kits=kit, agrees="yes")
    assert "/do/authorise_destruction" in browser(quick_world, "Sam", site=None).get("/").links
    quick_world.do("authorise_destruction", "Sam", kits=kit)
    here = browser(quick_world, "Ada")
    assert here.get("/").links.count("/do/destroy_kits") == 2  # among the deeds, and as waiting
    assert "to be destroyed" in here.get(f"/kits/{kit}").text
    here.do("destroy_kits", {"kits": kit, "destroyed_date": TODAY, **CERTIFICATE})
    page = here.get(f"/kits/{kit}")
    for told in ("destroyed", "Certificate", "C-7", "Witness", "Pat, pharmacist"):
        assert told in page.text
    shown = here.get("/stock?status=destroyed")
    assert kit in shown.text


def test_a_correction_is_asked_shown_and_told_with_both_values_and_its_source(
    quick_world: World,
) -> None:
    number = quick_world.screen()
    here = browser(quick_world, "Ada")
    given = {"which_entry": "year_of_birth", "right_year": "1962", **WHY}
    done = here.do("correct_subject", {"subject": number, **given})
    assert "1961" in done.text or done.status == 200
    proposal = quick_world.one("SELECT max(number) FROM proposal WHERE decided_at IS NULL")
    ivy = browser(quick_world, "Ivy")
    check = ivy.get(f"/do/approve?proposal={proposal}")
    for told in ("1961", "1962", "Visit note of that day"):
        assert told in check.text
    ivy.do("approve", {"proposal": str(proposal)})
    page = ivy.get(f"/subjects/{number}")
    assert "1962" in page.text
    ledger = ivy.get(f"/ledger?subject={number}").text
    assert "1961" in ledger
    assert "Visit note of that day" in ledger


def test_a_review_and_a_close_out_tell_their_findings_in_the_ledger(quick_world: World) -> None:
    head = str(quick_world.one("SELECT sequence FROM chain WHERE study = :study"))
    found: Given = {"anything_found": "yes", "findings": "A late receipt at 101"}
    quick_world.do("review_audit", "Mia", review_upto=head, **found)
    checks: Given = {"records_filed": "yes", "drug_settled": "no", "cards_collected": "yes"}
    quick_world.do("close_out_site", "Cy", to_site="101", **checks, remarks="Kits until May")
    page = browser(quick_world, "Mia", site=None).get("/ledger").text
    for told in ("A late receipt at 101", "Kits until May", "Reviewed up to entry"):
        assert told in page
