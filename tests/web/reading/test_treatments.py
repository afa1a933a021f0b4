"""What a code break opens is told on a page of no address, once it is on record; to nobody else."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.pages import browser
from tests.support.world import PEOPLE, Given, World
from tests.web.reading.pages import Pages, name_of, words


def _break(world: World, number: str, who: str = "Ivy") -> None:
    world.do("code_break", who, site="101", subject=number, reason="medical_emergency")


def _readings(world: World) -> int:
    return int(world.one("SELECT count(*) FROM ledger WHERE \"transaction\" = 'treatment_read'"))


@pytest.mark.req("R1")
def test_an_investigator_breaks_a_code_on_pages_and_reads_the_treatment(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    here = browser(quick_world, "Ivy")
    receipt = here.do("code_break", {"subject": number, "reason": "medical_emergency"})
    assert name_of(quick_world, number) not in receipt.html
    assert _readings(quick_world) == 0
    form = next(one for one in receipt.forms if one.action == "/treatments")
    told = here.send(receipt, form)
    assert name_of(quick_world, number) in told.text
    assert "once" in told.text
    assert _readings(quick_world) == 1


@pytest.mark.req("R6")
def test_the_page_that_tells_a_treatment_has_no_address_and_is_kept_nowhere(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    _break(quick_world, number)
    pages = Pages(quick_world)
    told = pages.post("Ivy", "/treatments", subject=number)
    assert "no-store" in told.headers["Cache-Control"]
    assert told.request.path == "/treatments"
    listed = pages.text("Ivy", "/treatments")
    assert number in listed
    assert name_of(quick_world, number) not in listed


@pytest.mark.req("R3")
def test_each_reading_counts_and_a_second_one_is_announced_on_the_page(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    _break(quick_world, number)
    pages = Pages(quick_world)
    assert "told of another reading" not in pages.text("Ivy", "/treatments")
    pages.post("Ivy", "/treatments", subject=number)
    assert "told of another reading" in pages.text("Ivy", "/treatments")
    again = words(pages.post("Ivy", "/treatments", subject=number).text)
    assert "2 times" in again
    assert _readings(quick_world) == 2


@pytest.mark.req("R6")
@pytest.mark.parametrize("who", ["Ada", "Cy", "Mia", "Saf", "Opal", "Bo"])
def test_nobody_else_is_told_and_asking_is_on_record(
    pages: Pages, quick_world: World, who: str
) -> None:
    number = quick_world.randomized()
    _break(quick_world, number)
    told = pages.post(who, "/treatments", subject=number)
    assert told.status_code == 422
    assert name_of(quick_world, number) not in told.text
    failed = "SELECT count(*) FROM ledger WHERE \"transaction\" = 'code_break_failed'"
    assert quick_world.one(failed) == 1
    assert _readings(quick_world) == 0


@pytest.mark.req("R2")
def test_a_code_break_opens_no_other_subject(quick_world: World) -> None:
    number, other = quick_world.randomized(), quick_world.randomized()
    _break(quick_world, number)
    told = Pages(quick_world).post("Ivy", "/treatments", subject=other)
    assert told.status_code == 422
    assert name_of(quick_world, other) not in told.text


def test_the_subjects_page_says_that_the_code_was_broken_to_everyone_who_sees_it(
    pages: Pages, quick_world: World
) -> None:
    number = quick_world.randomized()
    _break(quick_world, number)
    for who in ("Ada", "Ivy", "Cy", "Mia", "Aud"):
        text = pages.text(who, f"/subjects/{number}")
        assert "Code broken November 20, 2026" in text
        assert name_of(quick_world, number) not in text
    assert "Read the treatment" in pages.text("Ivy", f"/subjects/{number}")
    assert "Read the treatment" not in pages.text("Ada", f"/subjects/{number}")


@pytest.mark.req("R3")
def test_a_form_or_a_program_that_names_nobody_has_tried(quick_world: World) -> None:
    tried = "SELECT count(*) FROM ledger WHERE \"transaction\" = 'code_break_failed'"
    quick_world.randomized()
    here = browser(quick_world, "Ivy")
    page = here.fill_in("code_break", {"subject": "999999"})
    assert page.status == 422
    assert quick_world.one(tried) == 1
    here.fill_in("screen_failure", {"subject": "999999"})
    assert quick_world.one(tried) == 1
    sent = {"site": "101", "answers": {"subject": "999999"}}
    path = "/studies/combi/transactions/code_break/check"
    answer = Api(quick_world).ask("Ivy", path, method="POST", json=sent)
    assert answer.get_json()["status"] == "wrong"
    assert quick_world.one(tried) == 2
    told = quick_world.rows("SELECT message FROM outbox WHERE study = :study")
    assert sum("code_break_failed" in row.message for row in told) == 2


def test_after_a_planned_unblinding_the_one_it_is_for_takes_all_and_others_nothing(
    pages: Pages, quick_world: World
) -> None:
    numbers = [quick_world.randomized() for _ in range(2)]
    planned: Given = {
        "purpose": "analysis",
        "open_to": PEOPLE["Stat"],
        "until": "2026-12-01",
        "documented_in": "Plan 3",
    }
    proposed = quick_world.do("unblind_study", "Mia", **planned)
    quick_world.do("approve", "Stat", proposal=str(proposed.facts["proposal"]))
    assert "All subjects" in pages.text("Stat", "/treatments")
    taken = pages.post("Stat", "/treatments/all")
    lines = taken.text.splitlines()
    assert lines[0] == "subject,treatment,randomized_to"
    expected = [f"{one},{name_of(quick_world, one)}" for one in numbers]
    assert [line.rpartition(",")[0] for line in lines[1:]] == expected
    assert "no-store" in taken.headers["Cache-Control"]
    assert (
        name_of(quick_world, numbers[0])
        in pages.post("Stat", "/treatments", subject=numbers[0]).text
    )
    assert pages.post("Mia", "/treatments/all").status_code == 422
