"""What pages and `ixrs show` tell of phases, cohorts and responses: never an arm."""

from __future__ import annotations

import re

from core.reading import Reader
from tests.support.doses import TITRATED, treated
from tests.support.stories import decide, dosed, respond, set_up
from tests.support.world import World
from tests.web.reading.pages import Pages


def _story(world: World) -> tuple[World, str]:
    here = set_up(world)
    decide(here, "open")
    number = dosed(here)
    respond(here, number, "yes")
    here.do("enter_phase", "Ada", subject=number, phase="OLE")
    return here, number


def test_the_page_of_a_subject_tells_phase_cohort_and_response(quick_world: World) -> None:
    here, number = _story(quick_world)
    text = Pages(here).text("Ada", f"/subjects/{number}")
    assert "Open extension, since November 20, 2026" in text
    assert "Response yes, assessed on November 20, 2026" in text
    assert "Cohort 1" in text
    assert "Open day 1" in text
    assert "Day 29" not in text
    assert not any(arm in text for arm in ("High dose", "Low dose", "Placebo"))


def test_a_subject_is_shown_with_phase_cohort_and_response(quick_world: World) -> None:
    here, number = _story(quick_world)
    with here.core.reading() as db:
        shown = Reader(here.core, db, here.actor("Cy"), "dosed").subject(number)
    assert (shown["phase"], str(shown["phase_entered_on"])) == ("OLE", "2026-11-20")
    assert (shown["cohort"], shown["response"]) == (1, True)
    assert str(shown["response_assessed_on"]) == "2026-11-20"
    assert not {"arm", "phase_arm"} & set(shown)


def test_the_receipt_of_an_open_label_phase_tells_its_treatment(quick_world: World) -> None:
    here = set_up(quick_world)
    decide(here, "open")
    number = dosed(here)
    blind = here.do("enter_phase", "Ada", subject=number, phase="EXT")
    opened = here.do("enter_phase", "Ada", subject=number, phase="OLE")
    pages = Pages(here)
    assert "High dose" in pages.text("Ada", f"/receipt/{opened.confirmation}")
    assert "High dose" not in pages.text("Ada", f"/receipt/{blind.confirmation}")
    assert "High dose" not in pages.text("Mia", f"/receipt/{opened.confirmation}")


def test_the_page_of_a_subject_tells_the_dose_in_the_words_of_every_arm(
    quick_world: World,
) -> None:
    here = set_up(quick_world, TITRATED)
    number = treated(lambda name, who, **given: here.do(name, who, **given).facts)
    assert re.search(r"Dose (\d+ mg|Level \d|\w+)", Pages(here).text("Ada", f"/subjects/{number}"))
    here.do("hold_dose", "Ada", subject=number, reason="safety", details="Nausea")
    assert "on hold since November 20, 2026" in Pages(here).text("Ada", f"/subjects/{number}")
