"""Kits that only the unblinded pharmacist handles: Bo gives them, everybody else is sent to Bo."""

from __future__ import annotations

import pytest

from core.messages import Message
from tests.support.doses import TITRATED, run_low, treated
from tests.support.stories import set_up
from tests.support.world import Given, World

OPEN_LABELS = TITRATED.replace("\nsize =", "\nunblinded = true\nsize =")
SEE = Message("error.see_pharmacist")


@pytest.fixture
def here(quick_world: World) -> World:
    return set_up(quick_world, OPEN_LABELS)


def _subject(world: World) -> str:
    return treated(lambda name, who, **given: world.do(name, who, **given).facts)


def _of_each_arm(world: World) -> list[str]:
    found: dict[str, str] = {}
    while len(found) < 2:
        number = _subject(world)
        found[world.arm(number)] = number
    return list(found.values())


@pytest.mark.parametrize("who", ["Ada", "Ivy", "Pat"])
def test_the_blinded_are_sent_to_the_pharmacist_in_the_same_words_for_each_arm(
    here: World, who: str
) -> None:
    for number in _of_each_arm(here):
        kits = here.dispense(number, "V1", "Bo")
        deeds: dict[str, Given] = {
            "unscheduled": {},
            "replace": {"kit": kits[0], "reason": "lost"},
        }
        for name, given in deeds.items():
            assert here.refused("not_allowed", name, who, subject=number, **given).message == SEE
    other = _subject(here)
    assert here.refused("not_allowed", "dispense", who, subject=other, visit="V1").message == SEE


def test_whether_the_shelf_is_empty_is_not_told_to_the_blinded(here: World) -> None:
    number = _subject(here)
    run_low(here, 0)
    assert here.refused("not_allowed", "dispense", "Ada", subject=number, visit="V1").message == SEE
    here.refused("no_kit_available", "dispense", "Bo", subject=number, visit="V1")


def test_bo_gives_replaces_and_takes_back_and_the_pharmacy_confirms(here: World) -> None:
    number = _subject(here)
    first, second = here.dispense(number, "V1", "Bo")
    here.do("replace", "Bo", subject=number, kit=first, reason="damaged")
    assert len(here.do("unscheduled", "Bo", subject=number).facts["kits"]) == 2
    given: Given = {"subject": number, "kit": second, "storage_confirmed": "yes"}
    proposed = here.do("never_got_it", "Bo", **given)
    here.do("approve", "Cy", proposal=str(proposed.facts["proposal"]))
    assert here.kit(second).disposition == "available"
    here.refused("not_allowed", "change_dose", "Bo", subject=number, dose="d20", reason="safety")


def test_a_coordinator_who_is_the_unblinded_pharmacist_too_gives_them(here: World) -> None:
    here.do("grant_role", "Mia", user_id="11", role="unblinded_pharmacist", to_site="101")
    assert len(here.dispense(_subject(here), "V1", "Ada")) == 2
