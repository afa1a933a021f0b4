"""Reading by the API: pages that stay put, filters, one record, and nothing of a treatment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.world import TODAY, World
from tests.support.world_fixtures import copy_sqlite


@pytest.fixture(scope="module")
def api(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A study that has been lived in: subjects at two sites, kits given, a lot released."""
    file = tmp_path_factory.mktemp("records") / "world.db"
    copy_sqlite(sqlite_world, file)
    world = World.at(f"sqlite:///{file}")
    for _ in range(7):
        world.dispense(world.randomized())
    world.dispense(world.randomized(who="Dan"), who="Dan")
    world.refused("wrong_subject_status", "screen_failure", "Ada", subject="101001", reason="other")
    yield Api(world)
    world.close()


def _walk(api: Api, who: str, path: str, limit: int, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.get(who, path, limit=str(limit), **cursor, **query)
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


@pytest.mark.parametrize("path", ["/sites", "/subjects", "/kits", "/shipments", "/ledger"])
def test_pages_put_together_are_the_whole_list(api: Api, path: str) -> None:
    whole = api.get("Mia", path, limit="200").get_json()
    assert whole["next"] is None
    for limit in (1, 3):
        assert _walk(api, "Mia", path, limit) == whole["items"]


def test_a_page_stays_what_it_was_while_the_record_grows(quick_world: World) -> None:
    api = Api(quick_world)
    for _ in range(4):
        quick_world.screen()
    first = api.get("Ada", "/subjects", limit="2").get_json()
    newest = api.get("Ada", "/ledger", limit="2").get_json()
    second = api.get("Ada", "/subjects", limit="2", cursor=first["next"]).get_json()
    older = api.get("Ada", "/ledger", limit="2", cursor=newest["next"]).get_json()
    quick_world.screen()
    again = api.get("Ada", "/subjects", limit="2", cursor=first["next"]).get_json()
    assert again["items"] == second["items"]
    assert api.get("Ada", "/ledger", limit="2", cursor=newest["next"]).get_json() == older


def test_filters_leave_what_fits(api: Api) -> None:
    subjects = api.get("Cy", "/subjects", site="102").get_json()["items"]
    assert [one["number"] for one in subjects] == ["102001"]
    given = api.get("Cy", "/kits", site="101", status="dispensed").get_json()["items"]
    assert len(given) == 7
    assert {one["subject"] for one in given} == {f"10100{n}" for n in range(1, 8)}
    assert len(api.get("Cy", "/shipments", site="102").get_json()["items"]) == 1
    assert api.get("Cy", "/shipments", status="in_transit").get_json()["items"] == []


@pytest.mark.req("R9", "R16")
def test_the_ledger_is_found_by_subject_person_kit_deed_and_time(api: Api) -> None:
    def ledger(**query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = api.get("Cy", "/ledger", **query).get_json()["items"]
        return items

    about = ledger(subject="101001")
    deeds = ["screen_failure", "dispense", "randomize", "screen"]
    assert [one["transaction"] for one in about] == deeds
    assert [one["outcome"] for one in about] == ["refused", "done", "done", "done"]
    assert about[0]["refused"] == "wrong_subject_status"
    assert "101001" in about[0]["detail"]
    (kit,) = about[1]["facts"]["kits"]
    assert kit in [one for entry in ledger(kit=kit) for one in entry["facts"].get("kits", [])]
    assert {one["actor"] for one in ledger(actor="16")} == {"16"}
    assert {one["transaction"] for one in ledger(transaction="dispense")} == {"dispense"}
    assert ledger(to="2026-11-20T15:00:00Z") == []
    assert ledger(**{"from": "2026-11-20T15:00:01Z"}) == []
    moment = {"from": "2026-11-20T10:00:00-05:00", "to": "2026-11-20T15:00:00.000001Z"}
    assert ledger(subject="101001", **moment) == about
    assert about[1]["at"] == "2026-11-20T15:00:00+00:00"
    assert about[1]["at_local"] == "2026-11-20T10:00:00-05:00"
    assert about[1]["hash"] == api.world.one(
        "SELECT hash FROM ledger WHERE study = :study AND sequence = :n", n=about[1]["sequence"]
    )
    assert about[0]["signatures"] == []
    released = api.get("Mia", "/ledger", transaction="publish").get_json()["items"]
    assert [one["meaning"] for one in released[0]["signatures"]] == ["publish"]
    assert (about[1]["actor_name"], about[1]["channel"]) == ("Ada", "command line")


def test_one_record_is_what_ixrs_show_tells(api: Api) -> None:
    subject = api.get("Ada", "/subjects/101001").get_json()
    assert (subject["status"], len(subject["kits"])) == ("randomized", 1)
    kit = subject["kits"][0]["number"]
    assert api.get("Ada", f"/kits/{kit}").get_json()["subject"] == "101001"
    assert api.get("Ada", "/sites/101").get_json()["counts"]["randomized"] == 7
    assert api.get("Mia", "").get_json()["counts"]["randomized"] == 8
    for path in (
        "/subjects/102001",
        "/subjects/999",
        "/subjects/x",
        "/kits/00000000",
        "/sites/102",
    ):
        assert api.get("Ada", path).status_code == 404, path


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/subjects", {"limit": "0"}),
        ("/subjects", {"limit": "201"}),
        ("/subjects", {"limit": "x"}),
        ("/subjects", {"cursor": "x"}),
        ("/subjects", {"colour": "red"}),
        ("/subjects", {"site": ""}),
        ("/ledger", {"from": "yesterday"}),
        ("/ledger", {"from": "2026-02-30T00:00:00Z"}),
        ("/ledger", {"transaction": "nothing"}),
    ],
)
def test_a_wrong_filter_is_named(api: Api, path: str, query: dict[str, str]) -> None:
    answer = api.get("Ada", path, **query)
    assert (answer.status_code, answer.get_json()["field"]) == (400, *query)


_PATHS = (
    "/subjects", "/subjects/{subject}", "/kits", "/kits/{kit}", "/shipments",
    "/shipments/{shipment}", "/sites", "/sites/101", "/ledger", "", "/transactions?site=101",
)  # fmt: skip


@pytest.mark.parametrize("who", ["Ada", "Ivy", "Bo", "Cy", "Mia", "Sam"])
def test_nothing_that_is_read_names_an_arm_a_kit_type_a_lot_or_an_expiry(
    api: Api, who: str
) -> None:
    world = api.world
    subject = world.rows("SELECT number FROM subject WHERE study = :study AND arm IS NOT NULL")[0]
    kit = world.rows("SELECT number FROM kit WHERE study = :study AND site = '101'")[0].number
    shipment = world.rows("SELECT number FROM shipment WHERE study = :study AND site = '101'")[0]
    names = {"subject": subject.number, "kit": kit, "shipment": shipment.number}
    arms = {world.arm(subject.number), "active", "placebo"}
    kinds = {world.kit_type(kit), "A", "B", "Capsules"}
    lots = world.rows("SELECT number, expiry FROM lot WHERE study = :study")
    secret = arms | kinds | {row.number for row in lots} | {str(row.expiry)[:10] for row in lots}
    read = 0
    for path in _PATHS:
        place, _, query = path.format(**names).partition("?")
        sent = dict([query.split("=")]) if query else {"limit": "200"} if _is_list(path) else {}
        answer = api.get(who, place, **sent)
        assert answer.status_code in (200, 404)
        read += answer.status_code == 200
        # A site may be active, which this study calls an arm too.
        states = r'"(status|before|after)": "active"'
        told = re.findall(r'"([^"]*)"', re.sub(states, "", answer.text))
        assert not secret & set(told), path
        words = r"\b(kit_type|arm|lot|expiry|placebo)\b"
        # What is asked of those who release a lot is called so; no lot is named.
        said = re.sub(r'"meaning_text": "[^"]*"', "", answer.text)
        assert place == "/transactions" or not re.search(words, said), path
    assert read >= 5


def _is_list(path: str) -> bool:
    return path in ("/subjects", "/kits", "/shipments", "/sites", "/ledger")


def test_receipts_of_the_blinded_name_no_treatment(quick_world: World) -> None:
    api = Api(quick_world)
    number = quick_world.screen()
    answers: dict[str, Any] = {"subject": number, "consent": True, "eligible": True, "sex": "F"}
    told = api.do("randomize", "Ivy", **answers)
    given = api.do("dispense", "Ada", subject=number, visit="V1")
    assert (told.status_code, given.status_code) == (201, 201)
    assert told.get_json()["treatment"] is None
    for answer in (told, given):
        assert not re.search(
            r'\bactive\b|placebo|capsules|"A"|"B"|5001|5002|2028', answer.text, re.I
        )
    assert TODAY in told.text
