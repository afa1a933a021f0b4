"""Warnings and reasons through the API: to each what they may know."""

from __future__ import annotations

from tests.support.api import Api
from tests.support.resupply import KINDS, MIN_MAX, publish
from tests.support.world import World


def test_why_is_the_same_words_for_all_and_types_for_the_unblinded(quick_world: World) -> None:
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=10))
    api = Api(quick_world)
    made = quick_world.do("resupply", "Sam", to_site="101").facts["shipment"]
    path = f"/shipments/{made}/why"
    sam, ada = api.get("Sam", path), api.get("Ada", path)
    assert (sam.status_code, ada.status_code) == (200, 200)
    assert [(one["kit_type"], one["sent"]) for one in sam.get_json()["types"]] == [
        ("A", 2),
        ("B", 2),
    ]
    assert ada.get_json()["types"] == []
    assert sam.get_json()["why"] == ada.get_json()["why"]
    assert quick_world.last_entry()["transaction"] == "types_read"
    assert api.get("Di", path).status_code == 404


def test_a_shipment_made_by_hand_has_no_types_to_tell(quick_world: World) -> None:
    made = quick_world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts["shipment"]
    answer = Api(quick_world).get("Sam", f"/shipments/{made}/why").get_json()
    assert (answer["kind"], answer["types"]) == ("manual", [])


def test_warnings_are_each_persons_own(quick_world: World) -> None:
    number = quick_world.randomized()
    query = "SELECT number FROM kit WHERE study = :study AND site = '101'"
    for row in quick_world.rows(query):
        if quick_world.kit_type(row.number) == KINDS[quick_world.arm(number)]:
            quick_world.do("report_stock", "Ada", kit=row.number, condition="damaged")
    api, path = Api(quick_world), "/warnings"
    (told,) = api.get("Sam", path).get_json()["items"]
    assert (told["kind"], told["site"], told["shipment"]) == ("shortage", "101", None)
    assert number not in told["text"]
    assert api.get("Ada", path).get_json() == {"items": []}
    assert api.get("Ada", path, site="102").status_code == 404
