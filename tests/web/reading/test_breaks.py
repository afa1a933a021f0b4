"""The list of code breaks: who, when, why, who stays blinded, assessed or not; never what."""

from __future__ import annotations

import pytest

from tests.support.world import Given, World
from tests.web.reading.pages import Pages, name_of

SEE = ("Ada", "Ivy", "Cy", "Mia", "Aud", "Saf", "Opal")
WHY: Given = {"reason": "medical_emergency", "details": "Admitted to hospital"}


@pytest.fixture
def broken(quick_world: World) -> str:
    """A subject at 101 whose code Ivy has broken; its confirmation number is in the receipt."""
    number = quick_world.randomized()
    quick_world.do("code_break", "Ivy", site="101", subject=number, **WHY)
    return number


@pytest.mark.req("R4")
@pytest.mark.parametrize("who", SEE)
def test_who_when_why_and_who_stays_blinded_is_told_and_the_treatment_is_not(
    pages: Pages, quick_world: World, broken: str, who: str
) -> None:
    text = pages.text(who, "/breaks")
    for told in (
        *("Emergency code break", f"Subject {broken}", "Site 101", "Ivy (12)"),
        *("Reason: a medical emergency", "Admitted to hospital", "November 20, 2026, 10:00 AM"),
        *("Still blinded:", "Coordinator", "I break the code of this subject in an emergency"),
    ):
        assert told in text, told
    assert name_of(quick_world, broken) not in text


def test_other_sites_and_supply_learn_nothing_of_it(
    pages: Pages, quick_world: World, broken: str
) -> None:
    assert "No code has been broken" in pages.text("Di", "/breaks")
    for who in ("Sam", "Quinn", "Hal", "Admin", "Dep"):
        assert pages.get(who, "/breaks").status_code == 404


@pytest.mark.req("R4")
def test_a_break_waits_for_its_assessment_and_then_has_it(
    pages: Pages, quick_world: World, broken: str
) -> None:
    assert "to be assessed" in pages.text("Cy", "/breaks")
    assert "A code break waits for its assessment" in pages.text("Cy", "/")
    assert "waits for its assessment" not in pages.text("Ivy", "/")
    page = pages.get("Cy", "/breaks").text
    (link,) = {part.split('"')[0] for part in page.split('href="') if "/do/assess_break?" in part}
    of = link.rpartition("=")[2]
    quick_world.do("assess_break", "Cy", site=None, code_break=of, assessment="No impact")
    text = pages.text("Mia", "/breaks")
    assert "No impact" in text
    assert "to be assessed" not in text
    assert "waits for its assessment" not in pages.text("Cy", "/")
    assert "/do/assess_break" not in pages.get("Ivy", "/breaks").text


@pytest.mark.req("R3")
def test_a_try_that_failed_and_a_second_break_are_listed(
    pages: Pages, quick_world: World, broken: str
) -> None:
    screened = quick_world.screen()
    quick_world.refused("not_randomized", "code_break", "Ivy", subject=screened, reason="other")
    pages.post("Ada", "/treatments", subject=broken)
    quick_world.do("code_break", "Ivy", site="101", subject=broken, reason="other")
    text = pages.text("Mia", "/breaks")
    assert "refused" in text
    assert "failed" in text
    assert "again" in text
    assert text.index("again") < text.index("Admitted to hospital")


def test_who_reads_it_without_the_subjects_gets_no_link_to_them(pages: Pages, broken: str) -> None:
    assert f"/subjects/{broken}" in pages.get("Mia", "/breaks").text
    assert f"/subjects/{broken}" not in pages.get("Opal", "/breaks").text
