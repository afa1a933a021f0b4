"""Lots through the API: the trace and the packager's list, for who may read types, on record."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.world import World

TRACE = "/lots/5001/trace"
LIST = "/packaging-list"


def test_the_trace_names_kits_sites_shipments_and_subjects(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    api = Api(quick_world)
    found = [api.get("Quinn", f"/lots/{lot}/trace").get_json() for lot in ("5001", "5002")]
    (mine,) = [one for one in found if kit in {each["number"] for each in one["kits"]}]
    assert (mine["subjects"], mine["sites"], len(mine["kits"])) == ([number], ["101", "102"], 24)
    (given,) = [each for each in mine["kits"] if each["number"] == kit]
    assert (given["state"], given["visit"], given["subjects"]) == ("dispensed", "V1", [number])
    entry = quick_world.last_entry()
    assert (entry["transaction"], entry["channel"], entry["facts"]["what"]) == (
        *("types_read", "api"),
        "trace",
    )


def test_the_list_is_values_or_a_file(quick_world: World) -> None:
    api = Api(quick_world)
    kits = api.get("Sam", LIST, lot="5002").get_json()["kits"]
    assert {(one["lot"], one["kit_type"]) for one in kits} == {("5002", "B")}
    answer = api.get("Sam", LIST, lot="5002", format="csv")
    assert answer.mimetype == "text/csv"
    assert [line[:8] for line in answer.get_data(as_text=True).splitlines()[1:]] == [
        one["kit_number"] for one in kits
    ]


@pytest.mark.parametrize("who", ["Ada", "Bo", "Cy", "Mia", "Hal"])
def test_neither_exists_for_others(quick_world: World, who: str) -> None:
    api = Api(quick_world)
    assert [api.get(who, path).status_code for path in (TRACE, LIST)] == [404, 404]
    assert api.get("Quinn", "/lots/9999/trace").status_code == 404
    assert api.get("Sam", LIST, lot="9999").status_code == 404
