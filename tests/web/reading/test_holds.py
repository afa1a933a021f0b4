"""Pages about what is on hold, corrected or randomized in error."""

from __future__ import annotations

from typing import Any

from tests.support.pages import browser
from tests.support.world import Given, World
from tests.web.reading.pages import Pages

STOPPED: Given = {
    "hold_randomization": "yes",
    "hold_dispensing": "yes",
    "hold_reason": "Two events",
}
ON_HOLD = "Randomization is on hold. The study manager will tell when it goes on."


def _hold(world: World, **given: Any) -> None:
    world.do("place_hold", "Mia", **given, **STOPPED)


def test_the_first_page_of_a_site_tells_what_is_on_hold_in_the_words_of_the_refusal(
    quick_world: World,
) -> None:
    here = browser(quick_world, "Ada")
    assert "on hold" not in here.get("/").text
    _hold(quick_world, hold_scope="arm", hold_arm="active")
    page = here.get("/")
    assert ON_HOLD in page.text
    assert "Dispensing is on hold." in page.text
    assert "Screening is on hold." not in page.text
    number = quick_world.screen()
    given = {"subject": number, "consent": "yes", "eligible": "yes", "confirmed_by": "12"}
    refused = here.do("randomize", {**given, "sex": "F"})
    assert refused.status == 409
    assert ON_HOLD in refused.text


def test_the_first_page_says_the_same_whatever_is_held(quick_world: World) -> None:
    here, texts = browser(quick_world, "Ada"), set()
    scopes: list[Given] = [
        {"hold_scope": "arm", "hold_arm": "placebo"},
        {"hold_scope": "stratum", "sex": "M"},
        {"hold_scope": "site", "hold_site": "101", "hold_screening": "no"},
    ]
    for place, scope in enumerate(scopes, start=1):
        _hold(quick_world, **scope)
        texts.add(here.get("/").text)
        quick_world.do("lift_hold", "Mia", hold=str(place), hold_reason="Over")
    assert len(texts) == 1
    _hold(quick_world, hold_scope="site", hold_site="102", hold_screening="no")
    assert "on hold" not in here.get("/").text


def test_the_study_manager_sees_each_hold_but_no_arm_and_lifts_it_from_there(
    quick_world: World,
) -> None:
    _hold(quick_world, hold_scope="arm", hold_arm="placebo")
    _hold(quick_world, hold_scope="stratum", sex="F")
    pages = Pages(quick_world)
    text = pages.text("Mia", "/holds")
    for words in ("An arm", "A stratum: F", "Randomization, Dispensing", "Mia 2", "in force"):
        assert words in text
    assert "lacebo" not in text
    assert pages.get("Ada", "/holds").status_code == 404
    mia = browser(quick_world, "Mia", None)
    link = next(one for one in mia.get("/holds").links if "hold=1" in one)
    page = mia.answer(mia.get(link), "No relation")
    done = mia.finish(page)
    assert done.path.startswith("/receipt/")
    assert quick_world.last_entry()["facts"]["hold"] == "1"
    assert quick_world.one("SELECT count(*) FROM hold WHERE lifted_at IS NULL") == 1


def test_a_hold_is_placed_on_pages(quick_world: World) -> None:
    mia = browser(quick_world, "Mia", None)
    given = {"hold_scope": "stratum", "sex": "F", **STOPPED}
    done = mia.do("place_hold", given)
    assert done.path.startswith("/receipt/")
    assert "Hold 1 is in force: Randomization and Dispensing." in done.text
    quick_world.refused("on_hold", "randomize", "Ivy", subject=quick_world.screen(), sex="F",
                        consent="yes", eligible="yes")  # fmt: skip


def test_a_correction_shows_its_effect_before_it_is_proposed_and_before_it_is_signed(
    quick_world: World,
) -> None:
    number = quick_world.randomized(sex="F")
    ada, ivy = browser(quick_world, "Ada"), browser(quick_world, "Ivy")
    given = {"subject": number, "which_factor": "sex", "right_level": "M", "reason": "entry"}
    page = ada.fill_in("correct_levels", {**given, "details": "Keyed in a hurry"})
    effects = "No change to dispensing", "No cap depends on it", "keep the randomized stratum"
    assert all(words in page.text for words in (*effects, "Keyed in a hurry"))
    ada.finish(page)
    waiting = next(one for one in ivy.get("/").links if "/do/approve?" in one)
    page = ivy.get(waiting)
    assert all(words in page.text for words in (*effects, "Keyed in a hurry", number))
    assert ivy.finish(page).path.startswith("/receipt/")
    assert ada.get(f"/subjects/{number}").row("Sex") == "Male (randomized as Female)"


def test_an_answer_that_may_be_added_is_offered_once_all_others_are_given(
    quick_world: World,
) -> None:
    number = quick_world.randomized()
    ada = browser(quick_world, "Ada")
    given = {"subject": number, "which_factor": "sex", "right_level": "M", "reason": "entry"}
    page = ada.fill_in("correct_levels", given)
    (add,) = [one for one in page.links if one.endswith("/ask/details")]
    page = ada.answer(ada.get(add), "Source page 3")
    assert page.row("Details") == "Source page 3"
    *_, change = [one for one in page.links if one.endswith("/ask/details")]
    page = ada.answer(ada.get(change), "Source page 4")
    assert page.row("Details") == "Source page 4"
    *_, change = [one for one in page.links if one.endswith("/ask/reason")]
    page = ada.answer(ada.get(change), "measured")
    assert page.row("Details") == "Source page 4"


def test_a_subject_randomized_in_error_is_told_apart_everywhere(quick_world: World) -> None:
    number = quick_world.randomized()
    ivy = browser(quick_world, "Ivy")
    given = {"subject": number, "reason": "wrong_person", "treatment_goes_on": "no"}
    done = ivy.do("randomized_in_error", given)
    assert "was randomized in error. Treatment is stopped" in done.text
    for path in (f"/subjects/{number}", "/subjects"):
        assert "randomized in error" in ivy.get(path).text
