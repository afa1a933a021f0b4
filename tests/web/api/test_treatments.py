"""Treatments by the API: on record before they are sent, told to nobody else, in no address."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.unblinding import BREAK, for_analysis, join, on_shelf
from tests.support.world import World

NAMES = {"active": "Active", "placebo": "Placebo", "A": "Active", "B": "Placebo"}


@pytest.fixture
def api(quick_world: World) -> Api:
    return Api(join(quick_world))


@pytest.mark.req("R3")
def test_a_code_break_tells_nothing_and_each_reading_of_it_is_on_record(api: Api) -> None:
    world = api.world
    number = world.randomized()
    done = api.do("code_break", "Ivy", subject=number, **BREAK)
    assert done.status_code == 201
    assert done.get_json()["treatment"] is None
    assert not any(f'"{name}"' in done.text for name in ("Active", "Placebo"))
    for times in (1, 2):
        found = api.get("Ivy", f"/treatments/{number}").get_json()
        assert found["treatment"] == NAMES[world.arm(number)]
        assert found["times"] == times == world.last_entry()["facts"]["times"]
    assert world.messages()[-1][0] == "sms.treatment_read_again"


@pytest.mark.req("R3")
def test_a_repeated_key_gets_the_receipt_and_no_treatment(api: Api) -> None:
    number = api.world.randomized()
    first = api.do("code_break", "Ivy", key="once", subject=number, **BREAK)
    again = api.do("code_break", "Ivy", key="once", subject=number, **BREAK)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json()["confirmation"] == first.get_json()["confirmation"]
    assert again.get_json()["treatment"] is None
    assert api.world.one("SELECT count(*) FROM opening") == 1


@pytest.mark.req("R6")
@pytest.mark.parametrize("who", ["Ada", "Cy", "Mia", "Opal", "Saf", "Tess", "Di"])
def test_others_are_told_that_it_does_not_exist_and_that_is_on_record(api: Api, who: str) -> None:
    number = api.world.randomized()
    api.do("code_break", "Ivy", subject=number, **BREAK)
    found = api.get(who, f"/treatments/{number}")
    assert (found.status_code, found.get_json()["code"]) == (404, "not_found")
    never = api.get(who, "/treatments/999999")
    assert never.get_json()["detail"] == found.get_json()["detail"]
    assert api.world.last_entry()["facts"]["why"] == "not_open"


def test_openings_are_listed_without_what_they_open(api: Api) -> None:
    world = api.world
    number, kit = world.randomized(), on_shelf(world)
    api.do("code_break", "Ivy", subject=number, **BREAK)
    api.do("unblind_kit", "Ivy", kit=kit, **BREAK)
    found = api.get("Ivy", "/openings")
    assert [(one["kit"], one["subject"]) for one in found.get_json()["items"]] == [
        (kit, None),
        (None, number),
    ]
    assert api.get("Ada", "/openings").get_json()["items"] == []
    told = api.get("Ivy", f"/kits/{kit}/treatment").get_json()
    assert told["treatment"] == NAMES[world.kit_type(kit)]
    assert api.get("Ada", f"/kits/{kit}/treatment").status_code == 404


def test_all_treatments_after_a_planned_unblinding(api: Api) -> None:
    world = api.world
    numbers = [world.randomized() for _ in range(2)]
    assert api.get("Tess", "/treatments").status_code == 404
    proposed = api.do("unblind_study", "Mia", **for_analysis(world) | {"open_to": 5}).get_json()
    api.do("approve", "Tess", proposal=proposed["facts"]["proposal"])
    found = api.get("Tess", "/treatments").get_json()["items"]
    assert {one["subject"]: one["treatment"] for one in found} == {
        number: NAMES[world.arm(number)] for number in numbers
    }
    assert world.last_entry()["facts"]["subjects"] == numbers


@pytest.mark.req("R4")
def test_code_breaks_are_listed_with_what_was_done_about_them(api: Api) -> None:
    number = api.world.randomized()
    done = api.do("code_break", "Ivy", subject=number, **BREAK).get_json()
    given = {"code_break": done["confirmation"], "assessment": "None"}
    assert api.do("assess_break", "Cy", **given).status_code == 201
    (row,) = api.get("Mia", "/code-breaks").get_json()["items"]
    assert (row["subject"], row["reason"], row["is_due"]) == (number, "medical_emergency", False)
    assert [one["text"] for one in row["assessments"]] == ["None"]
    assert api.get("Sam", "/code-breaks").status_code == 404
