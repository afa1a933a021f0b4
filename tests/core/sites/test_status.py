"""Sites and study versions: pending, active, paused, closed; each version from its day on."""

from __future__ import annotations

import pytest

from core.messages import Digits, Message
from tests.support.studies import COMBI, capped
from tests.support.world import TODAY, Given, World

AMENDED = capped(COMBI, "study = 200")


def _status(world: World, site: str) -> str:
    return str(world.one("SELECT status FROM site WHERE study = :study AND number = :n", n=site))


def test_a_site_is_activated_signed_and_dated(world: World) -> None:
    world.refused(
        "signature_missing",
        "activate_site",
        "Mia",
        signed=False,
        to_site="103",
        approval_date=TODAY,
    )
    receipt = world.do("activate_site", "Mia", to_site="103", approval_date="2026-11-19")
    assert receipt.said == Message("said.activate_site", {"site": Digits("103")})
    assert (receipt.facts["before"], receipt.facts["after"]) == ("pending", "active")
    assert _status(world, "103") == "active"
    assert world.entry(receipt.sequence)["signatures"][0]["meaning"] == "activate_site"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ([], "pause_site"),
        ([], "close_site"),
        (["activate_site"], "activate_site"),
        (["activate_site", "pause_site"], "pause_site"),
        (["activate_site", "close_site"], "activate_site"),
        (["activate_site", "close_site"], "close_site"),
    ],
)
def test_a_site_changes_only_from_the_states_that_lead_there(
    quick_world: World, changes: list[str], refused: str
) -> None:
    for name in changes:
        quick_world.do(name, "Mia", to_site="103", approval_date=TODAY)
    before = _status(quick_world, "103")
    told = quick_world.refused(
        "wrong_site_status", refused, "Mia", to_site="103", approval_date=TODAY
    )
    assert told.message.params["status"] == Message(f"word.site_{before}")
    assert _status(quick_world, "103") == before


def test_a_paused_site_is_activated_again_and_keeps_its_version(quick_world: World) -> None:
    quick_world.do("pause_site", "Mia", to_site="101", approval_date=TODAY)
    quick_world.do("publish", "Mia", file=AMENDED)
    receipt = quick_world.do("activate_site", "Mia", to_site="101", approval_date=TODAY)
    assert receipt.facts["version"] == 1


@pytest.mark.parametrize("site", ["999", "", "x", "10\x001"])
def test_an_unknown_site_is_a_wrong_answer(world: World, site: str) -> None:
    wrong = world.wrong("to_site", "activate_site", "Mia", to_site=site, approval_date=TODAY)
    assert wrong.message.id == "error.site_unknown"


def test_a_version_takes_effect_site_by_site_from_its_day_on(world: World) -> None:
    world.do("publish", "Mia", file=AMENDED)
    adopt: Given = {"to_site": "102", "version": "2", "effective_date": "2026-11-22"}
    world.do("approve_version", "Mia", **adopt)
    assert world.subject(world.screen("Di")).version == 1
    world.days_later(2)
    assert world.subject(world.screen("Di")).version == 2
    assert world.subject(world.screen("Ada")).version == 1


def test_a_site_begins_with_the_newest_version(quick_world: World) -> None:
    quick_world.do("publish", "Mia", file=AMENDED)
    receipt = quick_world.do("activate_site", "Mia", to_site="103", approval_date=TODAY)
    assert receipt.facts["version"] == 2


@pytest.mark.parametrize(
    ("field", "value"), [("version", "1"), ("version", "3"), ("effective_date", "2026-11-19")]
)
def test_only_a_newer_version_from_today_on_is_approved(
    quick_world: World, field: str, value: str
) -> None:
    quick_world.do("publish", "Mia", file=AMENDED)
    given: Given = {"to_site": "101", "version": "2", "effective_date": TODAY, field: value}
    quick_world.wrong(field, "approve_version", "Mia", **given)


def test_every_entry_names_the_version_it_was_made_under(quick_world: World) -> None:
    old = quick_world.screen()
    quick_world.do("publish", "Mia", file=AMENDED)
    quick_world.do("approve_version", "Mia", to_site="101", version="2", effective_date=TODAY)
    quick_world.screen()
    assert quick_world.last_entry()["study_version"] == 2
    quick_world.randomize(old)
    assert quick_world.last_entry()["study_version"] == 1
